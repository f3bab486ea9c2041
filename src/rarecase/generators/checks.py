"""Checks of settings: a `SettingError` names the setting, what was expected and what came."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from rarecase.errors import SettingError


def whole(name: str, value: Any, *, low: int) -> None:
    """`SettingError` unless a whole number of at least `low`."""
    if not isinstance(value, Integral) or int(value) < low:
        raise SettingError(f"{name}: expected at least {low}, a whole number, got {value!r}.")


def above_zero(name: str, value: Any) -> None:
    """`SettingError` unless a number above 0."""
    if not isinstance(value, Real) or not float(value) > 0:
        raise SettingError(f"{name}: expected a number above 0, got {value!r}.")


def from_one(name: str, value: Any) -> None:
    """`SettingError` unless a finite number of at least 1."""
    if not isinstance(value, Real) or not 1 <= float(value) < math.inf:
        raise SettingError(f"{name}: expected a finite number of at least 1, got {value!r}.")


def share(name: str, value: Any) -> None:
    """`SettingError` unless a number from 0 to below 1."""
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise SettingError(f"{name}: expected from 0 to below 1, got {value!r}.")


def widths(name: str, value: Any, *, count: int | None = None) -> None:
    """`SettingError` unless a tuple of whole numbers above 0, `count` of them if that is given."""
    right = isinstance(value, tuple | list) and count in (None, len(value))
    if not right or not all(isinstance(each, Integral) and int(each) > 0 for each in value):
        many = "" if count is None else f"{count} "
        raise SettingError(
            f"{name}: expected a tuple of {many}whole numbers above 0, one a layer, got {value!r}."
        )


def betas(value: Any) -> None:
    """`SettingError` unless two numbers from 0 to below 1."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise SettingError(f"betas: expected two numbers, got {value!r}.")
    for each in value:
        share("betas", each)
