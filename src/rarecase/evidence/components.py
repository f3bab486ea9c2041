"""Where the chance in a difference between two arms comes from: patients, trainings and folds, or
the seeds of generators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rarecase.evidence.placed import Placed


@dataclass(frozen=True)
class Components:
    """Parts of the variance of a mean difference in AUC; NaN where one cannot be told.

    `seeds` would fall with more generator seeds, `repeats` (folds drawn anew, and what is learnt on
    them) with more repeats, `patients` with more patients alone.
    """

    patients: float = math.nan
    repeats: float = math.nan
    seeds: float = math.nan

    @property
    def shares(self) -> dict[str, float]:
        """Of each part, as a share of those that are known; empty where nothing varies."""
        parts = {name: value for name, value in vars(self).items() if not math.isnan(value)}
        total = sum(parts.values())
        return {name: value / total for name, value in parts.items()} if total > 0 else {}


UNKNOWN = Components()


def components_of(folds: Sequence[Placed], *, variance: float) -> Components:
    """The parts of the `variance` of a mean difference.

    Differences of repeats, and of seeds within repeats, are taken apart by the one-way random
    effects model (Searle, Casella and McCulloch 1992, §3.6), a part below 0 being 0; what is left
    is due to who the patients are.
    """
    if not variance > 0:
        return UNKNOWN
    table = pd.DataFrame(
        {"repeat": f.repeat, "seed": -1 if f.seed is None else f.seed, "moved": f.difference}
        for f in folds
    )
    each = table.groupby(["repeat", "seed"])["moved"].mean().groupby("repeat")
    means, sizes, inside = each.mean().to_numpy(), each.size().to_numpy(), each.var().to_numpy()
    several = bool(sizes.min() > 1)
    seeds = float(np.mean(inside)) if several else math.nan
    # What is left of it in the mean of a repeat, of which some may have fewer seeds.
    left = seeds * float(np.mean(1 / sizes)) if several else 0.0
    repeats = math.nan
    if sizes.size > 1:
        repeats = max(float(np.var(means, ddof=1)) - left, 0.0) / sizes.size
    seeds = seeds / float(sizes.sum())
    known = sum(value for value in (repeats, seeds) if not math.isnan(value))
    return Components(max(variance - known, 0.0), repeats, seeds)
