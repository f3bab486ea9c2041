"""What two arms' placements of each patient differ by, test fold by test fold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rarecase.arrays import Bools, Floats, Ints
from rarecase.evidence.fits import Fit, matching
from rarecase.ranking import placements, rank_correlation


@dataclass(frozen=True)
class Placed:
    """One test fold: what both arms' placements of each patient differ by; the rank correlation of
    their scores; the fold's weight."""

    repeat: int
    seed: int | None  # of the arm
    fold: int
    patient: Ints
    rare: Bools
    moved: Floats
    likeness: float
    weight: float

    @property
    def difference(self) -> float:
        """AUC of the arm minus AUC of the control in this fold."""
        return float(self.moved[self.rare].mean())


def placed_folds(arm: Sequence[Fit], control: Sequence[Fit], *, rare: int) -> Iterator[Placed]:
    """Every test fold that both have and that holds rare and other patients, weighted so that the
    weighted sum of differences is the mean over fits of the mean over their folds."""
    found = []
    for fit in arm:
        others = matching(fit, control)
        found += [(1 / len(others), [*_placed(fit, other, rare=rare)]) for other in others]
    total = sum(weight for weight, folds in found if folds)
    for weight, folds in found:
        for fold in folds:
            yield replace(fold, weight=weight / total / len(folds))


def _placed(fit: Fit, other: Fit, *, rare: int) -> Iterator[Placed]:
    for fold in sorted(fit.folds & other.folds):
        mine, theirs = fit.restricted(frozenset({fold})), other.restricted(frozenset({fold}))
        patient, here, there = np.intersect1d(mine.patient, theirs.patient, return_indices=True)
        is_rare = mine.true[here] == rare
        if 0 < is_rare.sum() < is_rare.size:
            one, two = mine.p[here, rare], theirs.p[there, rare]
            moved = placements(one, is_rare) - placements(two, is_rare)
            likeness = rank_correlation(one, two)
            yield Placed(fit.repeat, fit.seed, fold, patient, is_rare, moved, likeness, math.nan)
