"""What features, labels and patients must be; what would make a result wrong is refused."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.arrays import Floats
from rarecase.errors import DataError, alike
from rarecase.features.columns import Columns
from rarecase.numbers import plainly

log = logging.getLogger(__name__)
LARGEST = 1e100  # of a value: its square is still a number
MOST_CLASSES = 10  # above which half as many classes as patients are no classes


def check_classes(classes: NDArray[Any], *, patients: int) -> None:
    """Raise `DataError` for what are no classes; say what looks like a slip."""
    if len(classes) > max(MOST_CLASSES, patients / 2):
        raise DataError(
            f"y: {len(classes)} classes among {patients} patients, such as {classes[0]} and "
            f"{classes[1]}. Cut a continuous outcome into classes first; or is this the column "
            "of patients?"
        )
    capitals = len({str(c).casefold() for c in classes}) < len(classes)
    for group in alike(map(str, classes)) if capitals else ():
        log.warning(
            "classes %s differ in capitals alone and count as different ones",
            " and ".join(map(repr, group)),
        )  # fmt: skip
    if len(classes) < 2:
        raise DataError(f"y: expected two classes or more, got one class: {classes.tolist()}.")


def check_numbers(X: Any, *, missing: bool = False) -> tuple[Floats, Columns]:
    """Features as numbers (n, d), and what their columns are. Of a DataFrame columns of dtype
    `category` are categories; other columns must be numbers. `missing`: whether values may be."""
    frame = X if isinstance(X, pd.DataFrame) else None
    levels: dict[int, tuple[str, ...]] = {}
    if frame is not None:
        if frame.columns.has_duplicates:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise DataError(f"X: two columns are called {twice!r}. Rename one, or drop it.")
        coded = {}
        for i, name in enumerate(frame.columns):
            if isinstance(frame[name].dtype, pd.CategoricalDtype):
                levels[i] = tuple(map(str, frame[name].cat.categories))
                codes = frame[name].cat.codes.to_numpy(np.float64)
                coded[name] = np.where(codes < 0, np.nan, codes)
            elif not pd.api.types.is_numeric_dtype(frame[name]):
                first = frame[name].dropna().iloc[0] if frame[name].notna().any() else None
                raise DataError(
                    f"X: column {name!r} is not numeric (first value {first!r}). Drop it, or make "
                    "it categorical (astype('category'))."
                )
        X = frame.assign(**coded).to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.asarray(X)
    if values.ndim < 2 or values.dtype.kind not in "fiub" or not values.size:
        raise DataError(
            f"X: expected numbers, one row a sample (n, d), got {values.dtype} {values.shape}."
        )
    values = values.reshape(len(values), -1).astype(np.float64)
    names = None if frame is None else [str(c) for c in frame.columns]
    index = None if frame is None else frame.index
    _check_values(values, names, index, missing=missing)
    return values, Columns.of(values.shape[1], names=names, levels=levels)


def is_constant(values: Floats) -> bool:
    """Whether every feature (n, d) has one value, as far as it has any."""
    first = values[np.isfinite(values).argmax(axis=0), np.arange(values.shape[1])]
    return not (np.isfinite(values) & (values != first)).any()


def _check_values(
    values: Floats, names: list[str] | None, index: pd.Index | None, *, missing: bool
) -> None:
    bad = np.isinf(values) if missing else ~np.isfinite(values)
    if bad.any():
        at = int(np.flatnonzero(bad.any(axis=0))[0])
        where, row = repr(names[at]) if names else str(at), int(bad[:, at].argmax())
        raise DataError(
            f"X: {int(bad.sum())} values are {'infinite' if missing else 'missing or infinite'}, "
            f"first in feature {where} of row {row if index is None else index[row]}. "
            + ("Drop such rows or features." if missing else
               "Fill missing ones in within each fold (impute='median', --impute median), or drop "
               "such rows or features.")
        )  # fmt: skip
    far = np.abs(values) > LARGEST
    if far.any():
        row, at = (int(found[0]) for found in np.nonzero(far))
        raise DataError(
            f"X: feature {names[at] if names else at!r} of row {row} is {values[row, at]:g}; "
            f"expected values up to {LARGEST:g}. If it stands for a missing one, drop it."
        )


def check_labels(y: ArrayLike, n: int) -> NDArray[Any]:
    labels = _decoded(y, n, what="y: expected one label")
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise DataError("y: some labels are missing; drop their rows.")
        if np.mod(labels, 1).any():
            raise DataError(
                f"y: expected classes (strings or integers), got numbers such as "
                f"{plainly(labels[0])}. Cut a continuous outcome into classes first."
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind == "O":
        if pd.isna(labels).any():
            raise DataError("y: some labels are missing; drop their rows.")
        labels = _names(labels)
    return labels


def _decoded(values: ArrayLike, n: int, *, what: str) -> NDArray[Any]:
    """An array (n,), of bytes as text; a column (n, 1) is one, too."""
    found = np.asarray(values)
    found = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
    if found.shape != (n,):
        raise DataError(f"{what} a row ({n}), got shape {found.shape}.")
    return np.char.decode(found, "utf-8") if found.dtype.kind == "S" else found


def _names(values: NDArray[Any]) -> NDArray[Any]:
    """As text; what came as a whole float is the number that it was before a gap made it one."""
    if values.dtype.kind == "f" and not np.mod(values, 1).any():
        return values.astype(np.int64).astype(str)
    if values.dtype.kind == "O":
        whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
        return np.array([str(v) for v in whole])
    return values.astype(str)


def check_groups(groups: ArrayLike | None, n: int) -> NDArray[Any]:
    if groups is None:
        return np.array([f"row {i:0{len(str(n))}d}" for i in range(n)])
    names = _decoded(groups, n, what="groups: expected one patient")
    if pd.isna(names).any():
        raise DataError("groups: some rows have no patient; name them, or drop their rows.")
    return _names(names)
