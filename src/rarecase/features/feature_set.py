"""Features with their classes and patients, checked: what an experiment is made on."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.arrays import Bools, Floats, Ints
from rarecase.errors import DataError, SettingError, alike, nearest

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore

log = logging.getLogger(__name__)
LARGEST = 1e100  # of a value: its square is still a number
MOST_CLASSES = 10  # above which half as many classes as patients are no classes


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Samples with their classes and patients: vectors in an array, or maps in a store.

    Parameters
    ----------
    X
        Vectors (n, d), float64, or a `FeatureStore` of maps (n, c, h, w) or (n, c, d, h, w).
    y, patient
        Indices (n,) into `classes` and `patients`, the sorted names behind them.
    rare
        Index of the rare class.
    rows
        A row a sample: case, slice, predicted (pixels of the predicted mask; what shows none counts
        only where nothing of the patient does), site (None where nobody said).
    name
        What tables call these features.
    """

    X: Floats | FeatureStore
    y: Ints
    patient: Ints
    classes: tuple[str, ...]
    patients: tuple[str, ...]
    rare: int
    rows: pd.DataFrame
    name: str = "features"

    def __len__(self) -> int:
        return len(self.y)

    @property
    def maps(self) -> bool:
        """Whether samples are maps in a store, taken as they are; vectors are standardised."""
        return not isinstance(self.X, np.ndarray)

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

    @property
    def counted(self) -> Bools:
        """Which samples count for their patient (n,)."""
        return counted(self.rows["predicted"].to_numpy(), self.patient)

    @property
    def digest(self) -> str:
        """What these features are: values, labels, patients."""
        found = hashlib.sha256(repr((self.name, self.classes, self.patients, self.rare)).encode())
        for array in (np.asarray(self.X), self.y, self.patient):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:16]


def counted(predicted: NDArray[Any], patient: Ints) -> Bools:
    """Samples with a predicted mask, and all of a patient who has none.

    >>> counted(np.array([3, 0, 0, 0]), np.array([0, 0, 1, 1])).tolist()
    [True, False, True, True]
    """
    shown = predicted > 0
    anywhere = np.zeros(int(patient.max(initial=0)) + 1, dtype=bool)
    anywhere[patient[shown]] = True
    return np.asarray(shown | ~anywhere[patient])


def store_features(
    store: FeatureStore, *, classes: Sequence[str], rare: str, name: str
) -> FeatureSet:
    """The samples of a store of slices or cases, whose rows say case, slice, patient, label and
    predicted."""
    rows = store.rows
    patients, patient = np.unique(rows["patient"].astype(str).to_numpy(), return_inverse=True)
    place = {label: code for code, label in enumerate(classes)}
    about = rows[["case", "slice", "predicted"]].reset_index(drop=True)
    return FeatureSet(
        X=store,
        y=rows["label"].astype(str).map(place).to_numpy(np.int64),
        patient=patient.astype(np.int64),
        classes=tuple(classes),
        patients=tuple(patients.tolist()),
        rare=place[rare],
        rows=about.assign(site=rows["site"].to_numpy() if "site" in rows else None),
        name=name,
    )


def make_features(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    rare: Any = None,
    sites: ArrayLike | None = None,
    row: Sequence[Any] | None = None,
    name: str = "features",
    constant: bool = False,
) -> FeatureSet:
    """Check features and bring them into one form.

    `X` (n, …), numbers, an array or a DataFrame; more axes than two are flattened. `y` (n,) classes
    as strings or integers. `groups` (n,) says whose row it is; without it each row is a patient of
    its own. `rare` names the rare class; without it the one with the fewest patients. `constant`:
    features that are the same for everybody are accepted. Raises `DataError` for what would make
    the result wrong, and says how to mend it.
    """
    values = _numbers(X)
    if not constant and not np.ptp(values, axis=0).any():
        raise DataError("X: every feature is constant; there is nothing to tell classes apart by.")
    labels = _labels(y, len(values))
    names = _groups(groups, len(values))
    classes, codes = np.unique(labels, return_inverse=True)
    patients, patient = np.unique(names, return_inverse=True)
    _check_classes(classes, patients=len(patients))
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
    rows = pd.DataFrame(
        {
            "case": names.astype(str), "slice": np.arange(len(values)) if row is None else row,
            "predicted": 1, "site": None if sites is None else np.asarray(sites).astype(str),
        }
    )  # fmt: skip
    return FeatureSet(
        X=values,
        y=codes.astype(np.int64),
        patient=patient.astype(np.int64),
        classes=tuple(str(c) for c in classes),
        patients=tuple(str(p) for p in patients),
        rare=found,
        rows=rows,
        name=name,
    )


def _check_classes(classes: NDArray[Any], *, patients: int) -> None:
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
    return values


def _labels(y: ArrayLike, n: int) -> NDArray[Any]:
    labels = _decoded(y, n, what="y: expected one label")
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


def _groups(groups: ArrayLike | None, n: int) -> NDArray[Any]:
    if groups is None:
        return np.array([f"row {i:0{len(str(n))}d}" for i in range(n)])
    names = _decoded(groups, n, what="groups: expected one patient")
    if pd.isna(names).any():
        raise DataError("groups: some rows have no patient; name them, or drop their rows.")
    return _names(names)


def _index(rare: Any, classes: NDArray[Any]) -> int:
    names = [str(c) for c in classes]
    if str(rare) not in names:
        raise SettingError(f"rare={rare!r} is not a class; {nearest(str(rare), names)}")
    return names.index(str(rare))


def outlined(rows: pd.DataFrame, masks: Literal["predicted", "true"]) -> pd.DataFrame:
    """Rows whose `predicted` counts the pixels of the masks that are used: the network's, or true
    ones where there are."""
    if masks == "predicted":
        return rows
    return rows.assign(predicted=rows["tumour"].where(rows["has_mask"], rows["predicted"]))
