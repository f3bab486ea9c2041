"""Percentile intervals from a bootstrap over patients, stratified by class, and generator seeds.

Every draw says how often each patient was drawn and how often each generator seed. All scores of
all arms are computed under the same draws, so that a difference between two arms is taken within
each draw. The intervals carry the chance of which patients were tested and of the generator's
seed; they do not carry the chance of training, which the repeats show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Bools, Floats, Ints
from rarecase.evidence.fits import Fit, matching
from rarecase.evidence.scores import average_precision, called_scores, decide, probability_scores
from rarecase.ranking import mean_defined, ratio
from rarecase.seeds import numpy_rng

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Draws:
    """How often each patient (draws, patients) and each generator seed ({seed: (draws,)}) counts.

    The first draw takes everything once: it gives the score itself.
    """

    patients: Floats
    seeds: dict[int, Floats]

    def of_seed(self, fit: Fit) -> Floats:
        """How often a fit counts (draws,); always once where its arm draws nothing at random."""
        return self.seeds.get(fit.seed, np.ones(len(self.patients)))


def make_draws(labels: Ints, seeds: Sequence[int], *, draws: int = DRAWS, seed: int = 0) -> Draws:
    """Patients with replacement within each class, generator seeds with replacement."""
    weights = draw_weights(labels, draws=draws, seed=seed)
    rng, count = numpy_rng(seed, "bootstrap over generator seeds"), len(seeds)
    drawn = rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=draws)
    each = np.concatenate([np.ones((1, count)), drawn])
    patients = np.concatenate([np.ones((1, labels.size)), weights])
    return Draws(patients, {name: each[:, i] for i, name in enumerate(seeds)})


def draw_weights(labels: Ints, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """How often each patient is drawn (draws, patients): with replacement within each class.

    >>> draw_weights(np.array([0, 0, 1]), draws=4, seed=0).sum(axis=1).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    weights = np.zeros((draws, labels.size))
    rng = numpy_rng(seed, "bootstrap over patients")
    for c in np.unique(labels):
        inside = np.flatnonzero(labels == c)
        even = np.full(inside.size, 1 / inside.size)
        weights[:, inside] = rng.multinomial(inside.size, even, size=draws)
    return weights


def _weighted_concordance(score: Floats, positive: Bools, w: Floats) -> Floats:
    """Concordance of each draw (draws,), pairs weighted by how often both were drawn."""
    a, b = score[positive][:, None], score[~positive][None, :]
    wins = (a > b) + 0.5 * (a == b)
    w_a, w_b = w[:, positive], w[:, ~positive]
    return ratio(((w_a @ wins) * w_b).sum(axis=1), w_a.sum(axis=1) * w_b.sum(axis=1))


def weighted_scores(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """Every score of `scores.score_names` for every draw: (draws, scores).

    weights is (draws, patients of the cohort). With all weights 1 this is `scores.score_fit`.
    """
    k, true, p = fit.p.shape[1], fit.true, fit.p
    w = weights[:, fit.patient]
    folds = [fit.fold == f for f in sorted(fit.folds)]

    def auc(c: int) -> Floats:
        inside = [_weighted_concordance(p[f, c], true[f] == c, w[:, f]) for f in folds]
        return mean_defined(np.stack(inside))

    each = [auc(c) for c in (range(k) if k > 2 else [rare])]
    ranked = [each[rare], mean_defined(np.stack(each))] if k > 2 else each
    precision = [average_precision(p[f, rare], true[f] == rare, w[:, f]) for f in folds]
    tuned = decide(p, rare=rare, threshold=fit.threshold)
    columns = [
        *called_scores(true, decide(p), w, classes=k),
        *ranked, mean_defined(np.stack(precision)),
        *probability_scores(p[:, rare], true == rare, w),
        *called_scores(true, tuned, w, classes=k),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def _weighted_mean(values: Sequence[Floats], weights: Sequence[Floats]) -> Floats:
    """Mean of (draws, scores) arrays by weights (draws,), leaving out what is not defined."""
    stacked = np.stack(values)
    w = np.stack(weights)[:, :, None] * ~np.isnan(stacked)
    return ratio((w * np.nan_to_num(stacked)).sum(axis=0), w.sum(axis=0))


def arm_scores(fits: Sequence[Fit], draws: Draws, *, rare: int) -> Floats:
    """Scores averaged over the fits (repeats and generator seeds): (draws, scores)."""
    values = [weighted_scores(fit, draws.patients, rare=rare) for fit in fits]
    return _weighted_mean(values, [draws.of_seed(fit) for fit in fits])


def arm_differences(
    fits: Sequence[Fit], control: Sequence[Fit], draws: Draws, *, rare: int
) -> Floats | None:
    """Scores minus the control's, like with like: (draws, scores).

    Each fit is set against the control's fits that match it, on the folds both have; None when
    they share no fold.
    """
    known: dict[tuple[int, int, frozenset[int]], Floats] = {}
    differences, weights = [], []
    for fit in fits:
        pairs = []
        for other in matching(fit, control):
            folds = fit.folds & other.folds
            key = (other.repeat, other.seed, folds)
            if key not in known:
                known[key] = weighted_scores(other.restricted(folds), draws.patients, rare=rare)
            mine = weighted_scores(fit.restricted(folds), draws.patients, rare=rare)
            pairs.append(mine - known[key])
        if pairs:
            differences.append(mean_defined(np.stack(pairs)))
            weights.append(draws.of_seed(fit))
    return _weighted_mean(differences, weights) if differences else None


def percentile_interval(draws: Floats, *, level: float = LEVEL) -> tuple[float, float]:
    """The middle `level` of the draws that are defined; (NaN, NaN) when none is.

    >>> percentile_interval(np.arange(201.0), level=0.5)
    (50.0, 150.0)
    """
    defined = draws[~np.isnan(draws)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
