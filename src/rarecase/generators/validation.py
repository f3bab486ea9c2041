"""Checks of settings (a `SettingError` names the setting, what was expected and what came), and
generated values cast to the types that a table has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def between(name: str, value: Any, *, low: float, high: float = math.inf) -> None:
    """`SettingError` unless a finite number, low < value ≤ high."""
    known = isinstance(value, Real) and math.isfinite(value)
    if not known or not low < float(value) <= high:
        end = "finite" if math.isinf(high) else f"up to {high:g}"
        raise SettingError(f"{name}: expected above {low:g} and {end}, got {value!r}.")


def cast_values(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """`values` as numbers of type `dtype`: for integers the nearest one that the type holds, for
    booleans whether they are 0.5 or more.

    >>> cast_values(np.array([0.2, 0.5, 1.6]), np.dtype(bool))
    array([False,  True,  True])
    >>> cast_values(np.array([-3.0, 1.6, 300.0]), np.dtype(np.uint8))
    array([  0,   2, 255], dtype=uint8)
    """
    if dtype.kind == "b":
        return np.asarray(values >= 0.5)
    if dtype.kind in "iu":
        values = _whole(values, dtype)
    return np.asarray(values.astype(dtype))


def column_types(X: Any) -> list[Any] | None:
    """The type of each column of a DataFrame; None of anything else."""
    return list(X.dtypes) if hasattr(X, "dtypes") and hasattr(X, "columns") else None


def like_columns(values: NDArray[Any], dtypes: Sequence[Any] | None) -> NDArray[Any]:
    """`values` (n, d) with numbers in them that each column's type holds as they are: a DataFrame's
    columns become one array, and only imbalanced-learn gives them their types back."""
    if dtypes is None:
        return values
    held = values.astype(np.float64)
    for place, each in enumerate(dtypes):
        plain = getattr(each, "subtype", each)  # of a sparse column
        if plain.kind == "b":
            held[:, place] = held[:, place] >= 0.5
        elif plain.kind in "iu":
            held[:, place] = _whole(held[:, place], np.dtype(f"{plain.kind}{plain.itemsize}"))
    return held


def _whole(values: NDArray[Any], dtype: Any) -> NDArray[np.float64]:
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    if int(high) > limits.max:  # 64 bits: rounded up to a number that the type does not hold
        high = float(np.nextafter(high, 0))
    return np.asarray(np.clip(np.rint(values.astype(np.float64)), low, high))
