"""Every planned synthetic arm set against the reference and its control, and judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rarecase.evidence.fits import Fit
from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison, compare_fits
from rarecase.evidence.rows import Cell, Entry, Family, Key, number_of, plain
from rarecase.evidence.verdict import Contrast, as_json, explain, judge

NUMBERS = ("p_helps", "p_harms", "detectable")


@dataclass(frozen=True)
class Question:
    """Which class is rare (its name, its index, how many test patients it has), and how the paired
    tests are drawn."""

    rare: str
    index: int
    patients: int
    permutations: int
    seed: int

    def compare(self, arm: Sequence[Fit], other: Sequence[Fit]) -> Comparison:
        """The paired tests of an arm against another."""
        return compare_fits(
            arm, other, rare=self.index, permutations=self.permutations, seed=self.seed
        )


def family_verdicts(
    family: Family, rows: Sequence[Mapping[str, Any]], question: Question, *, full_names: bool
) -> list[dict[str, Any]]:
    """The verdicts on the planned synthetic arms of a family (see `make_evidence`).

    The correction is over all of them; `rows` are the family's rows of the evidence.
    """
    scores = {entry.key: row["patients"]["scores"] for entry, row in zip(family, rows, strict=True)}
    planned = [entry for entry in family if entry.synthetic and entry.planned]
    tested = {entry.key: _contrast(entry, family, scores, question) for entry in planned}
    judged = judge(tested, rare_patients=question.patients)
    found = []
    for entry in planned:
        contrast, verdict = tested[entry.key], judged[entry.key]
        sentence = explain(
            _name(entry, full=full_names), verdict, contrast,
            reference=family[0].key.arm, rare=question.rare, rare_patients=question.patients,
        )  # fmt: skip
        found.append(
            {
                **entry.key._asdict(),
                "answer": verdict.answer,
                **{name: plain(getattr(verdict, name)) for name in NUMBERS},
                "possible": plain(contrast.possible),
                "against": {
                    "reference": as_json(contrast.reference),
                    "control": as_json(contrast.control),
                },
                "sentence": sentence,
            }
        )
    return found


def _contrast(
    entry: Entry, family: Family, scores: Mapping[Key, Any], question: Question
) -> Contrast:
    reference, control = family[0], _control(entry, family)
    mine, base = scores[entry.key], scores[reference.key]
    balanced = "tuned_balanced_accuracy"
    return Contrast(
        reference=question.compare(entry.patients, reference.patients),
        control=None if control is None else question.compare(entry.patients, control.patients),
        balanced=number_of(mine[balanced]) - number_of(base[balanced]),
        possible=1 - number_of(base[AUC]),
        missing=_missing(entry, control, family),
    )


def _control(entry: Entry, family: Family) -> Entry | None:
    """The row that is the control of this arm at this amount."""
    of, amount = entry.key.arm, entry.key.amount
    return next((e for e in family if e.control_of == of and e.key.amount == amount), None)


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


def _name(entry: Entry, *, full: bool) -> str:
    """The arm for readers, and how many samples a filter left of a count."""
    short = entry.key.is_count and round(entry.added) < int(entry.key.amount)
    return entry.key.title(full=full, note=f"{entry.added:,.0f} added on average" if short else "")
