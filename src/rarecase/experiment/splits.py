"""Who is tested when, drawn once; a digest says whether two results are of the same splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.arrays import Ints
from rarecase.cohort.splits import kfold, site_folds
from rarecase.errors import DataError, SettingError
from rarecase.experiment.fold_rows import Place
from rarecase.features.feature_set import FeatureSet
from rarecase.seeds import derive
from rarecase.shown import Brief


@dataclass(frozen=True, eq=False, repr=False)
class Splits(Brief):
    """The test fold of each patient (patients,), one array a repeat (−1: only ever trains)."""

    folds: tuple[Ints, ...]
    digest: str

    def places(self) -> Iterator[Place]:
        """Every test fold of every repeat."""
        for repeat, fold_of in enumerate(self.folds):
            for fold in np.unique(fold_of[fold_of >= 0]).tolist():
                yield Place(fold_of, repeat, int(fold), self.digest)


def splits_digest(rows: Iterable[tuple[int, str, int]]) -> str:
    """A digest of (repeat, patient, fold), whatever their order.

    >>> splits_digest([(0, "a", 1), (0, "b", 0)]) == splits_digest([(0, "b", 0), (0, "a", 1)])
    True
    """
    text = "\n".join(f"{repeat}\t{patient}\t{fold}" for repeat, patient, fold in sorted(rows))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def splits_of(features: FeatureSet, folds: Sequence[Ints]) -> Splits:
    """Splits of a feature set's patients."""
    rows = [
        (repeat, who, int(fold))
        for repeat, fold_of in enumerate(folds)
        for who, fold in zip(features.patients, fold_of, strict=True)
    ]
    return Splits(tuple(folds), splits_digest(rows))


def draw_splits(
    features: FeatureSet,
    *,
    sites: ArrayLike | None = None,
    folds: int = 5,
    repeats: int = 5,
    seed: int = 0,
) -> Splits:
    """Stratified folds, drawn anew for every repeat; or, with `sites` (n,), each site once. Raises
    `SettingError`, `DataError`, `LeakError`."""
    labels = [features.classes[c] for c in features.label]
    patients = dict(zip(features.patients, labels, strict=True))
    if sites is not None:
        names = np.asarray(sites)
        if names.shape != (len(features),):
            raise DataError(f"sites: expected one site a row ({len(features)}), got {names.shape}.")
        if pd.isna(names).any():
            raise DataError("sites: some rows have no site; name it, or leave them out.")
        whose = np.asarray(features.patients)[features.patient]
        examined = zip(whose.tolist(), names.astype(str).tolist(), strict=True)
        drawn = [site_folds(examined, labels=patients)]
    elif folds < 2 or repeats < 1:
        raise SettingError(f"folds, repeats: expected at least 2 and 1, got {folds}, {repeats}.")
    else:
        seeds = (derive(seed, "folds", repeat) for repeat in range(repeats))
        drawn = [kfold(patients, folds, each) for each in seeds]
    return splits_of(features, [np.array([at[p] for p in features.patients]) for at in drawn])
