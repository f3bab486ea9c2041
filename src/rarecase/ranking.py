"""Concordance (AUC), and means over what is defined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from rarecase.arrays import Bools, Floats, Ints

SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


def mean_defined(values: Floats | Sequence[float], axis: int = 0) -> Floats:
    """Mean over `axis` of the entries that are not NaN; NaN where there is none.

    >>> mean_defined([0.5, float("nan"), 1.0])
    array(0.75)
    """
    array = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(array)
    count = defined.sum(axis=axis)
    total = np.where(defined, array, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def concordance(score: Floats, positive: Bools) -> float:
    """Share of (positive, negative) pairs in which the positive scores higher; ties count half.

    The area under the ROC curve, as the Mann-Whitney statistic. NaN without a pair.

    >>> concordance(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    return float(concordances(score, positive))


def concordances(score: Floats, positive: Bools) -> Floats:
    """`concordance` of many scores (…, n) of the same samples at once (…)."""
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if not n_positive or not n_negative:
        return np.full(score.shape[:-1], np.nan)
    ranks = rankdata(score, axis=-1)[..., positive].sum(axis=-1)
    found: Floats = (ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return found


def fold_concordance(score: Floats, positive: Bools, fold: Ints) -> Floats:
    """Concordance of scores (…, n) within each fold, averaged over the folds that have both kinds
    (…); else NaN."""
    inside = [concordances(score[..., fold == f], positive[fold == f]) for f in np.unique(fold)]
    return mean_defined(np.stack(inside))


def concordance_error(difference: Sequence[Floats], positive: Bools, fold: Ints) -> float:
    """Standard error of the difference between two scores' concordance within folds, averaged over
    them; of one score alone, that of its own.

    DeLong, DeLong and Clarke-Pearson (Biometrics 1988) within each fold, the variances pooled over
    folds since a fold may hold two positives only. Infinite where no fold holds two of either kind.

    >>> score, fold = np.array([0.1, 0.4, 0.4, 0.9]), np.zeros(4, int)
    >>> positive = np.array([False, False, True, True])
    >>> round(concordance_error([score], positive, fold), 3)
    0.177
    >>> concordance_error([score, score], positive, fold)
    0.0
    """
    sides: dict[bool, tuple[float, int, list[int]]] = {}
    for side in (True, False):
        squares, freedom = 0.0, 0
        sizes: list[int] = []
        for f in np.unique(fold):
            inside = fold == f
            mine = positive[inside] == side
            if mine.all() or not mine.any():
                continue
            placed = [placements(score[inside], positive[inside])[mine] for score in difference]
            value = placed[0] if len(placed) == 1 else placed[0] - placed[1]
            squares += float(np.square(value - value.mean()).sum())
            freedom += value.size - 1
            sizes.append(value.size)
        sides[side] = squares, freedom, sizes
    if not all(freedom for _, freedom, _ in sides.values()):
        return math.inf
    variance = sum(
        squares / freedom * sum(1 / size for size in sizes) / len(sizes) ** 2
        for squares, freedom, sizes in sides.values()
    )
    return math.sqrt(variance)


def class_concordance(p: Floats, true: Ints, fold: Ints, *, rare: int) -> Floats:
    """How well probabilities (…, n, classes) rank, within folds (…): of two classes the concordance
    of the rare one; of more the mean over classes, each against the rest (Hand and Till, Machine
    Learning 2001, in its one-against-rest form). A rare class that is easy has a concordance of 1
    whatever is chosen, and says nothing of the others.

    >>> p = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    >>> class_concordance(p, np.array([0, 0, 1]), np.zeros(3, int), rare=1)
    array(1.)
    """
    classes = [rare] if p.shape[-1] == 2 else range(p.shape[-1])
    return mean_defined(np.stack([fold_concordance(p[..., c], true == c, fold) for c in classes]))


def class_concordance_error(one: Floats, other: Floats, true: Ints, fold: Ints, rare: int) -> float:
    """Standard error of the difference in `class_concordance` between two probabilities (n,
    classes) of the same patients. Of more than two classes each patient's influence is summed over
    the classes, as they share their patients."""
    if one.shape[1] == 2:
        return concordance_error([one[:, rare], other[:, rare]], true == rare, fold)
    influence, classes = np.zeros(len(true)), one.shape[1]
    for c in range(classes):
        folds = [f for f in np.unique(fold) if 0 < (true[fold == f] == c).mean() < 1]
        for f, side in ((f, side) for f in folds for side in (True, False)):
            inside = np.flatnonzero(fold == f)
            mine = (true[inside] == c) == side
            kind = true[inside] == c
            placed = (placements(p[inside, c], kind)[mine] for p in (one, other))
            value = next(placed) - next(placed)
            freedom = np.sqrt(max(value.size, 2) / max(value.size - 1, 1)) / value.size
            influence[inside[mine]] += (value - value.mean()) * freedom / (len(folds) * classes)
    return float(np.sqrt(np.square(influence).sum()))


def placements(score: Floats, positive: Bools) -> Floats:
    """Of each sample (n,) the share of those of the other kind that rank on the right side of it:
    of a positive, below; of a negative, above; ties count half. The mean over the samples of either
    kind is the concordance.

    >>> placements(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True])).tolist()
    [1.0, 0.75, 0.75, 1.0]
    """
    found = np.empty(score.size)
    for mine in (positive, ~positive):
        others = np.sort(score[~mine])
        both = sum(np.searchsorted(others, score[mine], side=side) for side in SIDES)
        found[mine] = both / (2 * max(others.size, 1))
    found[~positive] = 1 - found[~positive]
    return found


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's, of two scores (n,); ties have the mean of their ranks. NaN where either is the
    same for all.

    >>> rank_correlation(np.array([0.1, 0.2, 0.2, 0.9]), np.array([0.0, 0.4, 0.4, 0.5]))
    1.0
    """
    first, second = (_midranks(score) for score in (one, other))
    spread = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float((first * second).sum()) / spread if spread else math.nan


def _midranks(score: Floats) -> Floats:
    """Ranks (n,), less their mean."""
    order = np.sort(score)
    ranks = sum(np.searchsorted(order, score, side=side) for side in SIDES)
    return np.asarray(ranks - score.size, dtype=np.float64)


def plain(value: float) -> float | None:
    """A float for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def ratio(over: Floats, under: Floats) -> Floats:
    """over / under, NaN where nothing is under."""
    return np.where(under > 0, over / np.where(under > 0, under, 1.0), np.nan)


def rare_share(p: Floats, *, rare: int) -> Floats:
    """p_rare / (p_rare + the largest other p), (n,): what a threshold is held against.

    For two classes this is p_rare.
    """
    others = np.delete(p, rare, axis=1).max(axis=1)
    share: Floats = p[:, rare] / np.maximum(p[:, rare] + others, np.finfo(np.float64).tiny)
    return share
