"""Two arms on the same test patients: the difference in the rare class's AUC, and its p values.

The statistic is the concordance (AUC) within a test fold, averaged over folds, repeats and
seeds; no threshold can move it. Two tests that fail in different ways look at it, and
the larger p counts:

* a permutation test that swaps the two arms within patients. It carries the chance of which
  patients were tested. Scores become ranks within their fold first, so that an arm that only
  shifts or stretches its scale differs in nothing (Venkatraman and Begg, Biometrika 1996).
* Nadeau and Bengio's corrected resampled t test over the test folds (Machine Learning 2003). It
  carries the chance of training, and corrects for training parts that overlap.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm, rankdata, t

from rarecase.arrays import Bools, Floats, Ints
from rarecase.evidence.fits import Fit, matching
from rarecase.ranking import concordance, mean_defined, plain
from rarecase.seeds import numpy_rng

PERMUTATIONS = 9_999
POWER = 0.8
SAID = (
    "difference", "p_greater", "p_less", "permutation_p_greater", "permutation_p_less",
    "t_p_greater", "t_p_less", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One test fold as both arms ranked it, with the repeat, the fold and the weight it has."""

    repeat: int
    fold: int
    patient: Ints
    rare: Bools
    arm: Floats  # ranks within the fold
    control: Floats
    weight: float

    @property
    def difference(self) -> float:
        """AUC of the arm minus AUC of the control in this fold."""
        return concordance(self.arm, self.rare) - concordance(self.control, self.rare)


@dataclass(frozen=True)
class Comparison:
    """An arm against a control: `difference` in AUC (arm − control) and what chance makes of it.

    `p_greater` and `p_less` are one-sided; each is the larger of the permutation and the corrected
    t test's. `detectable` is the difference that would have been found in 80 of 100 such studies
    at one-sided level `alpha`. All NaN without a fold that holds both kinds of patients; without a
    second fold the t test's are NaN and the permutation test stands alone.
    """

    difference: float
    permutation_p_greater: float
    permutation_p_less: float
    t_p_greater: float
    t_p_less: float
    error: float  # the larger of the two tests' standard errors
    freedom: float

    @property
    def p_greater(self) -> float:
        return larger(self.permutation_p_greater, self.t_p_greater)

    @property
    def p_less(self) -> float:
        return larger(self.permutation_p_less, self.t_p_less)

    def as_json(self) -> dict[str, float | None]:
        """Its numbers for evidence.json, which has no NaN."""
        return {name: plain(getattr(self, name)) for name in SAID}

    def detectable(self, *, alpha: float) -> float:
        """Smallest difference in AUC that this comparison finds with a power of 80 %; NaN where
        the arms never ranked differently, so that nothing is known of how much they might."""
        if self.error == 0:
            return math.nan
        if math.isfinite(self.freedom):
            steps = t.ppf(1 - alpha, self.freedom) + t.ppf(POWER, self.freedom)
        else:
            steps = norm.ppf(1 - alpha) + norm.ppf(POWER)
        return float(steps * self.error)


def compare_fits(
    arm: Sequence[Fit],
    control: Sequence[Fit],
    *,
    rare: int,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Comparison:
    """Compare two arms on the folds both have; `rare` is the index of the rare class."""
    pairs = list(pair_folds(arm, control, rare=rare))
    if not pairs:
        return Comparison(*(math.nan,) * 7)
    share = contributions(pairs)
    difference = float(share.sum())
    greater, less = permutation_p(share, permutations=permutations, seed=seed)
    by_fold = fold_differences(pairs)
    everybody = np.unique(np.concatenate([fit.patient for fit in (*arm, *control)])).size
    error, freedom = resampled_error(by_fold, overlap=_overlap(pairs, everybody))
    score = difference / error if error > 0 else math.copysign(math.inf, difference or -1.0)
    known = math.isfinite(freedom)
    spread = math.sqrt(float(np.square(share).sum()))
    return Comparison(
        difference=difference,
        permutation_p_greater=greater,
        permutation_p_less=less,
        t_p_greater=float(t.sf(score, freedom)) if known else math.nan,
        t_p_less=float(t.cdf(score, freedom)) if known and (error > 0 or difference) else math.nan,
        error=max(error, spread) if known else spread,
        freedom=freedom,
    )


def pair_folds(arm: Sequence[Fit], control: Sequence[Fit], *, rare: int) -> Iterator[Pair]:
    """Every test fold that both have and that holds rare and other patients, weighted so that the
    weighted sum of differences is the mean over fits of the mean over their folds."""
    found = []
    for fit in arm:
        others = matching(fit, control)
        found += [(1 / len(others), [*_ranked(fit, other, rare=rare)]) for other in others]
    total = sum(weight for weight, folds in found if folds)
    for weight, folds in found:
        for pair in folds:
            yield replace(pair, weight=weight / total / len(folds))


def _ranked(fit: Fit, other: Fit, *, rare: int) -> Iterator[Pair]:
    for fold in sorted(fit.folds & other.folds):
        mine, theirs = fit.restricted(frozenset({fold})), other.restricted(frozenset({fold}))
        patient, here, there = np.intersect1d(mine.patient, theirs.patient, return_indices=True)
        is_rare = mine.true[here] == rare
        if 0 < is_rare.sum() < is_rare.size:
            yield Pair(
                repeat=fit.repeat, fold=fold, patient=patient, rare=is_rare,
                arm=rankdata(mine.p[here, rare]), control=rankdata(theirs.p[there, rare]),
                weight=math.nan,
            )  # fmt: skip


def contributions(pairs: Sequence[Pair]) -> Floats:
    """What each patient adds to the difference: it flips its sign when the patient's arms swap.

    The AUC counts pairs of patients; in the difference between an AUC and its mirror image (every
    arm swapped) all products of two swaps cancel, so that the difference is a sum over patients.
    Returned for those patients who were tested; their sum is the difference in AUC.
    """
    places = {who: i for i, who in enumerate(np.unique(np.concatenate([p.patient for p in pairs])))}
    share = np.zeros(len(places))
    for pair in pairs:
        at = np.array([places[who] for who in pair.patient])
        a, b = pair.arm, pair.control
        i, j = np.flatnonzero(pair.rare), np.flatnonzero(~pair.rare)
        straight = _wins(a[i], a[j]) - _wins(b[i], b[j])
        crossed = _wins(a[i], b[j]) - _wins(b[i], a[j])
        weight = pair.weight / (2 * i.size * j.size)
        np.add.at(share, at[i], weight * (straight + crossed).sum(axis=1))
        np.add.at(share, at[j], weight * (straight - crossed).sum(axis=0))
    return share


def _wins(first: Floats, second: Floats) -> Floats:
    """1 where the first ranks higher, one half where equal: (first, second)."""
    return (np.sign(first[:, None] - second[None, :]) + 1) / 2


def permutation_p(
    share: Floats, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[float, float]:
    """One-sided p (greater, less) of the sum of `share` under random signs.

    The observed signs count as one of the permutations, so that p is never 0 and the test holds
    its level.

    >>> permutation_p(np.zeros(5))
    (1.0, 1.0)
    """
    rng = numpy_rng(seed, "permutation of arms")
    observed, slack = share.sum(), 1e-12 * max(1.0, np.abs(share).sum())
    high = low = 1
    for start in range(0, permutations, 1000):
        count = min(1000, permutations - start)
        sums = (2.0 * rng.integers(0, 2, (count, share.size)) - 1.0) @ share
        high += int((sums >= observed - slack).sum())
        low += int((sums <= observed + slack).sum())
    return high / (permutations + 1), low / (permutations + 1)


def fold_differences(pairs: Sequence[Pair]) -> Floats:
    """The difference in AUC of every fold of every repeat, averaged over seeds."""
    found: dict[tuple[int, int], list[float]] = defaultdict(list)
    for pair in pairs:
        found[pair.repeat, pair.fold].append(pair.difference)
    return np.array([float(mean_defined(values)) for _, values in sorted(found.items())])


def resampled_error(differences: Floats, *, overlap: float) -> tuple[float, float]:
    """Standard error of the mean and its degrees of freedom (Nadeau and Bengio 2003).

    `overlap` is test size over training size in resampling from the same patients, 0 where each
    training part is drawn anew. (NaN, infinity) without a second fold.
    """
    count = differences.size
    if count < 2:
        return math.nan, math.inf
    return math.sqrt((1 / count + overlap) * differences.var(ddof=1)), count - 1


def _overlap(pairs: Sequence[Pair], everybody: int) -> float:
    """Test patients over training patients; 0 where every fold tests everybody, who then can have
    been in no fold's training part: an external test set."""
    tested = float(np.mean([pair.patient.size for pair in pairs]))
    return tested / (everybody - tested) if tested < everybody else 0.0


def larger(*values: float) -> float:
    """The largest of what is defined; NaN where nothing is."""
    return max((v for v in values if not math.isnan(v)), default=math.nan)
