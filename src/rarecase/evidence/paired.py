"""Two arms on the same test patients: the difference in the rare class's AUC, and what chance makes
of it.

The statistic is the concordance (AUC) within a test fold, averaged over folds, repeats and seeds:
no threshold can move it. A patient's placement is the share of the fold's patients of the other
kind whom the arm ranks on the right side of it; AUC is the mean placement of either kind. What two
arms' placements of a patient differ by is averaged over repeats and seeds first, so that a patient
counts once however often it is tested; the variance is that of DeLong, DeLong and Clarke-Pearson
(Biometrics 1988) of these means, and Student's t has Satterthwaite's degrees of freedom.

DeLong's variance knows the chance of who is tested, and not that of who is learnt from. Where every
patient is tested in several repeats, the rest of which it trains in, it is multiplied by
`TRAINED`: what simulations ask for (benchmarks/level.py). Between arms on the same features much of
that chance is theirs both and cancels out, even where they rank quite unlike each other; between
other features none of it does, and the variance is multiplied by `OTHER_FEATURES`. Where everybody
is tested once, DeLong's variance is larger by itself, and the factor smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t

from rarecase.evidence.components import UNKNOWN, Components, components_of
from rarecase.evidence.fits import Fit
from rarecase.evidence.placed import Placed, placed_folds
from rarecase.ranking import mean_defined, plain


class Learning(NamedTuple):
    """How many times DeLong's variance the whole one is, with several repeats of folds or one."""

    repeated: float
    once: float


TRAINED, OTHER_FEATURES = Learning(1.1, 1.0), Learning(2.0, 1.6)
POWER = 0.8
SAID = ("difference", "error", "freedom", "p_greater", "p_less", "likeness")


@dataclass(frozen=True)
class Comparison:
    """An arm against a control: `difference` in AUC (arm − control), its standard error, the
    degrees of freedom, what the error is made of, the mean rank correlation of both scores within a
    fold, and how many times the variance of who is tested the whole one is. All NaN without a fold
    that holds both kinds of patients.

    Two arms that rank everybody alike have an error of 0, which proves nothing: no p is below 1
    then, and no interval is known.
    """

    difference: float
    error: float
    freedom: float
    chance: Components = UNKNOWN
    likeness: float = math.nan
    learning: float = 1.0

    @property
    def known(self) -> bool:
        """Whether anything is known of what chance makes of the difference."""
        return self.error > 0 and self.freedom > 0

    @property
    def p_greater(self) -> float:
        """One-sided, for a larger AUC than the control's."""
        return self._p(self.difference)

    @property
    def p_less(self) -> float:
        """One-sided, for a smaller AUC than the control's."""
        return self._p(-self.difference)

    def _p(self, difference: float) -> float:
        if math.isnan(self.difference):
            return math.nan
        return float(t.sf(difference / self.error, self.freedom)) if self.known else 1.0

    def interval(self, *, level: float) -> tuple[float, float]:
        """The difference's interval at confidence `level`; NaN where nothing is known."""
        if not self.known:
            return math.nan, math.nan
        reach = float(t.ppf((1 + level) / 2, self.freedom)) * self.error
        return self.difference - reach, self.difference + reach

    def detectable(self, *, alpha: float) -> float:
        """Smallest difference in AUC that this comparison finds with a power of 80 %; NaN where
        nothing is known."""
        if not self.known:
            return math.nan
        steps = t.ppf(1 - alpha, self.freedom) + t.ppf(POWER, self.freedom)
        return float(steps * self.error)

    def as_json(self) -> dict[str, Any]:
        """Its numbers for evidence.json, which has no NaN."""
        numbers = {name: plain(getattr(self, name)) for name in SAID}
        return numbers | {"chance": self.chance.shares}


def compare_fits(
    arm: Sequence[Fit], control: Sequence[Fit], *, rare: int, learning: Learning = TRAINED
) -> Comparison:
    """Compare two arms on the folds both have; `rare` is the index of the rare class. Where the
    others of a fold's patients are learnt from, the variance is multiplied as `learning` says."""
    folds = list(placed_folds(arm, control, rare=rare))
    if not folds:
        return Comparison(math.nan, math.nan, math.nan)
    everybody = np.unique(np.concatenate([fit.patient for fit in (*arm, *control)])).size
    times = 1.0
    if any(fold.patient.size < everybody for fold in folds):  # the others were learnt from
        several = len({fold.repeat for fold in folds}) > 1
        times = learning.repeated if several else learning.once
    sides = [_side(folds, rare=side) for side in (True, False)]
    total = sum(variance for variance, _ in sides)
    shares = [variance**2 / max(count - 1, 1) for variance, count in sides]
    freedom = total**2 / sum(shares) if sum(shares) else 0.0
    if min(count for _, count in sides) < 2:
        freedom = 0.0
    variance = total * times
    return Comparison(
        difference=sum(fold.weight * fold.difference for fold in folds),
        error=math.sqrt(variance),
        freedom=freedom,
        chance=components_of(folds, variance=variance),
        likeness=float(mean_defined([fold.likeness for fold in folds])),
        learning=times,
    )


def _side(folds: Sequence[Placed], *, rare: bool) -> tuple[float, int]:
    """Variance of the mean difference of one kind of patients, and how many they are."""
    who = np.concatenate([fold.patient[fold.rare == rare] for fold in folds])
    moved = np.concatenate([fold.moved[fold.rare == rare] for fold in folds])
    sizes = [int((fold.rare == rare).sum()) for fold in folds]
    weight = np.repeat([f.weight / n for f, n in zip(folds, sizes, strict=True)], sizes)
    names, at = np.unique(who, return_inverse=True)
    share = np.bincount(at, weight)
    mean = np.bincount(at, weight * moved) / share
    apart = share * (mean - float((share * mean).sum()))
    count = names.size
    return float(np.square(apart).sum()) * count / max(count - 1, 1), count


def larger(*values: float) -> float:
    """The largest of what is defined; NaN where nothing is."""
    return max((v for v in values if not math.isnan(v)), default=math.nan)
