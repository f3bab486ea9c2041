"""The test patients of one repeat and generator seed, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints


@dataclass(frozen=True)
class Fit:
    """The test patients of one repeat and generator seed, all folds together."""

    repeat: int
    seed: int
    patient: Ints  # (n,) index into the cohort's patients
    true: Ints  # (n,) class index
    p: Floats  # (n, classes)
    fold: Ints  # (n,)
    threshold: Floats | None = None  # (n,) the tuned one of each patient's fold

    @property
    def folds(self) -> frozenset[int]:
        """The folds that are there."""
        return frozenset(self.fold.tolist())

    def restricted(self, folds: frozenset[int]) -> Fit:
        """The same with only the patients of `folds`."""
        keep = np.isin(self.fold, list(folds))
        return Fit(
            repeat=self.repeat,
            seed=self.seed,
            patient=self.patient[keep],
            true=self.true[keep],
            p=self.p[keep],
            fold=self.fold[keep],
            threshold=None if self.threshold is None else self.threshold[keep],
        )


def fits_of(pooled: pd.DataFrame, *, patients: Sequence[str], classes: Sequence[str]) -> list[Fit]:
    """The fits of one arm and amount from pooled predictions (`pool_patients`)."""
    where = {name: i for i, name in enumerate(patients)}
    label = {name: i for i, name in enumerate(classes)}
    fits = []
    keys = [pooled["repeat"], pooled["generator_seed"].fillna(-1)]
    parts: dict[Any, pd.DataFrame] = dict(iter(pooled.groupby(keys)))
    for (repeat, seed), part in parts.items():
        fits.append(
            Fit(
                repeat=int(repeat),
                seed=int(seed),
                patient=part["patient"].map(where).to_numpy(dtype=np.int64),
                true=part["label"].astype(str).map(label).to_numpy(dtype=np.int64),
                p=part[[f"p_{c}" for c in classes]].to_numpy(dtype=np.float64),
                fold=part["fold"].to_numpy(dtype=np.int64),
                threshold=part["threshold"].to_numpy(dtype=np.float64),
            )
        )
    return fits


def matching(fit: Fit, control: Sequence[Fit]) -> list[Fit]:
    """The control's fits that `fit` is set against: those of the same repeat and generator seed, or
    of the same repeat where the control knows no such seed; each must share a fold with it."""
    same = [c for c in control if c.repeat == fit.repeat and c.folds & fit.folds]
    return [c for c in same if c.seed == fit.seed] or same
