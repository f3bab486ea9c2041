"""Features with their classes and patients, checked: what an experiment is made on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.arrays import Bools, Floats, Ints
from rarecase.errors import DataError, LeakError, SettingError, nearest
from rarecase.features.checked import (
    check_classes,
    check_groups,
    check_labels,
    check_numbers,
    is_constant,
)
from rarecase.features.columns import Columns
from rarecase.features.nested import Nested
from rarecase.shown import Brief, counts

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore


Masks = Literal["predicted", "true", "whole"]
WHOLE = -1  # the slice of what is of a whole case


@dataclass(frozen=True, eq=False, repr=False)
class FeatureSet(Brief):
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
    columns
        What the columns of vectors are; None of maps.
    nested
        The same samples as inner folds must see them, where the features have learnt classes.
    copies
        The same samples (n, d) of augmented images, once for each copy; empty where nobody made
        any.
    """

    X: Floats | FeatureStore
    y: Ints
    patient: Ints
    classes: tuple[str, ...]
    patients: tuple[str, ...]
    rare: int
    rows: pd.DataFrame
    name: str = "features"
    columns: Columns | None = None
    nested: Nested = ()
    copies: tuple[Floats, ...] = ()

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

    def for_inner(self, number: int, held: Collection[str]) -> FeatureSet:
        """As an inner fold must see them that holds the patients `held` out. Raises `LeakError`
        where they have learnt classes of others than those who train in it."""
        if not self.nested:
            return self
        if number >= len(self.nested) or self.nested[number].held != set(held):
            raise LeakError(
                f"features {self.name!r} have learnt classes without other patients than the inner "
                "fold holds out: extract them with the settings of the experiment."
            )
        return replace(self, X=self.nested[number].X)

    def _about(self) -> dict[str, Any]:
        return {
            "name": self.name, "samples": len(self), "of each": self.X.shape[1:],
            "patients": counts(self.per_class, rare=self.classes[self.rare]),
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """What these features are: values, labels, patients."""
        about = (self.name, self.classes, self.patients, self.rare)
        parts = None if self.columns is None else (self.columns.part.tolist(), self.columns.levels)
        found = hashlib.sha256(repr((about, parts)).encode())
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


def rows_that_count(rows: pd.DataFrame) -> Bools:
    """Which rows (with patient and predicted) count for their patient (n,)."""
    who = np.unique(rows["patient"].astype(str), return_inverse=True)[1]
    return counted(rows["predicted"].to_numpy(), who)


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
    missing: bool = False,
    columns: Columns | None = None,
) -> FeatureSet:
    """Check features and bring them into one form.

    `X` (n, …), numbers, an array or a DataFrame; more axes than two are flattened. `y` (n,) classes
    as strings or integers. `groups` (n,) says whose row it is; without it each row is a patient of
    its own. `rare` names the rare class; without it the one with the fewest patients. `constant`:
    features that are the same for everybody are accepted; `missing`: so are missing values, which
    every fold fills in for itself. `columns`: what those of an array are. Raises `DataError` for
    what would make the result wrong, and says how to mend it.
    """
    values, found_columns = check_numbers(X, missing=missing)
    if not constant and is_constant(values):
        raise DataError("X: every feature is constant; there is nothing to tell classes apart by.")
    labels = check_labels(y, len(values))
    names = check_groups(groups, len(values))
    classes, codes = np.unique(labels, return_inverse=True)
    patients, patient = np.unique(names, return_inverse=True)
    check_classes(classes, patients=len(patients))
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
        columns=columns or found_columns,
    )


def _index(rare: Any, classes: NDArray[Any]) -> int:
    names = [str(c) for c in classes]
    if str(rare) not in names:
        raise SettingError(f"rare={rare!r} is not a class; {nearest(str(rare), names)}")
    return names.index(str(rare))


def outlined(rows: pd.DataFrame, masks: Masks) -> pd.DataFrame:
    """Rows whose `predicted` counts the pixels of the masks that are used: the network's, or true
    ones where there are; every slice counts where it is the whole head."""
    if masks == "predicted":
        return rows
    if masks == "whole":
        return rows.assign(predicted=1)
    return rows.assign(predicted=rows["tumour"].where(rows["has_mask"], rows["predicted"]))
