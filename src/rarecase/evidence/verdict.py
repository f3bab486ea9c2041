"""The verdict on every synthetic arm, by rules that are fixed before anything is scored.

An arm `helps` when the AUC of the rare class rises against both the reference (no augmentation)
and the arm's control (as many copies of real samples as it added synthetic ones, in every cell),
with p below 0.05 after Holm's correction over its family, the planned synthetic arms on the same
features with the same classifier. (What balanced accuracy does is said, and decides nothing: where
it did, fewer simulated arms that truly help were found, and false ones are rare enough without it;
see benchmarks/calibration.py.) It `harms` when the AUC falls against the reference by the mirrored
test. There is `no difference` when the 90 % interval of ΔAUC against either lies within ± the
margin (two one-sided tests; Schuirmann 1987). All else is `inconclusive`, with the number of
patients that would decide it. Under ten rare test patients it is `too few to say`; where the
control or a cell is missing there is no verdict but `incomplete`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from rarecase.arrays import Floats
from rarecase.errors import SettingError
from rarecase.evidence.paired import OTHER_FEATURES, POWER, TRAINED, Comparison, larger

ALPHA = 0.05
MARGIN = 0.02  # a ΔAUC that nobody would act on
FEWEST_RARE_PATIENTS = 10
MOST_TIMES = 100  # as many patients as there are: beyond, no number is said
Answer = Literal["helps", "harms", "no difference", "inconclusive", "too few to say", "incomplete"]
Name = TypeVar("Name")


def checked_margin(value: str | float) -> float:
    """A margin as a number. Raises `SettingError` for what is no difference in AUC."""
    try:
        margin = float(value)
    except ValueError:
        margin = math.nan
    if not 0 < margin < 1:
        raise SettingError(f"margin {value}: expected a difference in AUC between 0 and 1.")
    return margin


def rules() -> dict[str, Any]:
    """What tests and verdicts go by, for evidence.json: alpha, fewest (rare patients), power, and
    what the variance of who is tested is multiplied by for what is learnt, between arms and between
    features, where patients are tested repeatedly or once."""
    return {
        "alpha": ALPHA, "fewest": FEWEST_RARE_PATIENTS, "power": POWER,
        "learning": {"arms": TRAINED._asdict(), "features": OTHER_FEATURES._asdict()},
    }  # fmt: skip


@dataclass(frozen=True)
class Contrast:
    """A synthetic arm against the reference and its control."""

    reference: Comparison
    control: Comparison | None  # None: not run
    balanced: float = math.nan  # accuracy minus that of the reference, both at tuned thresholds
    possible: float = math.nan  # 1 − AUC of the reference: no rise can be larger
    missing: str = ""  # what was not run, in words; nothing is said about the arm then

    @property
    def pair(self) -> tuple[Comparison, Comparison] | None:
        """Both comparisons; None where the arm is incomplete."""
        return None if self.missing or self.control is None else (self.reference, self.control)

    def within(self, margin: float) -> bool:
        """Whether both differences are known to be smaller than `margin`."""
        low, high = self.reach
        return low > -margin and high < margin

    @property
    def reach(self) -> tuple[float, float]:
        """What both 90 % intervals span; NaN where one is not known."""
        sides = [c.interval(level=1 - 2 * ALPHA) for c in self.pair or ()]
        if not sides or any(math.isnan(low) for low, _ in sides):
            return math.nan, math.nan
        return min(low for low, _ in sides), max(high for _, high in sides)


@dataclass(frozen=True)
class Verdict:
    """The answer, the p values after correction, the smallest effect that would have been found
    (difference in AUC, against whichever of the two makes it hardest), and, of what is
    inconclusive, how many rare patients would decide it if the differences stayed what they are
    and the others grew in proportion; NaN where no number would, or too many."""

    answer: Answer
    p_helps: float
    p_harms: float
    detectable: float
    needed: float = math.nan


def holm(p: Sequence[float] | Floats) -> Floats:
    """Holm's step-down adjustment (1979); a NaN stays NaN and does not count.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    left = known.size - np.arange(known.size)
    adjusted = values.copy()
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * left), 1.0)
    return adjusted


def corrected(p: Sequence[float], *, first: int | None = None) -> Floats:
    """Holm's adjustment; with a `first` question, asked beforehand, that one as it is, and the
    others among themselves and no smaller than it: they are asked once it is answered (serial
    gatekeeping; Dmitrienko, Tamhane 2007), so that the level holds over all.

    >>> corrected([0.01, 0.04, 0.03], first=2).tolist()
    [0.03, 0.04, 0.03]
    """
    if first is None:
        return holm(p)
    values = np.asarray(p, dtype=np.float64)
    rest = holm(np.delete(values, first))
    return np.insert(np.maximum(rest, values[first]), first, values[first])


def judge(
    family: Mapping[Name, Contrast], *, rare_patients: int, margin: float = MARGIN,
    first: Name | None = None,
) -> dict[Name, Verdict]:  # fmt: skip
    """The verdict on every arm of a family; the correction is over all of them, unless one was
    asked `first` (see `corrected`).

    An arm that is incomplete was planned, so that it counts in the correction, with a p of 1: a
    cell that fails must not make it easier for the others.
    """
    pairs = [contrast.pair for contrast in family.values()]
    place = None if first is None else [*family].index(first)
    up_p = [max(c.p_greater for c in pair) if pair else 1.0 for pair in pairs]
    helps = corrected(up_p, first=place)
    harms = corrected([pair[0].p_less if pair else 1.0 for pair in pairs], first=place)
    found = {}
    for i, (name, tested) in enumerate(family.items()):
        pair, up, down = pairs[i], float(helps[i]), float(harms[i])
        if pair is None:
            found[name] = Verdict("incomplete", math.nan, math.nan, math.nan)
            continue
        answer: Answer = "inconclusive"
        if rare_patients < FEWEST_RARE_PATIENTS:
            answer = "too few to say"
        elif down < ALPHA:
            answer = "harms"
        elif up < ALPHA:
            answer = "helps"
        elif tested.within(margin):
            answer = "no difference"
        together = len(pairs) if place is None else max(len(pairs) - 1, 1)
        alpha = ALPHA if i == place else ALPHA / together
        detectable = larger(*(c.detectable(alpha=alpha) for c in pair))
        needed = math.nan
        if answer == "inconclusive":
            needed = rare_patients * _times(pair, alpha=alpha, margin=margin)
        found[name] = Verdict(answer, up, down, detectable, needed)
    return found


def _times(pair: tuple[Comparison, Comparison], *, alpha: float, margin: float) -> float:
    """How many times the patients would decide, four times in five, by whichever answer comes
    first; NaN where none would. Standard errors fall with the root of the number."""
    reference = pair[0]
    ways = [
        max(_root(c.detectable(alpha=alpha), c.difference) for c in pair),
        _root(reference.detectable(alpha=alpha), -reference.difference),
        max(_root(c.detectable(alpha=ALPHA), margin - abs(c.difference)) for c in pair),
    ]
    times = min(ways) ** 2
    return times if times <= MOST_TIMES else math.nan


def _root(needed: float, there: float) -> float:
    return needed / there if there > 0 and not math.isnan(needed) else math.inf
