"""What the headline numbers say, in plain words, chosen by rule from the intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rarecase.evidence.text import number
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS


@dataclass(frozen=True)
class Change:
    """A score without (`before`) and with synthetic samples, and the interval of the difference."""

    before: float
    after: float
    difference: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether every number is defined."""
        return not any(map(math.isnan, (self.before, self.after, self.low, self.high)))


def interval(change: Change) -> str:
    """The difference and its interval in words."""
    return (
        f"difference {number(change.difference)}, 95 % interval "
        f"{number(change.low)} to {number(change.high)}"
    )


def choose_finding(*, recall: Change, auc: Change, rare_patients: int) -> str:
    """The finding, from the intervals alone.

    Fewer than ten rare patients: 'too few to say'. Concordance not defined: 'not measurable'.
    Its interval above 0: 'ranks better'; below 0: 'ranks worse'. Otherwise ranking has not
    demonstrably changed, and recall decides: risen 'moved threshold', else 'no evidence'.
    """
    if rare_patients < FEWEST_RARE_PATIENTS:
        return "too few to say"
    if not (auc.known and recall.known):
        return "not measurable"
    if auc.low > 0:
        return "ranks better"
    if auc.high < 0:
        return "ranks worse"
    return "moved threshold" if recall.difference > 0 else "no evidence"


def _conclusion(finding: str, *, recall: Change, rare: str, rare_patients: int) -> str:
    if finding == "too few to say":
        return f"with {rare_patients} patients of class {rare} this is too few to say"
    if finding == "not measurable":
        return f"no test fold holds both {rare} and other patients, so ranking cannot be measured"
    if finding == "ranks better":
        return (
            "patients are ranked better; this is not yet the full controlled test, and duplicating "
            "real samples might do the same"
        )
    if finding == "ranks worse":
        return "patients are ranked worse: the synthetic samples did harm here"
    if finding == "moved threshold":
        # An interval around 0 does not prove that nothing was gained, so it is not said.
        sure = (
            ""
            if recall.low > 0
            else f" (the recall's own change, interval {number(recall.low)} to "
            f"{number(recall.high)}, may be chance)"
        )
        return f"a moved threshold may do the same; new information is not shown{sure}"
    what = "recall fell" if recall.difference < 0 else "recall did not rise"
    return f"{what} and no better ranking is shown; no evidence that the synthetic samples help"


def headline_sentence(
    *,
    amount: int,
    rare: str,
    recall: Change,
    auc: Change,
    rare_patients: int,
    added: float | None = None,
) -> tuple[str, str]:
    """The finding (see `choose_finding`) and the sentence that states it with its numbers.

    >>> finding, text = headline_sentence(
    ...     amount=512, rare="LGG", rare_patients=40,
    ...     recall=Change(0.25, 0.42, 0.17, 0.05, 0.30), auc=Change(0.61, 0.60, -0.01, -0.08, 0.06))
    >>> finding
    'moved threshold'
    """
    finding = choose_finding(recall=recall, auc=auc, rare_patients=rare_patients)
    samples = f"With {amount:,} synthetic samples"
    if added is not None and round(added) < amount:
        samples += f" (of which the filter left {added:,.0f} on average)"
    moved = (
        f"{samples} the recall of class {rare} moved from "
        f"{number(recall.before)} to {number(recall.after)}"
    )
    if number(recall.before) == number(recall.after):
        moved = f"{samples} the recall of class {rare} stayed at {number(recall.after)}"
    if math.isnan(recall.before) or math.isnan(recall.after):
        moved = f"{samples} the recall of class {rare} is not defined"
    if math.isnan(auc.before) or math.isnan(auc.after):
        ranked = " while AUC is not defined"
    else:
        ranked = (
            f" while AUC went from {number(auc.before)} to {number(auc.after)} ({interval(auc)})"
        )
    end = _conclusion(finding, recall=recall, rare=rare, rare_patients=rare_patients)
    return finding, f"{moved}{ranked}: {end}."
