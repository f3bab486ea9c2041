"""Ways to move a classifier's probabilities after it was fitted: none of them ranks anew."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rarecase.arrays import Floats
from rarecase.experiment.training_set import TrainingPart


class Posterior(Protocol):
    """Probabilities of patients (n, classes) to probabilities. `part`: the real training rows;
    `threshold`: the one tuned for the rare class on inner folds, NaN where none could be."""

    def __call__(self, p: Floats, *, part: TrainingPart, threshold: float) -> Floats: ...


def unmoved(p: Floats, *, part: TrainingPart, threshold: float) -> Floats:
    """As they are."""
    return p


def thresholded(p: Floats, *, part: TrainingPart, threshold: float) -> Floats:
    """Odds of the rare class moved so that the tuned threshold lies at one half.

    >>> part = TrainingPart(np.zeros((2, 1)), np.array([0, 1]), np.arange(2), 2, 1)
    >>> thresholded(np.array([[0.8, 0.2]]), part=part, threshold=0.2)
    array([[0.5, 0.5]])
    """
    if not 0 < threshold < 1:
        return p
    weight = np.ones(part.classes)
    weight[part.rare] = (1 - threshold) / threshold
    return _weighted(p, weight)


def logit_adjusted(p: Floats, *, part: TrainingPart, threshold: float) -> Floats:
    """log p − log prior, post hoc (Menon et al. 2021, arXiv 2007.07314, equation 9, τ = 1); the
    prior is the share of a class among the training patients."""
    who, first = np.unique(part.patient, return_index=True)
    counts = np.bincount(part.y[first], minlength=part.classes)
    return _weighted(p, who.size / np.maximum(counts, 1))


def _weighted(p: Floats, weight: Floats) -> Floats:
    moved = p * weight
    normal: Floats = moved / moved.sum(axis=1, keepdims=True)
    return normal
