"""The verdicts on a family: the planned synthetic arms on the same features with the same
classifier."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rarecase.evidence.explain import explain
from rarecase.evidence.metrics import Metric
from rarecase.evidence.rows import Cell, Entry, Family, Key
from rarecase.evidence.scored import Compare
from rarecase.evidence.verdict import MARGIN, Contrast, judge
from rarecase.ranking import plain

NUMBERS = ("p_helps", "p_harms", "detectable", "needed")


def family_verdicts(
    family: Family,
    rows: Sequence[Mapping[str, Any]],
    *,
    compare: Compare,
    metric: Metric,
    rare: str,
    rare_patients: int,
    full_names: bool,
    margin: float = MARGIN,
    first: str | None = None,
) -> list[dict[str, Any]]:
    """The verdicts on the planned synthetic arms of a family (see `make_evidence`).

    `rows` are the family's rows of the evidence, `compare` the paired tests of an arm against
    another by `metric`, `margin` the difference that counts as none, `first` the arm that was
    asked about beforehand.
    """
    scores = {entry.key: row["patients"]["scores"] for entry, row in zip(family, rows, strict=True)}
    planned = {entry.key: entry for entry in family if entry.synthetic and entry.planned}
    tested = {
        key: _contrast(entry, family, scores, metric, compare) for key, entry in planned.items()
    }
    asked = next((key for key in tested if key.arm == first), None)
    found = []
    judged = judge(tested, rare_patients=rare_patients, margin=margin, first=asked)
    for key, verdict in judged.items():
        contrast, added = tested[key], planned[key].added
        short = key.is_count and round(added) < int(key.amount)  # a filter left fewer
        name = key.title(full=full_names, note=f"{added:,.0f} added on average" if short else "")
        sentence = explain(
            name, verdict, contrast,
            reference=family[0].key.arm, rare=rare, rare_patients=rare_patients, margin=margin,
            metric=metric,
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
    entry: Entry, family: Family, scores: Mapping[Key, Any], metric: Metric, compare: Compare
) -> Contrast:
    """An arm at an amount against the reference, and the control of that arm at that amount."""
    (_, arm, _, amount), reference = entry.key, family[0]
    control = next((e for e in family if e.control_of == arm and e.key.amount == amount), None)

    def score(of: Entry, name: str) -> float:
        value = scores[of.key][name]["value"]
        return math.nan if value is None else value

    balanced, found = "tuned_balanced_accuracy", score(reference, metric.name)
    return Contrast(
        reference=compare(entry.patients, reference.patients),
        control=None if control is None else compare(entry.patients, control.patients),
        balanced=score(entry, balanced) - score(reference, balanced),
        possible=1 - found if metric.higher_is_better else found,
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
