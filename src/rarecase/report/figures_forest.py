"""Forest plots: what every arm moved, and what the features know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D

from rarecase.charts.forest import Entry, Mark, forest
from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.synthesis import moved, score_name
from rarecase.evidence.tables import main_rows
from rarecase.evidence.tables_features import choice_family, in_front, reference_rows
from rarecase.evidence.text import Score, number, with_interval
from rarecase.evidence.verdict import MARGIN
from rarecase.imaging.drawing import FAINT, INK, canvas, look, panels, short
from rarecase.report.blocks import Figure, counted, drawn
from rarecase.report.style import ANSWERS, OTHERS, RARE

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
CHANCE = 0.5
ROW, BETWEEN = 0.3, 0.17  # inches for a set of features; part of a line between its classifiers
LINE = 0.175  # inches for an arm
MOST = 12  # arms of which a figure at the top of a page has room
PLAIN = "not synthetic"
COLUMNS = (0.0, 0.105)  # where what stands beside an arm begins
APART = 0.2  # of a line: between what is against the reference and against the control


def arms_forest(evidence: Evidence) -> Figure | None:
    """What each arm moved the score by against the reference, and a synthetic one against its
    control too, those of the choice first; of more than there is room for the synthetic ones on
    the features that come first. None where there is no such arm."""
    rows = told_rows(evidence)
    if len(rows) <= MOST:
        return _arms(evidence, rows, name="arms-forest")
    shown = _families([row for row in rows if row["synthetic"]] or rows)
    more = f" {len(rows) - len(shown)} more arms stand with the results."
    return _arms(evidence, shown, name="arms-forest", more=more)


def _families(rows: Sequence[Row]) -> list[Row]:
    """Rows of as many whole families as there is room for."""
    kept: list[Row] = []
    for family in dict.fromkeys(key_of(row).family for row in rows):
        mine = [row for row in rows if key_of(row).family == family]
        if kept and len(kept) + len(mine) > MOST:
            break
        kept += mine[:MOST]
    return kept


def all_arms_forest(evidence: Evidence) -> Figure | None:
    """Every arm, where `arms_forest` leaves some out; else None."""
    rows = told_rows(evidence)
    return _arms(evidence, rows, name="all-arms-forest") if len(rows) > MOST else None


def _arms(evidence: Evidence, rows: Sequence[Row], *, name: str, more: str = "") -> Figure | None:
    if not rows:
        return None
    answers = {key_of(v): v for v in evidence["verdicts"]}
    entries = [
        _entry(row, answers.get(key_of(row)), evidence, name=_name(key_of(row), evidence))
        for row in rows
    ]
    there = [answers[key_of(row)]["answer"] for row in rows if key_of(row) in answers]
    score = score_name(evidence)
    with look():
        figure = canvas(1.2 + LINE * len(rows))
        (axes,) = panels(figure, 1, 1)
        forest(axes, entries, at=0.0, band=evidence.get("margin", MARGIN),
               heads=("n", "answer"), columns=COLUMNS)  # fmt: skip
        axes.set_xlabel(f"Δ{score}, class {short(evidence['rare'])}: better to the right")
        figure.legend(handles=_legend(there), loc="outside lower center", ncols=4, fontsize=8.5)
    alt = f"Change of {score} by {counted(len(rows), 'arm')} with 95 % intervals; the numbers are "
    return drawn(figure, name=name, caption=_caption(evidence, judged=bool(there)) + more,
                 alt=alt + "in the tables")  # fmt: skip


def told_rows(evidence: Evidence) -> list[Row]:
    """Arms whose change says anything: planned ones, without those that rank everybody as the
    reference does because they change nothing but a threshold."""
    name = evidence.get("metric", AUC)
    found = []
    for row in main_rows(evidence):
        change = (row["patients"]["difference"] or {}).get(name)
        if change is None or change["value"] is None or (row["synthetic"] and not row["planned"]):
            continue
        if row["synthetic"] or any(change[part] for part in ("value", "low", "high")):
            found.append(row)
    return in_front(evidence, found)


def _entry(row: Row, verdict: Row | None, evidence: Evidence, *, name: str) -> Entry:
    patients, key = row["counts"]["patients"], key_of(row)
    rare = patients[evidence["rare"]]
    counts = f"{rare:,} / {sum(patients.values()) - rare:,}"
    if verdict is None:
        marks = [_mark(_plain(row, evidence), f"{name}, against {_reference(evidence, key)}",
                       colour=INK, marker="_")]  # fmt: skip
        return Entry(name, marks, (counts, PLAIN))
    colour, marker, _ = ANSWERS[verdict["answer"]]
    others = {"reference": _reference(evidence, key), "control": "copies of real samples"}
    marks = [
        _mark(moved(verdict, other), f"{name}, {verdict['answer']}; against {words}",
              colour=colour, marker=marker, filled=other == "reference",
              shift=-APART if other == "reference" else APART)
        for other, words in others.items()
    ]  # fmt: skip
    return Entry(name, marks, (counts, verdict["answer"]))


def _name(key: Key, evidence: Evidence) -> str:
    if key.family == choice_family(evidence):
        return f"{key.title(full=False)} (chosen features)"
    return key.title(full=len({key_of(row).family for row in evidence["rows"]}) > 1)


def _plain(row: Row, evidence: Evidence) -> Score:
    """The change of an arm without synthetic samples, larger is better."""
    name = evidence.get("metric", AUC)
    score: Score = row["patients"]["difference"][name]
    if next(m for m in evidence["metrics"] if m["name"] == name)["higher_is_better"]:
        return score
    ends = {"value": "value", "low": "high", "high": "low"}
    return {to: None if score[of] is None else -(score[of] or 0.0) for to, of in ends.items()}


def _reference(evidence: Evidence, key: Key) -> str:
    rows = evidence["rows"]
    return str(next(r["arm"] for r in rows if r["reference"] and key_of(r).family == key.family))


def _mark(
    score: Score, words: str, *, colour: str, marker: str, filled: bool = True, shift: float = 0.0,
    change: bool = True,
) -> Mark:  # fmt: skip
    value, low, high = (
        math.nan if (n := score[part]) is None else n for part in ("value", "low", "high")
    )
    said = f"{words}: {with_interval(score, change=change)}"
    return Mark(value, low, high, said, colour, marker, filled, shift)


def _legend(answers: Sequence[str]) -> list[Line2D]:
    """What shapes and their filling mean, of the answers that are there."""
    dots = {"linestyle": "none", "markersize": 5.5}
    handles = [
        Line2D([], [], color=colour, marker=marker, label=answer, **dots)  # type: ignore[arg-type]
        for answer, (colour, marker, _) in ANSWERS.items() if answer in answers
    ]  # fmt: skip
    if answers:
        of = (("filled: against doing nothing", FAINT), ("hollow: against copies of real", "white"))
        for words, inside in of:
            handles.append(Line2D([], [], color=FAINT, marker="o", markerfacecolor=inside,
                                  label=words, **dots))  # type: ignore[arg-type]  # fmt: skip
    return handles


def _caption(evidence: Evidence, *, judged: bool) -> str:
    text = f"What every arm moved the {score_name(evidence)} by; right of the line is better."
    if not judged:
        return f"{text} Bars: 95 % intervals. None of these arms has synthetic samples."
    return (
        f"{text} Filled: against doing nothing about the imbalance; hollow: against as many copies "
        "of real samples as it added synthetic ones. Shaded: less than "
        f"{number(evidence.get('margin', MARGIN))}, on which nobody would act. n: patients of the "
        "rare class and others. Bars: 95 % intervals, of the test (in the tables of the "
        "bootstrap). With many arms some bars miss zero by chance; the answers allow for that."
    )


def features_forest(evidence: Evidence) -> Figure:
    """AUC of each features × classifier with its interval, a line for each set of features and one
    where the baseline is; the largest on top, what inner folds chose before all."""
    rows, first = reference_rows(evidence), choice_family(evidence)
    kinds = [*dict.fromkeys(r["classifier"] for r in rows if key_of(r).family != first)]
    colours = dict(zip(kinds, (*OTHERS, INK) * len(kinds), strict=False))
    entries = [
        Entry(name, _classifiers([r for r in rows if r["features"] == name], first, colours))
        for name in dict.fromkeys(row["features"] for row in rows)
    ]
    found = evidence["features"]
    baseline = found["baseline"]
    with look():
        figure = canvas(1.3 + ROW * len(entries) * (1 + BETWEEN * len(kinds)))
        (axes,) = panels(figure, 1, 1)
        forest(axes, entries, at=CHANCE, size=10)
        for each in found["sets"]:
            if each["features"] == baseline and each["auc"]["value"] is not None:
                axes.axvline(each["auc"]["value"], color=FAINT, linewidth=1, linestyle="dashed")
        axes.set_xlim(min(0.4, axes.get_xlim()[0]), 1.0)
        axes.set_xlabel(f"AUC of class {evidence['rare']} on test patients, 95 % interval")
        dots = [Line2D([], [], color=colours[k], marker="o", linestyle="none", label=k)
                for k in kinds]  # fmt: skip
        if first is not None:
            dots.insert(0, Line2D([], [], color=RARE, marker="D", linestyle="none", label=first[1]))
        figure.legend(handles=dots, loc="outside lower center", ncols=6)
    than = "" if baseline is None else f"; dashed: {baseline}"
    text = (
        f"What the features know of class {evidence['rare']} when nothing is done about the "
        f"imbalance. Line at {number(CHANCE)}: chance{than}. Intervals of two sets may overlap and "
        "their difference be certain all the same, since both were measured on the same patients: "
        "see Δ in the table."
    )
    names = ", ".join(entry.name for entry in entries)
    alt = f"AUC with intervals of {names}; the numbers are in the table"
    return drawn(figure, name="features-forest", caption=text, alt=alt)


def _classifiers(
    rows: Sequence[Row], first: tuple[str, str] | None, colours: Mapping[str, str]
) -> list[Mark]:
    """Marks of the classifiers of a set, below each other around its place."""
    own = [kind for kind in colours if any(row["classifier"] == kind for row in rows)]
    marks = []
    for row in rows:
        kind, score = row["classifier"], row["patients"]["scores"][AUC]
        chosen = key_of(row).family == first
        step = 0.0 if chosen else own.index(kind) - (len(own) - 1) / 2
        marks.append(
            _mark(score, f"{row['features']} with {kind}", change=False, shift=BETWEEN * step,
                  colour=RARE if chosen else colours[kind], marker="D" if chosen else "o")
        )  # fmt: skip
    return marks
