"""The verdict on every synthetic arm, by rules that are fixed before anything is scored.

An arm `helps` when the AUC of the rare class rises against both the reference (no augmentation)
and the arm's control (as many copies of real samples as it added synthetic ones, in every cell),
with p below 0.05 after Holm's correction over its family, the planned synthetic arms on the same
features with the same classifier, and balanced accuracy, every arm at its tuned threshold, is not
below that of the reference. It `harms` when the AUC falls against the reference by the mirrored
test. All else is `inconclusive`. Under ten rare test patients it is `too few to say`; where the
control or a cell is missing there is no verdict but `incomplete`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from rarecase.arrays import Floats
from rarecase.evidence.paired import Comparison, larger
from rarecase.evidence.text import number, p_value, signed

ALPHA = 0.05
FEWEST_RARE_PATIENTS = 10
Answer = Literal["helps", "harms", "inconclusive", "too few to say", "incomplete"]
Name = TypeVar("Name")


@dataclass(frozen=True)
class Contrast:
    """A synthetic arm against the reference and its control.

    Parameters
    ----------
    control
        None where it was not run; the arm is incomplete then.
    balanced
        Balanced accuracy minus that of the reference, both at their tuned thresholds.
    possible
        1 − AUC of the reference: no rise can be larger.
    missing
        What was not run, in words; nothing is said about the arm then.
    """

    reference: Comparison
    control: Comparison | None
    balanced: float = math.nan
    possible: float = math.nan
    missing: str = ""

    @property
    def pair(self) -> tuple[Comparison, Comparison] | None:
        """Both comparisons; None where the arm is incomplete."""
        return None if self.missing or self.control is None else (self.reference, self.control)


@dataclass(frozen=True)
class Verdict:
    """The answer, the p values after correction, and the smallest effect that would have been found
    (difference in AUC, against whichever of the two makes it hardest)."""

    answer: Answer
    p_helps: float
    p_harms: float
    detectable: float


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


def judge(family: Mapping[Name, Contrast], *, rare_patients: int) -> dict[Name, Verdict]:
    """The verdict on every arm of a family; the correction is over all of them.

    An arm that is incomplete was planned, so that it counts in the correction, with a p of 1: a
    cell that fails must not make it easier for the others.
    """
    pairs = [contrast.pair for contrast in family.values()]
    helps = holm([max(c.p_greater for c in pair) if pair else 1.0 for pair in pairs])
    harms = holm([pair[0].p_less if pair else 1.0 for pair in pairs])
    alpha = ALPHA / max(len(pairs), 1)
    found = {}
    for i, (name, tested) in enumerate(family.items()):
        pair, up, down = pairs[i], float(helps[i]), float(harms[i])
        if pair is None:
            found[name] = Verdict("incomplete", math.nan, math.nan, math.nan)
            continue
        answer = _answer(up, down, balanced=tested.balanced, rare_patients=rare_patients)
        detectable = larger(*(c.detectable(alpha=alpha) for c in pair))
        found[name] = Verdict(answer, up, down, detectable)
    return found


def _answer(helps: float, harms: float, *, balanced: float, rare_patients: int) -> Answer:
    if rare_patients < FEWEST_RARE_PATIENTS:
        return "too few to say"
    if harms < ALPHA:
        return "harms"
    return "helps" if helps < ALPHA and balanced >= 0 else "inconclusive"


def explain(
    name: str,
    verdict: Verdict,
    tested: Contrast,
    *,
    reference: str,
    rare: str,
    rare_patients: int,
) -> str:
    """The verdict as one sentence with its numbers; `reference`: the name of that arm."""
    moved = _moved(tested, reference)
    if verdict.answer == "incomplete":
        return f"{name}: incomplete, as {tested.missing}; there is no verdict on it."
    if verdict.answer == "too few to say":
        return (
            f"{name}: too few to say, with {rare_patients} test patients of class {rare} "
            f"(at least {FEWEST_RARE_PATIENTS} are needed); {moved}."
        )
    if verdict.answer == "helps":
        return (
            f"{name} helps: patients of class {rare} are ranked better than by {reference} and by "
            f"its control ({moved}; adjusted p {p_value(verdict.p_helps)}), and balanced accuracy "
            "at tuned thresholds is not lower."
        )
    if verdict.answer == "harms":
        return (
            f"{name} harms: patients of class {rare} are ranked worse than by {reference} "
            f"({moved}; adjusted p {p_value(verdict.p_harms)})."
        )
    why = f"adjusted p {p_value(verdict.p_helps)}"
    if verdict.p_helps < ALPHA:
        why += (
            ", but balanced accuracy at tuned thresholds is "
            f"{number(abs(tested.balanced), digits=3)} lower than that of {reference}"
        )
    found = _found(verdict, tested.possible)
    return f"{name}: inconclusive whether it helps class {rare} ({moved}; {why}{found})."


def _found(verdict: Verdict, possible: float) -> str:
    """What the study could have shown, beside what any arm could reach."""
    if math.isnan(verdict.detectable):
        return ""
    if verdict.detectable > possible:
        return (
            "; no rise, however large, would have been found with a power of 80 %: "
            f"{number(verdict.detectable)} would be needed, and {number(possible)} is possible"
        )
    return f"; a rise of {number(verdict.detectable)} would have been found with a power of 80 %"


def _moved(tested: Contrast, reference: str) -> str:
    if math.isnan(tested.reference.difference):
        return "AUC is not defined in any test fold"
    text = f"ΔAUC {signed(tested.reference.difference)} against {reference}"
    if tested.control is not None:
        text += f", {signed(tested.control.difference)} against its control"
    return text
