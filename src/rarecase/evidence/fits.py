"""The test samples of one repeat and seed, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.evidence.predictions import KEY


@dataclass(frozen=True, eq=False)
class Fit:
    """The test samples (patients or slices) of one repeat and seed, all folds together."""

    repeat: int
    seed: int | None  # None where nothing is random
    patient: Ints  # (n,) index into the cohort's patients
    true: Ints  # (n,) class index
    p: Floats  # (n, classes) probabilities
    fold: Ints  # (n,) test fold
    threshold: Floats | None = None  # (n,) as tuned in the fold; NaN, or None for all: none was

    @property
    def folds(self) -> frozenset[int]:
        """The folds that are there."""
        return frozenset(self.fold.tolist())

    def restricted(self, folds: frozenset[int]) -> Fit:
        """The same with only the samples of `folds`."""
        keep = np.isin(self.fold, list(folds))
        return replace(
            self, patient=self.patient[keep], true=self.true[keep], p=self.p[keep],
            fold=self.fold[keep],
            threshold=None if self.threshold is None else self.threshold[keep],
        )  # fmt: skip


def fits_of(
    table: pd.DataFrame, *, classes: Sequence[str], patients: Sequence[str]
) -> dict[tuple[str, ...], list[Fit]]:
    """The fits of each features × arm × classifier × amount, by repeat and seed: `table` has a row
    per sample; `Fit.patient` counts the cohort's `patients`."""
    where = {name: i for i, name in enumerate(patients)}
    label = {name: i for i, name in enumerate(classes)}
    who = table["patient"].map(where).to_numpy(np.int64)
    true = table["label"].astype(str).map(label).to_numpy(dtype=np.int64)
    p = table[[f"p_{c}" for c in classes]].to_numpy(dtype=np.float64)
    fold, threshold = table["fold"].to_numpy(np.int64), table["threshold"].to_numpy(np.float64)
    keys = table[KEY].assign(repeat=table["repeat"].astype(int), seed=table["seed"].astype("Int64"))
    parts: dict[Any, Any] = keys.groupby([*keys], dropna=False, observed=True).indices
    found: dict[tuple[str, ...], list[Fit]] = {}
    for (*key, repeat, seed), at in parts.items():
        one = Fit(
            repeat=int(repeat), seed=None if pd.isna(seed) else int(seed), patient=who[at],
            true=true[at], p=p[at], fold=fold[at], threshold=threshold[at],
        )  # fmt: skip
        found.setdefault(tuple(map(str, key)), []).append(one)
    return found


def matching(fit: Fit, control: Sequence[Fit]) -> list[Fit]:
    """The control's fits that `fit` is set against: those of the same repeat and seed, or of the
    same repeat where the control knows no such seed; each must share a fold with it."""
    same = [c for c in control if c.repeat == fit.repeat and c.folds & fit.folds]
    return [c for c in same if c.seed == fit.seed] or same
