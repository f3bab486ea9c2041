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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from rarecase.arrays import Floats
from rarecase.evidence.fits import Fit
from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison, larger
from rarecase.evidence.rows import Cell, Entry, Family, Key
from rarecase.evidence.text import number, p_value, signed
from rarecase.ranking import plain

ALPHA = 0.05
FEWEST_RARE_PATIENTS = 10
NUMBERS = ("p_helps", "p_harms", "detectable")
Answer = Literal["helps", "harms", "inconclusive", "too few to say", "incomplete"]
Name = TypeVar("Name")


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


@dataclass(frozen=True)
class Verdict:
    """The answer, the p values after correction, and the smallest effect that would have been found
    (difference in AUC, against whichever of the two makes it hardest)."""

    answer: Answer
    p_helps: float
    p_harms: float
    detectable: float


def family_verdicts(
    family: Family,
    rows: Sequence[Mapping[str, Any]],
    compare: Callable[[Sequence[Fit], Sequence[Fit]], Comparison],
    *,
    rare: str,
    rare_patients: int,
    full_names: bool,
) -> list[dict[str, Any]]:
    """The verdicts on the planned synthetic arms of a family (see `make_evidence`).

    `rows` are the family's rows of the evidence, `compare` the paired tests of an arm against
    another.
    """
    scores = {entry.key: row["patients"]["scores"] for entry, row in zip(family, rows, strict=True)}
    planned = {entry.key: entry for entry in family if entry.synthetic and entry.planned}
    tested = {key: _contrast(entry, family, scores, compare) for key, entry in planned.items()}
    found = []
    for key, verdict in judge(tested, rare_patients=rare_patients).items():
        contrast, added = tested[key], planned[key].added
        short = key.is_count and round(added) < int(key.amount)  # a filter left fewer
        name = key.title(full=full_names, note=f"{added:,.0f} added on average" if short else "")
        sentence = explain(
            name, verdict, contrast,
            reference=family[0].key.arm, rare=rare, rare_patients=rare_patients,
        )  # fmt: skip
        found.append(
            {
                **key._asdict(),
                "answer": verdict.answer,
                **{name: plain(getattr(verdict, name)) for name in NUMBERS},
                "possible": plain(contrast.possible),
                "against": {
                    "reference": contrast.reference.as_json(),
                    "control": contrast.control and contrast.control.as_json(),
                },
                "sentence": sentence,
            }
        )
    return found


def _contrast(
    entry: Entry, family: Family, scores: Mapping[Key, Any], compare: Callable[..., Comparison]
) -> Contrast:
    """An arm at an amount against the reference, and the control of that arm at that amount."""
    (_, arm, _, amount), reference = entry.key, family[0]
    control = next((e for e in family if e.control_of == arm and e.key.amount == amount), None)

    def score(of: Entry, name: str) -> float:
        value = scores[of.key][name]["value"]
        return math.nan if value is None else value

    balanced = "tuned_balanced_accuracy"
    return Contrast(
        reference=compare(entry.patients, reference.patients),
        control=None if control is None else compare(entry.patients, control.patients),
        balanced=score(entry, balanced) - score(reference, balanced),
        possible=1 - score(reference, AUC),
        missing=_missing(entry, control, family),
    )


def _missing(entry: Entry, control: Entry | None, family: Family) -> str:
    """What was not run, in words; empty where all is there."""
    if control is None:
        return "its control (as many copies of real samples) was not run"
    said = []
    for whose, each in (("its", entry), ("its control's", control), ("the reference's", family[0])):
        if lost := each.missing(family):
            count = len(lost) + len(each.cells)
            said.append(f"{len(lost)} of {whose} {count} cells are missing ({_cells(lost)})")
    return " and ".join(said)


def _cells(lost: Iterable[Cell], *, most: int = 3) -> str:
    """A few cells in words.

    >>> _cells([(0, 2, None), (1, 0, 3)])
    'repeat 0 fold 2; repeat 1 fold 0 seed 3'
    """
    said = [
        f"repeat {repeat} fold {fold}" + ("" if seed is None else f" seed {seed}")
        for repeat, fold, seed in lost
    ]
    return "; ".join(said[:most]) + ("; …" if len(said) > most else "")


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
        elif up < ALPHA and tested.balanced >= 0:
            answer = "helps"
        detectable = larger(*(c.detectable(alpha=ALPHA / len(pairs)) for c in pair))
        found[name] = Verdict(answer, up, down, detectable)
    return found


def explain(
    name: str, verdict: Verdict, tested: Contrast, *, reference: str, rare: str, rare_patients: int
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
    return f"{name}: inconclusive whether it helps class {rare} ({moved}; {why})."


def _moved(tested: Contrast, reference: str) -> str:
    if math.isnan(tested.reference.difference):
        return "AUC is not defined in any test fold"
    text = f"ΔAUC {signed(tested.reference.difference)} against {reference}"
    if tested.control is not None:
        text += f", {signed(tested.control.difference)} against its control"
    return text
