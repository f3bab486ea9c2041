"""Choosing among what was tried on inner folds: the best, or what is cheaper and as good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.experiment.tuning import Inner
from rarecase.ranking import class_concordance_error


@dataclass(frozen=True, eq=False)
class Option:
    """One thing to choose, as inner folds saw it at its best amount and grid point.

    Parameters
    ----------
    p
        Probabilities of each inner patient (patients, classes).
    auc
        How well they rank within inner folds (see `class_concordance`); NaN where no fold has both
        kinds.
    true, fold
        The class of each patient, and the inner fold that held the patient out (patients,).
    rare
        The rare class.
    """

    p: Floats
    auc: float
    true: Ints
    fold: Ints
    rare: int

    @staticmethod
    def of(inner: Inner) -> Option:
        """Its best level and point, the more cautious of equal ones."""
        level, point = inner.best()
        auc, rare = float(inner.auc[level, point]), inner.parts[0].rare
        return Option(inner.p[level, point], auc, inner.true, inner.fold, rare)


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
        error = class_concordance_error(
            options[best].p, option.p, option.true, option.fold, option.rare
        )
        if auc[best] - auc[number] <= error:
            return number
    return best
