"""Choosing among what was tried on inner folds: the best, or what is cheaper and as good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Bools, Floats, Ints
from rarecase.experiment.tuning import Inner
from rarecase.ranking import concordance_error


@dataclass(frozen=True, eq=False)
class Option:
    """One thing to choose, as inner folds saw it at its best amount and grid point.

    Parameters
    ----------
    score
        Probability of the rare class of each inner patient (patients,).
    auc
        Of the rare class within inner folds, averaged; NaN where no fold has both kinds.
    rare, fold
        Whether a patient is rare, and the inner fold that held the patient out (patients,).
    """

    score: Floats
    auc: float
    rare: Bools
    fold: Ints

    @staticmethod
    def of(inner: Inner) -> Option:
        """Its best level and point, the more cautious of equal ones."""
        level, point = inner.best()
        rare = inner.parts[0].rare
        score = inner.p[level, point, :, rare]
        return Option(score, float(inner.auc[level, point]), inner.true == rare, inner.fold)


def preferred(options: Sequence[Option]) -> int:
    """Which of `options`, the cheapest first, is taken: the first whose AUC is within one standard
    error of the best one's.

    The rule of one standard error (Breiman, Friedman, Olshen and Stone, Classification and
    Regression Trees, 1984, section 3.4.3), with the error of the difference, since all were tried
    on the same patients.
    """
    auc = np.nan_to_num([option.auc for option in options], nan=0.5).round(12)
    best = int(np.argmax(auc))
    for number, option in enumerate(options[:best]):
        scores = [options[best].score, option.score]
        if auc[best] - auc[number] <= concordance_error(scores, option.rare, option.fold):
            return number
    return best
