"""Checks of settings (a `SettingError` names the setting, what was expected and what came), and
generated values cast to the types that a table has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError, SettingError
from rarecase.numbers import plainly


def whole(name: str, value: Any, *, low: int) -> None:
    """`SettingError` unless a whole number of at least `low`."""
    if not isinstance(value, Integral) or int(value) < low:
        raise SettingError(f"{name}: expected at least {low}, a whole number, got {value!r}.")


def number(name: str, value: Any, right: Callable[[float], bool], *, expected: str) -> None:
    """`SettingError` unless a number that is `right`, which is to say as `expected`."""
    if not isinstance(value, Real) or not right(float(value)):
        raise SettingError(f"{name}: expected {expected}, got {value!r}.")


def above_zero(name: str, value: Any) -> None:
    """`SettingError` unless a number above 0."""
    number(name, value, lambda x: x > 0, expected="a number above 0")


def share(name: str, value: Any) -> None:
    """`SettingError` unless a number from 0 to below 1."""
    number(name, value, lambda x: 0 <= x < 1, expected="from 0 to below 1")


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
    end = "finite" if math.isinf(high) else f"up to {plainly(high)}"
    number(
        name, value, lambda x: math.isfinite(x) and low < x <= high,
        expected=f"above {plainly(low)} and {end}",
    )  # fmt: skip


def whose(groups: ArrayLike | None, count: int, *, name: str = "groups") -> NDArray[Any]:
    """The patient of each of so many samples as text, (count,); without `groups` a number of its
    own. `DataError` where there are more or fewer."""
    names = np.arange(count) if groups is None else np.asarray(groups).astype(str)
    if names.shape != (count,):
        raise DataError(f"{name}: expected one per sample ({count}), got shape {names.shape}.")
    return names


def cast_values(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """`values` as numbers of type `dtype`: for integers the nearest one that the type holds, for
    booleans whether they are 0.5 or more.

    >>> cast_values(np.array([0.2, 0.5, 1.6]), np.dtype(bool))
    array([False,  True,  True])
    >>> cast_values(np.array([-3.0, 1.6, 300.0]), np.dtype(np.uint8))
    array([  0,   2, 255], dtype=uint8)
    """
    return np.asarray(held_values(values, dtype).astype(dtype))


def like_columns(values: NDArray[Any], dtypes: Sequence[Any] | None) -> NDArray[Any]:
    """`values` (n, d) with numbers in them that each column's type holds as they are: a DataFrame's
    columns become one array, and only imbalanced-learn gives them their types back."""
    if dtypes is None:
        return values
    held = values.astype(np.float64)
    for place, each in enumerate(dtypes):
        held[:, place] = held_values(
            held[:, place], getattr(each, "subtype", each)
        )  # of a sparse column
    return held


def held_values(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """The nearest values that a type holds, not yet of that type."""
    if dtype.kind == "b":
        return np.asarray(values >= 0.5)
    if dtype.kind not in "iu":
        return values
    limits = np.iinfo(np.dtype(f"{dtype.kind}{dtype.itemsize}"))  # pandas has types of its own
    low, high = float(limits.min), float(limits.max)
    if int(high) > limits.max:  # 64 bits: rounded up to a number that the type does not hold
        high = float(np.nextafter(high, 0))
    return np.asarray(np.clip(np.rint(values.astype(np.float64)), low, high))
