"""Percentile intervals from a bootstrap over patients, stratified by class.

Every draw is a row of weights: how often each patient was drawn. All scores of all arms are
computed under the same draws, so that a difference between two arms is taken within each draw.
The intervals carry the chance of which patients were tested; they do not carry the chance of
training, which repeats and generator seeds show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.evidence.scores import Floats, Ints, decide, mean_defined
from rarecase.seeds import numpy_rng

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Fit:
    """The test patients of one repeat and generator seed, all folds together."""

    repeat: int
    seed: int
    patient: Ints  # (n,) index into the cohort's patients
    true: Ints  # (n,) class index
    p: Floats  # (n, classes)
    fold: Ints  # (n,)

    @property
    def folds(self) -> frozenset[int]:
        """The folds that are there."""
        return frozenset(self.fold.tolist())

    def restricted(self, folds: frozenset[int]) -> Fit:
        """The same with only the patients of `folds`."""
        keep = np.isin(self.fold, list(folds))
        return Fit(
            repeat=self.repeat,
            seed=self.seed,
            patient=self.patient[keep],
            true=self.true[keep],
            p=self.p[keep],
            fold=self.fold[keep],
        )


def fits_of(pooled: pd.DataFrame, *, patients: Sequence[str], classes: Sequence[str]) -> list[Fit]:
    """The fits of one arm and amount from pooled predictions (`pool_patients`)."""
    where = {name: i for i, name in enumerate(patients)}
    label = {name: i for i, name in enumerate(classes)}
    fits = []
    keys = [pooled["repeat"], pooled["generator_seed"].fillna(-1)]
    parts: dict[Any, pd.DataFrame] = dict(iter(pooled.groupby(keys)))
    for (repeat, seed), part in parts.items():
        fits.append(
            Fit(
                repeat=int(repeat),
                seed=int(seed),
                patient=part["patient"].map(where).to_numpy(dtype=np.int64),
                true=part["label"].astype(str).map(label).to_numpy(dtype=np.int64),
                p=part[[f"p_{c}" for c in classes]].to_numpy(dtype=np.float64),
                fold=part["fold"].to_numpy(dtype=np.int64),
            )
        )
    return fits


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


def _weighted_concordance(score: Floats, positive: NDArray[np.bool_], w: Floats) -> Floats:
    """Concordance of each draw (draws,), pairs weighted by how often both were drawn."""
    a, b = score[positive][:, None], score[~positive][None, :]
    wins = (a > b) + 0.5 * (a == b)
    w_a, w_b = w[:, positive], w[:, ~positive]
    pairs = w_a.sum(axis=1) * w_b.sum(axis=1)
    won = ((w_a @ wins) * w_b).sum(axis=1)
    return np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan)


def weighted_scores(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """Every score of `scores.score_names` for every draw: (draws, scores).

    weights is (draws, patients of the cohort). With all weights 1 this is `scores.score_fit`.
    """
    k = fit.p.shape[1]
    w = weights[:, fit.patient]
    hit = (fit.true == decide(fit.p)).astype(np.float64)

    def share(of: NDArray[np.bool_]) -> Floats:
        drawn = w[:, of].sum(axis=1)
        return np.where(drawn > 0, (w[:, of] @ hit[of]) / np.maximum(drawn, 1), np.nan)

    recall = np.stack([share(fit.true == c) for c in range(k)])

    def auc(c: int) -> Floats:
        folds = (fit.fold == f for f in sorted(fit.folds))
        inside = [_weighted_concordance(fit.p[f, c], fit.true[f] == c, w[:, f]) for f in folds]
        return mean_defined(np.stack(inside))

    columns = [*recall, share(np.ones(fit.true.size, dtype=bool)), mean_defined(recall)]
    if k == 2:
        return np.stack([*columns, auc(rare)], axis=1)
    each = np.stack([auc(c) for c in range(k)])
    return np.stack([*columns, each[rare], mean_defined(each)], axis=1)


def arm_scores(fits: Sequence[Fit], weights: Floats, *, rare: int) -> Floats:
    """Scores averaged over the fits (repeats and generator seeds): (draws, scores)."""
    return mean_defined(np.stack([weighted_scores(fit, weights, rare=rare) for fit in fits]))


def arm_differences(
    fits: Sequence[Fit], control: Sequence[Fit], weights: Floats, *, rare: int
) -> Floats | None:
    """Scores minus the control's, like with like: (draws, scores).

    Each fit is set against the control of the same repeat (and generator seed, where the control
    has it) on the folds both have; None when they share no fold.
    """
    known: dict[tuple[int, int, frozenset[int]], Floats] = {}
    differences = []
    for fit in fits:
        same = [c for c in control if c.repeat == fit.repeat and c.folds & fit.folds]
        same = [c for c in same if c.seed == fit.seed] or same
        pairs = []
        for other in same:
            folds = fit.folds & other.folds
            key = (other.repeat, other.seed, folds)
            if key not in known:
                known[key] = weighted_scores(other.restricted(folds), weights, rare=rare)
            pairs.append(weighted_scores(fit.restricted(folds), weights, rare=rare) - known[key])
        if pairs:
            differences.append(mean_defined(np.stack(pairs)))
    return mean_defined(np.stack(differences)) if differences else None


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
