"""Where the chance in a difference between two arms comes from: patients, trainings and folds, or
the seeds of generators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rarecase.evidence.fits import Fit
from rarecase.evidence.paired import compare_fits, placed_folds


@dataclass(frozen=True)
class Components:
    """Parts of the variance of a mean difference in AUC; NaN where one cannot be told.

    `seeds` would fall with more generator seeds, `repeats` (folds drawn anew, and what is learnt on
    them) with more repeats, `patients` with more patients alone.
    """

    patients: float
    repeats: float
    seeds: float

    @property
    def shares(self) -> dict[str, float]:
        """Of each part, as a share of those that are known; empty where nothing varies."""
        parts = {name: value for name, value in vars(self).items() if not math.isnan(value)}
        total = sum(parts.values())
        return {name: value / total for name, value in parts.items()} if total > 0 else {}


def variance_components(arm: Sequence[Fit], control: Sequence[Fit], *, rare: int) -> Components:
    """Of the difference that `compare_fits` gives.

    Differences of repeats, and of seeds within repeats, are taken apart by the one-way random
    effects model (Searle, Casella and McCulloch 1992, §3.6), a part below 0 being 0; what is left
    of the squared standard error is due to who the patients are.
    """
    folds = list(placed_folds(arm, control, rare=rare))
    whole = compare_fits(arm, control, rare=rare).error ** 2
    if not folds or not whole > 0:
        return Components(math.nan, math.nan, math.nan)
    table = pd.DataFrame(
        {"repeat": f.repeat, "seed": -1 if f.seed is None else f.seed, "moved": f.difference}
        for f in folds
    )
    each = table.groupby(["repeat", "seed"])["moved"].mean().groupby("repeat")
    count, sizes = len(each), each.size().to_numpy()
    means, inside = each.mean().to_numpy(), each.var(ddof=1).to_numpy()
    seeds = float(np.mean(inside)) if sizes.min() > 1 else math.nan
    # The harmonic mean: how much of it is left in the mean of a repeat.
    left = seeds / (sizes.size / np.sum(1 / sizes)) if sizes.min() > 1 else 0.0
    repeats = max(float(np.var(means, ddof=1)) - left, 0.0) / count if count > 1 else math.nan
    seeds = seeds / float(sizes.sum())
    known = sum(value for value in (repeats, seeds) if not math.isnan(value))
    return Components(max(whole - known, 0.0), repeats, seeds)
