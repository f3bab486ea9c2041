"""Verdicts in words."""

from __future__ import annotations

import math

from rarecase.evidence.metrics import AUC, Metric
from rarecase.evidence.text import number, p_value, signed
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS, MARGIN, Contrast, Verdict

LIKENESS = 0.5  # mean rank correlation of two arms' scores within a fold: below it a warning


def explain(
    name: str, verdict: Verdict, tested: Contrast, *, reference: str, rare: str,
    rare_patients: int, margin: float = MARGIN, metric: Metric | None = None,
) -> str:  # fmt: skip
    """The verdict in words with its numbers; `reference`: the name of that arm; `metric`: what it
    is about, the AUC if None."""
    score = None if metric is None or metric.name == AUC else metric.label
    said = _said(
        name, verdict, tested, reference=reference, rare=rare, rare_patients=rare_patients,
        margin=margin, score=score,
    )  # fmt: skip
    return said + (_unlike(tested, reference) if tested.pair else "")


def _unlike(tested: Contrast, reference: str) -> str:
    """A warning where an arm ranks by other things than what it is set against."""
    pairs = zip((reference, "its control"), tested.pair or (), strict=True)
    least, name = min((c.likeness, name) for name, c in pairs)
    if math.isnan(least) or least >= LIKENESS:
        return ""
    return (
        f" Beware: it ranks patients unlike {name} (rank correlation {number(least)}), as a "
        "generator that collapsed does, and such p can be too small."
    )


def _said(
    name: str, verdict: Verdict, tested: Contrast, *, reference: str, rare: str,
    rare_patients: int, margin: float, score: str | None,
) -> str:  # fmt: skip
    moved = _moved(tested, reference, score or "AUC")
    better, worse = (
        (f"patients of class {rare} are ranked {how} than by" if score is None
         else f"{score} is {how} than with") for how in ("better", "worse")
    )  # fmt: skip
    if verdict.answer == "incomplete":
        return f"{name}: incomplete, as {tested.missing}; there is no verdict on it."
    if verdict.answer == "too few to say":
        return (
            f"{name}: too few to say, with {rare_patients} test patients of class {rare} "
            f"(at least {FEWEST_RARE_PATIENTS} are needed); {moved}."
        )
    if verdict.answer == "helps":
        return (
            f"{name} helps: {better} {reference} and "
            f"its control ({moved}; adjusted p {p_value(verdict.p_helps)})"
            f"{_balanced(tested, reference)}."
        )
    if verdict.answer == "harms":
        return (
            f"{name} harms: {worse} {reference} ({moved}; adjusted p {p_value(verdict.p_harms)})."
        )
    if verdict.answer == "no difference":
        low, high = (signed(each, digits=3) for each in tested.reach)
        return (
            f"{name}: no difference for class {rare} ({moved}; with 90 % confidence between {low} "
            f"and {high}, less than {number(margin, digits=3)} either way)."
        )
    return (
        f"{name}: inconclusive whether it helps class {rare} "
        f"({moved}; {_why(verdict, tested)}{_needed(verdict, rare)})."
    )


def _balanced(tested: Contrast, reference: str) -> str:
    """What happens to decisions, where anything does."""
    if math.isnan(tested.balanced) or not round(tested.balanced, 3):
        return ""
    how = "higher" if tested.balanced > 0 else "lower"
    moved = number(abs(tested.balanced), digits=3)
    return f"; balanced accuracy at tuned thresholds is {moved} {how} than that of {reference}"


def _why(verdict: Verdict, tested: Contrast) -> str:
    why = f"adjusted p {p_value(verdict.p_helps)}"
    if verdict.detectable > tested.possible:
        why += (
            "; no rise, however large, would have been found with a power of 80 %: "
            f"{number(verdict.detectable)} would be needed, and {number(tested.possible)} is "
            "possible"
        )
    elif not math.isnan(verdict.detectable):
        why += (
            f"; a rise of {number(verdict.detectable)} would have been found with a power of 80 %"
        )
    return why


def _needed(verdict: Verdict, rare: str) -> str:
    if math.isnan(verdict.needed):
        return ""
    return f"; about {roughly(verdict.needed)} patients of class {rare} would decide it"


def roughly(count: float) -> str:
    """A rough estimate: rounded up to two digits.

    >>> roughly(184.6), roughly(1101)
    ('190', '1,200')
    """
    unit = 10 ** max(len(str(math.ceil(count))) - 2, 0)
    return f"{math.ceil(count / unit) * unit:,}"


def _moved(tested: Contrast, reference: str, score: str) -> str:
    if math.isnan(tested.reference.difference):
        return f"{score} is not defined in any test fold"
    text = f"Δ{score} {signed(tested.reference.difference)} against {reference}"
    if tested.control is not None:
        text += f", {signed(tested.control.difference)} against its control"
    return text
