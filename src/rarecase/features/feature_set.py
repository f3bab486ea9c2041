"""Features, labels and patients, checked: what a comparison is made on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.arrays import Floats, Ints
from rarecase.errors import DataError, SettingError, alike, nearest

log = logging.getLogger(__name__)
LARGEST = 1e100  # of a value: its square is still a number
MOST_CLASSES = 10  # above which half as many classes as patients are no classes


@dataclass(frozen=True)
class FeatureTable:
    """Rows `X` (n, d) with class indices `y` (n,) and patient indices `patient` (n,).

    `classes` and `patients` are the names behind the indices, sorted; `rare` is the index of the
    rare class; `row` names each row. A patient has one class, `label` (patients,).
    """

    X: Floats
    y: Ints
    patient: Ints
    row: NDArray[Any]
    classes: tuple[str, ...]
    patients: tuple[str, ...]
    rare: int

    @property
    def label(self) -> Ints:
        """The class index of each patient (patients,)."""
        found = np.empty(len(self.patients), dtype=np.int64)
        found[self.patient] = self.y
        return found

    @property
    def per_class(self) -> dict[str, int]:
        """Patients of each class."""
        counts = np.bincount(self.label, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    def feed(self, digest: Any) -> None:
        """Give features, labels and patients to a digest of hashlib."""
        for array in (self.X, self.y, self.patient):
            digest.update(np.ascontiguousarray(array).tobytes())


def make_table(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    rare: Any = None,
    row: Sequence[Any] | None = None,
) -> FeatureTable:
    """Check features and bring them into one form.

    `X` (n, …), numbers, an array or a DataFrame; more axes than two are flattened. `y` (n,) classes
    as strings or integers. `groups` (n,) says whose row it is; without it each row is a patient of
    its own. `rare` names the rare class; without it the one with the fewest patients. Raises
    `DataError` for what would make the result wrong, and says how to mend it.
    """
    values = _numbers(X)
    labels = _labels(y, len(values))
    names = _groups(groups, len(values))
    classes, codes = np.unique(labels, return_inverse=True)
    patients, patient = np.unique(names, return_inverse=True)
    if len(classes) > max(MOST_CLASSES, len(patients) / 2):
        raise DataError(
            f"y: {len(classes)} classes among {len(patients)} patients, such as {classes[0]} and "
            f"{classes[1]}. Cut a continuous outcome into classes first; or is this the column "
            "of patients?"
        )
    for group in alike(map(str, classes)):
        log.warning(
            "classes %s differ in capitals alone and count as different ones",
            " and ".join(map(repr, group)),
        )  # fmt: skip
    if len(classes) < 2:
        raise DataError(f"y: expected two classes or more, got one class: {classes.tolist()}.")
    pairs = np.unique(np.stack([patient, codes], axis=1), axis=0)
    twice = pairs[:-1][pairs[:-1, 0] == pairs[1:, 0], 0]
    if twice.size:
        who = str(patients[twice[0]])
        of = sorted({str(c) for c in labels[names == who]})
        raise DataError(
            f"groups: patient {who!r} has rows of {len(of)} classes ({', '.join(of)}), and "
            f"{np.unique(twice).size} patient(s) in all have; a patient has one. If a class may "
            "change between examinations, give each examination its own group only if no two of "
            "one patient can end up in training and test."
        )
    counts = np.bincount(pairs[:, 1], minlength=len(classes))
    found = int(np.argmin(counts)) if rare is None else _index(rare, classes)
    return FeatureTable(
        X=values,
        y=codes.astype(np.int64),
        patient=patient.astype(np.int64),
        row=np.arange(len(values)) if row is None else np.asarray(row),
        classes=tuple(str(c) for c in classes),
        patients=tuple(str(p) for p in patients),
        rare=found,
    )


def _numbers(X: Any) -> Floats:
    columns = [str(c) for c in X.columns] if isinstance(X, pd.DataFrame) else None
    if isinstance(X, pd.DataFrame):
        if X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()][0]
            raise DataError(f"X: two columns are called {twice!r}. Rename one, or drop it.")
        for name in X.columns:
            if not pd.api.types.is_numeric_dtype(X[name]):
                first = X[name].dropna().iloc[0] if X[name].notna().any() else None
                raise DataError(
                    f"X: column {name!r} is not numeric (first value {first!r}). Drop it, or "
                    "encode it as numbers (pandas.get_dummies)."
                )
        X = X.to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.asarray(X)
    if values.ndim < 2 or values.dtype.kind not in "fiub" or not values.size:
        raise DataError(
            f"X: expected numbers, one row a sample (n, d), got {values.dtype} {values.shape}."
        )
    values = values.reshape(len(values), -1).astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        at = int(np.flatnonzero(bad.any(axis=0))[0])
        where = repr(columns[at]) if columns else str(at)
        raise DataError(
            f"X: {int(bad.sum())} values are missing or infinite, first in feature {where} of row "
            f"{int(np.flatnonzero(bad[:, at])[0])}. Drop such rows or features, or fill them in "
            "within a pipeline fitted on training patients alone."
        )
    far = np.abs(values) > LARGEST
    if far.any():
        row, at = (int(found[0]) for found in np.nonzero(far))
        raise DataError(
            f"X: feature {columns[at] if columns else at!r} of row {row} is {values[row, at]:g}; "
            f"expected values up to {LARGEST:g}. If it stands for a missing one, drop it."
        )
    if not np.ptp(values, axis=0).any():
        raise DataError("X: every feature is constant; there is nothing to tell classes apart by.")
    return values


def _labels(y: ArrayLike, n: int) -> NDArray[Any]:
    labels = _decoded(y)
    if labels.shape != (n,):
        raise DataError(f"y: expected one label a row ({n}), got shape {labels.shape}.")
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise DataError("y: some labels are missing; drop their rows.")
        if np.mod(labels, 1).any():
            raise DataError(
                f"y: expected classes (strings or integers), got numbers such as {labels[0]:g}. "
                "Cut a continuous outcome into classes first."
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind == "O":
        if pd.isna(labels).any():
            raise DataError("y: some labels are missing; drop their rows.")
        labels = _names(labels)
    return labels


def _decoded(values: ArrayLike) -> NDArray[Any]:
    """An array of one axis, of bytes as text; a column (n, 1) is one, too."""
    found = np.asarray(values)
    found = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
    return np.char.decode(found, "utf-8") if found.dtype.kind == "S" else found


def _names(values: NDArray[Any]) -> NDArray[Any]:
    """As text; what came as a whole float is the number that it was before a gap made it one."""
    if values.dtype.kind == "f" and not np.mod(values, 1).any():
        return values.astype(np.int64).astype(str)
    if values.dtype.kind == "O":
        whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
        return np.array([str(v) for v in whole])
    return values.astype(str)


def _groups(groups: ArrayLike | None, n: int) -> NDArray[Any]:
    if groups is None:
        return np.array([f"row {i:0{len(str(n))}d}" for i in range(n)])
    names = _decoded(groups)
    if names.shape != (n,):
        raise DataError(f"groups: expected one patient a row ({n}), got shape {names.shape}.")
    if pd.isna(names).any():
        raise DataError("groups: some rows have no patient; name them, or drop their rows.")
    return _names(names)


def _index(rare: Any, classes: NDArray[Any]) -> int:
    names = [str(c) for c in classes]
    if str(rare) not in names:
        raise SettingError(f"rare={rare!r} is not a class; {nearest(str(rare), names)}")
    return names.index(str(rare))
