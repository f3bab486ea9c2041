"""The verdict on every synthetic arm, by rules that are fixed before anything is scored.

An arm `helps` when the AUC of the rare class rises against both controls, `none` and `duplicates`
(as many copies of real samples as the arm added synthetic ones, in every fold), with p below 0.05
after Holm's correction over all synthetic arms of the study, and balanced accuracy, every arm at
its tuned threshold, is not below that of `none`. It `harms` when the AUC falls against `none` by
the mirrored test. Under ten rare test patients it is `too few to say`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rarecase.arrays import Floats
from rarecase.evidence.paired import Comparison, larger
from rarecase.evidence.text import number, p_value, signed

ALPHA = 0.05
FEWEST_RARE_PATIENTS = 10
Answer = Literal["helps", "no evidence", "harms", "too few to say", "not controlled"]


@dataclass(frozen=True)
class Contrast:
    """A synthetic arm against its controls; `balanced` is its balanced accuracy minus that of
    `none`, both at their tuned thresholds. `duplicates` is None where that control was not run."""

    none: Comparison
    duplicates: Comparison | None
    balanced: float


@dataclass(frozen=True)
class Verdict:
    """The answer, the p values after correction, and the smallest effect that would have been found
    (difference in AUC, against the control that makes it hardest)."""

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


def judge(tested: Mapping[str, Contrast], *, rare_patients: int) -> dict[str, Verdict]:
    """The verdict on every synthetic arm of a study; the correction is over all that are given."""
    names = list(tested)
    helps = dict(zip(names, holm([_p_helps(tested[n]) for n in names]), strict=True))
    harms = dict(zip(names, holm([tested[n].none.p_less for n in names]), strict=True))
    alpha = ALPHA / max(len(names), 1)
    return {
        name: Verdict(
            answer=_answer(tested[name], helps[name], harms[name], rare_patients=rare_patients),
            p_helps=float(helps[name]),
            p_harms=float(harms[name]),
            detectable=larger(*(c.detectable(alpha=alpha) for c in _controls(tested[name]))),
        )
        for name in names
    }


def _controls(tested: Contrast) -> list[Comparison]:
    return [c for c in (tested.none, tested.duplicates) if c is not None]


def _p_helps(tested: Contrast) -> float:
    """The larger p over both controls; 1 where a control was not run: nothing is shown without."""
    if tested.duplicates is None:
        return 1.0
    return max(tested.none.p_greater, tested.duplicates.p_greater)


def _answer(tested: Contrast, helps: float, harms: float, *, rare_patients: int) -> Answer:
    if rare_patients < FEWEST_RARE_PATIENTS:
        return "too few to say"
    if harms < ALPHA:
        return "harms"
    if tested.duplicates is None:
        return "not controlled"
    if helps < ALPHA and tested.balanced >= 0:
        return "helps"
    return "no evidence"


def explain(name: str, verdict: Verdict, tested: Contrast, *, rare: str, rare_patients: int) -> str:
    """The verdict as one sentence with its numbers."""
    moved = _moved(tested)
    if verdict.answer == "too few to say":
        return (
            f"{name}: too few to say, with {rare_patients} test patients of class {rare} "
            f"(at least {FEWEST_RARE_PATIENTS} are needed); {moved}."
        )
    if verdict.answer == "not controlled":
        return f"{name}: not controlled, as no duplicates of real samples were run; {moved}."
    if verdict.answer == "helps":
        return (
            f"{name} helps: patients of class {rare} are ranked better than by both controls "
            f"({moved}; adjusted p {p_value(verdict.p_helps)}), and balanced accuracy at tuned "
            "thresholds is not lower."
        )
    if verdict.answer == "harms":
        return (
            f"{name} harms: patients of class {rare} are ranked worse than without it ({moved}; "
            f"adjusted p {p_value(verdict.p_harms)})."
        )
    why = f"adjusted p {p_value(verdict.p_helps)}"
    if verdict.p_helps < ALPHA:
        why += (
            ", but balanced accuracy at tuned thresholds is "
            f"{number(abs(tested.balanced), digits=3)} lower than without it"
        )
    return f"{name}: no evidence that it helps class {rare} ({moved}; {why}{_found(verdict)})."


def _found(verdict: Verdict) -> str:
    """What the study could have shown; an AUC cannot rise by 1 or more."""
    if math.isnan(verdict.detectable):
        return ""
    if verdict.detectable >= 1:
        return "; no rise, however large, would have been found with a power of 80 %"
    return f"; a rise of {number(verdict.detectable)} would have been found with a power of 80 %"


def _moved(tested: Contrast) -> str:
    if math.isnan(tested.none.difference):
        return "AUC is not defined in any test fold"
    text = f"AUC {signed(tested.none.difference)} against none"
    if tested.duplicates is not None:
        text += f", {signed(tested.duplicates.difference)} against duplicates"
    return text


def as_json(comparison: Comparison | None) -> dict[str, Any] | None:
    """A comparison's numbers for evidence.json, which has no NaN."""
    if comparison is None:
        return None
    found = {
        "difference": comparison.difference,
        "p_greater": comparison.p_greater,
        "p_less": comparison.p_less,
        "permutation_p_greater": comparison.permutation_greater,
        "permutation_p_less": comparison.permutation_less,
        "t_p_greater": comparison.t_greater,
        "t_p_less": comparison.t_less,
        "error": comparison.error,
    }
    return {k: None if math.isnan(v) else float(v) for k, v in found.items()}
