"""Percentile intervals from a bootstrap over patients, stratified by class, and seeds.

Every draw says how often each patient was drawn and how often each seed. All scores of all arms
are computed under the same draws, so that a difference between two arms is taken within each draw.
The intervals carry the chance of which patients were tested and of the seed; they do not carry the
chance of training, which the repeats show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit, matching
from rarecase.evidence.metrics import Metric, fit_scores
from rarecase.ranking import mean_defined, plain, ratio
from rarecase.seeds import numpy_rng

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Draws:
    """How often each patient (draws, patients) and each seed ({seed: (draws,)}) counts.

    The first draw takes everything once: it gives the score itself.
    """

    patients: Floats
    seeds: dict[int, Floats]

    def of_seed(self, fit: Fit) -> Floats:
        """How often a fit counts (draws,); always once where nothing in it is random."""
        once = np.ones(len(self.patients))
        return once if fit.seed is None else self.seeds.get(fit.seed, once)

    def of_patients(self, fit: Fit) -> Floats:
        """How often each sample of a fit counts, (draws, n); memory runs along the draws."""
        return np.asarray(self.patients.T[fit.patient].T)


def make_draws(labels: Ints, seeds: Sequence[int], *, draws: int = DRAWS, seed: int = 0) -> Draws:
    """Patients of classes `labels` (patients,) with replacement within each class, and the table's
    distinct `seeds` with replacement."""
    weights = draw_weights(labels, draws=draws, seed=seed)
    patients = np.asfortranarray(np.concatenate([np.ones((1, labels.size)), weights]))
    if not seeds:
        return Draws(patients, {})
    rng, count = numpy_rng(seed, "bootstrap over generator seeds"), len(seeds)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    each = np.concatenate([np.ones((1, count)), drawn])
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


@dataclass(frozen=True)
class Scorer:
    """Scores fits under the same draws, each fit and each part of one only once."""

    draws: Draws
    metrics: Sequence[Metric]
    rare: int  # index of the class
    _known: dict[tuple[Fit, frozenset[int]], Floats] = field(default_factory=dict)

    def __call__(self, fit: Fit, folds: frozenset[int] | None = None) -> Floats:
        """Every metric of a fit, or of its part in `folds`: (metrics, draws)."""
        key = (fit, fit.folds if folds is None else folds)
        if key not in self._known:
            part = fit if key[1] == fit.folds else fit.restricted(key[1])
            self._known[key] = fit_scores(
                Drawn(part, self.draws.of_patients(part), self.rare), self.metrics
            )
        return self._known[key]

    def mean(self, values: Sequence[Floats], fits: Sequence[Fit]) -> Floats:
        """Mean of (metrics, draws) arrays over their fits, each as often as its seed was drawn,
        leaving out what is not defined."""
        stacked = np.stack(values)
        weights = np.stack([self.draws.of_seed(fit) for fit in fits])[:, None, :]
        w = weights * ~np.isnan(stacked)
        return ratio((w * np.nan_to_num(stacked)).sum(axis=0), w.sum(axis=0))


def arm_scores(fits: Sequence[Fit], scorer: Scorer) -> Floats:
    """Every metric averaged over the fits (repeats and seeds): (metrics, draws)."""
    return scorer.mean([scorer(fit) for fit in fits], fits)


def arm_differences(fits: Sequence[Fit], reference: Sequence[Fit], scorer: Scorer) -> Floats | None:
    """Every metric minus that of the reference's `matching` fits, on the folds both have: (metrics,
    draws); None when they share no fold."""
    differences, compared = [], []
    for fit in fits:
        pairs = [
            scorer(fit, folds) - scorer(other, folds)
            for other in matching(fit, reference)
            for folds in [fit.folds & other.folds]
        ]
        if pairs:
            differences.append(mean_defined(np.stack(pairs)))
            compared.append(fit)
    return scorer.mean(differences, compared) if differences else None


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


def value_with_interval(draws: Floats) -> dict[str, float | None]:
    """For JSON: the first draw, which is the value itself, and the interval of the others."""
    low, high = percentile_interval(draws[1:])
    return {"value": plain(draws[0]), "low": plain(low), "high": plain(high)}
