"""A fit's samples as a bootstrap draws them; what several metrics make of them, computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rarecase.arrays import Bools, Floats, Ints
from rarecase.evidence.fits import Fit
from rarecase.ranking import mean_defined, rare_share, ratio


@dataclass(frozen=True, eq=False)
class Drawn:
    """A `fit` of n samples and `weights` (draws, n), how often each sample counts in each draw;
    `rare` is the index of the rare class."""

    fit: Fit
    weights: Floats
    rare: int
    _ranked: dict[int, Ranked | None] = field(default_factory=dict)
    _confusion: dict[bool, Floats] = field(default_factory=dict)

    @staticmethod
    def once(fit: Fit, *, rare: int) -> Drawn:
        """Everybody counted once: the scores themselves, in a single draw."""
        return Drawn(fit, np.ones((1, fit.true.size)), rare)

    @cached_property
    def total(self) -> Floats:
        """Samples in each draw (draws,)."""
        return np.asarray(self.weights.sum(axis=1))

    @cached_property
    def there(self) -> Bools:
        """Which class each sample is of (n, classes)."""
        return self.one_hot(self.fit.true)

    def one_hot(self, label: Ints) -> Bools:
        """Class indices (n,) as (n, classes)."""
        return np.asarray(label[:, None] == np.arange(self.fit.p.shape[1]))

    def called(self, *, tuned: bool) -> Ints:
        """The class called, at the default or the tuned threshold (n,)."""
        threshold = self.fit.threshold if tuned else None
        return decide(self.fit.p, rare=self.rare, threshold=threshold)

    def confusion(self, *, tuned: bool) -> Floats:
        """Samples by true class and class called (draws, classes, classes)."""
        if tuned not in self._confusion:
            cells = self.there[:, :, None] & self.one_hot(self.called(tuned=tuned))[:, None]
            classes = self.fit.p.shape[1]
            counts = self.weights @ cells.reshape(len(cells), -1).astype(np.float64)
            self._confusion[tuned] = counts.reshape(-1, classes, classes)
        return self._confusion[tuned]

    def ranked(self, of: int) -> Ranked | None:
        """How the samples of class `of` rank; None without one."""
        if of not in self._ranked:
            self._ranked[of] = rank(self.fit, self.weights, of=of)
        return self._ranked[of]


def decide(p: Floats, *, rare: int | None = None, threshold: Floats | None = None) -> Ints:
    """The class called: the largest of p (n, classes); of equal ones the first.

    With `threshold` (n,), each from 0 to 1, the rare class is called when its share of
    p_rare + the largest of the others is above it; one half, or NaN, leaves the call as it is.

    >>> p = np.array([[0.2, 0.8], [0.6, 0.4]])
    >>> decide(p).tolist(), decide(p, rare=1, threshold=np.array([0.3, 0.3])).tolist()
    ([1, 0], [1, 1])
    """
    called = np.asarray(np.argmax(p, axis=1))
    if threshold is None or rare is None:
        return called
    others = p.copy()
    others[:, rare] = -1.0
    moved = np.where(rare_share(p, rare=rare) > threshold, rare, np.argmax(others, axis=1))
    return np.where(np.isnan(threshold) | (threshold == 0.5), called, moved)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Of each positive (positives, draws): how often it counts; how often positives and others of
    its fold that rank at least as high do, and those that rank higher."""

    weight: Floats
    positives: Floats
    positives_above: Floats
    others: Floats
    others_above: Floats
    everybody: Floats  # others in each fold that has positives (folds, draws)
    starts: Ints  # where each of those folds begins among the positives

    def concordance(self) -> Floats:
        """Share of pairs (positive, other) of a fold in which the positive ranks higher, ties
        count half; the mean over folds (draws,)."""
        beaten = self.per_positive(self.everybody) - (self.others + self.others_above) / 2
        pairs = self.sum(self.weight) * self.everybody
        return mean_defined(ratio(self.sum(self.weight * beaten), pairs))

    def average_precision(self) -> Floats:
        """Mean precision at the positives of a fold; the mean over folds (draws,)."""
        found = self.positives + self.others
        precision = self.positives / np.maximum(found, np.finfo(np.float64).tiny)
        return mean_defined(ratio(self.sum(self.weight * precision), self.sum(self.weight)))

    def sum(self, values: Floats) -> Floats:
        """The sum over the positives of each fold (folds, draws)."""
        return np.asarray(np.add.reduceat(values, self.starts))

    def per_positive(self, values: Floats) -> Floats:
        """What folds have (folds, draws), for each of their positives."""
        sizes = np.diff(np.append(self.starts, len(self.weight)))
        return np.repeat(values, sizes, axis=0)


def rank(fit: Fit, weights: Floats, *, of: int) -> Ranked | None:
    """Rank the samples of class `of` by its probability, each within its fold."""
    score = fit.p[:, of]
    order = np.lexsort((-score, fit.fold))
    fold, score, positive = fit.fold[order], score[order], (fit.true == of)[order]
    if not positive.any():
        return None
    new_fold = np.append(True, fold[1:] != fold[:-1])
    new_score = np.append(True, new_fold[1:] | (score[1:] != score[:-1]))
    edges = np.append(np.flatnonzero(new_fold), len(order))
    ties = np.append(np.flatnonzero(new_score), len(order))
    mine = np.flatnonzero(positive)
    tie, own = np.cumsum(new_score)[mine] - 1, np.cumsum(new_fold)[mine] - 1
    above, level = ties[tie], ties[tie + 1]  # where those who rank higher end, and equal ones
    kept, starts = np.unique(own, return_index=True)
    # Sums of those before a place, where one is needed alone: there are many draws.
    at = np.unique(np.concatenate([edges, above, level]))
    w = weights.T[order]
    sums = np.zeros((2, len(at), w.shape[1]))
    for total, each in zip(sums, (w, w * positive[:, None]), strict=True):
        np.cumsum(np.add.reduceat(each, at[:-1]), axis=0, out=total[1:])

    def between(begin: Ints, end: Ints) -> tuple[Floats, Floats]:
        """Positives and others from the places `begin` to `end`."""
        everybody, positives = (
            sums[:, np.searchsorted(at, end)] - sums[:, np.searchsorted(at, begin)]
        )
        return positives, everybody - positives

    positives, others = between(edges[own], level)
    positives_above, others_above = between(edges[own], above)
    return Ranked(
        weight=w[mine],
        positives=positives,
        positives_above=positives_above,
        others=others,
        others_above=others_above,
        everybody=between(edges[kept], edges[kept + 1])[1],
        starts=starts,
    )
