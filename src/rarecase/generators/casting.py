"""Made values as a table has its own: whole numbers stay whole, true and false stay so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
