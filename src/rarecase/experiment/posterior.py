"""Ways to move a classifier's probabilities after it was fitted: none of them ranks anew."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Floats
from rarecase.experiment.arm import Move
from rarecase.experiment.training_set import TrainingPart


def moved(p: Floats, how: Move, *, part: TrainingPart, threshold: float) -> Floats:
    """Probabilities of patients (n, classes) as an arm reports them.

    Parameters
    ----------
    how
        ``threshold``: the odds of the rare class are moved so that the tuned threshold lies at one
        half. ``logit``: log p − log prior, post hoc; the prior is the share of a class among the
        training patients. ``none``: as they are.
    part
        The real training samples.
    threshold
        The one tuned for the rare class, NaN where none could be.

    References
    ----------
    Menon et al. 2021, arXiv 2007.07314, equation 9 with τ = 1 (``logit``).

    Examples
    --------
    >>> part = TrainingPart(np.zeros((2, 1)), np.array([0, 1]), np.arange(2), 2, 1)
    >>> moved(np.array([[0.8, 0.2]]), "threshold", part=part, threshold=0.2)
    array([[0.5, 0.5]])
    """
    if how == "logit":
        who, first = np.unique(part.patient, return_index=True)
        counts = np.bincount(part.y[first], minlength=part.classes)
        return _weighted(p, who.size / np.maximum(counts, 1))
    if how == "threshold" and 0 < threshold < 1:
        weight = np.ones(part.classes)
        weight[part.rare] = (1 - threshold) / threshold
        return _weighted(p, weight)
    return p


def _weighted(p: Floats, weight: Floats) -> Floats:
    after = p * weight
    normal: Floats = after / after.sum(axis=1, keepdims=True)
    return normal
