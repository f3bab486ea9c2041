"""The evidence as a table: for people (text) and for programs (DataFrame).

Everything is read from the evidence alone; its `metrics` say which scores there are.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rarecase.evidence.evidence import INTERVALS
from rarecase.evidence.family import NUMBERS
from rarecase.evidence.masks import stated
from rarecase.evidence.metrics import AUC
from rarecase.evidence.predictions import FLAGS, KEY
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.tables_features import (
    NOTE,
    chance_line,
    choice_family,
    choice_lines,
    feature_lines,
    feature_rows,
    others_line,
    verdict_lines,
)
from rarecase.evidence.text import cell, class_counts, number, with_interval

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
Grid = tuple[list[str], list[list[str]]]
"""Heads of columns, and rows of as many cells."""


def to_frame(evidence: Evidence) -> pd.DataFrame:
    """A row per features × arm × classifier × amount, controls too.

    Columns: the key, the flags, requested, added, complete; every metric with _low and _high, and
    its _difference to the reference with _low and _high; verdict, p_helps, p_harms, detectable.
    """
    verdicts = {key_of(v): v for v in evidence["verdicts"]}
    rows = []
    for row in evidence["rows"]:
        names = [*KEY, *FLAGS, "requested", "added", "complete"]
        found: dict[str, Any] = {name: row[name] for name in names}
        patients, verdict = row["patients"], verdicts.get(key_of(row), {})
        for name, score in patients["scores"].items():
            moved = (patients["difference"] or {}).get(name, {})
            for title, each in ((name, score), (f"{name}_difference", moved)):
                found[title] = each.get("value")
                found[f"{title}_low"], found[f"{title}_high"] = each.get("low"), each.get("high")
        found["verdict"] = verdict.get("answer")
        found |= {name: verdict.get(name) for name in NUMBERS}
        rows.append(found)
    return pd.DataFrame(rows)


def main_rows(evidence: Evidence) -> list[Row]:
    """The rows of arms; controls, each matched to one arm, are left to the verdicts."""
    return [row for row in evidence["rows"] if row["control_of"] is None]


def arm_rows(evidence: Evidence) -> list[Row]:
    """The main rows of the features × classifier on which there are arms besides the reference:
    with a choice of the choice alone. All main rows where there are none."""
    rows, first = main_rows(evidence), choice_family(evidence)
    several = Counter(key_of(row).family for row in rows)
    mine = [r for r in rows if several[key_of(r).family] > 1 and first in (None, key_of(r).family)]
    return mine or rows


def name_columns(rows: Sequence[Row]) -> list[str]:
    """The columns that name a row: features and classifier only where there are several, an amount
    only where one was counted."""
    several = [n for n in ("features", "classifier") if len({row[n] for row in rows}) > 1]
    return [*several, "arm", *(["amount"] if any(key_of(row).is_count for row in rows) else [])]


def table_rows(evidence: Evidence, *, full: bool = False) -> Grid:
    """The table of scores on patients.

    The main one, of `arm_rows`: the AUC of the rare class, and what verdicts are about where that
    is another metric, with intervals and what they moved against the reference, the other main
    metrics, the verdict. `full`: every row and metric, and no
    more.
    """
    shown = main_rows(evidence) if full else arm_rows(evidence)
    names = name_columns(shown)
    answers = {key_of(v): v["answer"] for v in evidence["verdicts"]}
    lines = []
    for row in shown:
        scores, moved = row["patients"]["scores"], row["patients"]["difference"]
        line = {name: row[name] for name in names} | {"added": cell(row["added"], digits=0)}
        for metric in evidence["metrics"]:
            name, label = metric["name"], metric["label"]
            if name in (AUC, evidence.get("metric")) and not full:
                line[f"{label} (95 % interval)"] = with_interval(scores[name])
                line[f"Δ{label}"] = "" if moved is None else cell(moved[name]["value"], change=True)
            elif metric["main"] or full:
                line[label] = cell(scores[name]["value"])
        if not full:
            line["verdict"] = answers.get(key_of(row), "")
        lines.append(line)
    return [*lines[0]], [[*line.values()] for line in lines]


def curve_rows(curve: pd.DataFrame) -> Grid:
    """A scarcity curve (`scarcity_curve`): arms by k, the AUC of the rare class and in brackets
    what it moved against the reference."""
    records = [{str(k): v for k, v in row.items()} for row in curve.to_dict("records")]
    rows = [row for row in records if pd.isna(row["control_of"])]
    names = name_columns(rows)
    cells = {(key_of(row), row["k"]): row for row in rows}
    ks = sorted({row["k"] for row in rows})

    def said(key: Key, k: int) -> str:
        row = cells.get((key, k))
        if row is None or pd.isna(row[AUC]):
            return ""
        moved = row[f"{AUC}_difference"]
        change = "" if pd.isna(moved) else f" ({cell(moved, change=True)})"
        answer = f" {row['verdict']}" if row["verdict"] in ("helps", "harms") else ""
        return f"{number(row[AUC])}{change}{answer}"

    keys = dict.fromkeys(key_of(row) for row in rows)
    lines = [[*(getattr(key, name) for name in names), *(said(key, k) for k in ks)] for key in keys]
    return [*names, *(str(k) for k in ks)], lines


def as_text(evidence: Evidence) -> str:
    """The answer about features, the table of arms, and what is said below it."""
    lines = [counts_line(evidence), "", *feature_lines(evidence), *choice_lines(evidence), ""]
    if (sets := feature_rows(evidence)) is not None:
        lines += [*_aligned(*sets), NOTE, "", arms_title(evidence)]
    return "\n".join([*lines, *_aligned(*table_rows(evidence)), "", *said_below(evidence)])


def arms_title(evidence: Evidence) -> str:
    """What the table of arms is about."""
    choice = choice_family(evidence)
    title = "Arms" if choice is None else f"Arms on what is chosen ({' with '.join(choice)})"
    return title + stated(evidence)


def said_below(evidence: Evidence, *, unit: str = "rows") -> list[str]:
    """The verdicts in sentences, the best arm, what is particular about these folds, and what the
    self-checks found; `unit`: what a row of the features is called."""
    notes = [note for note in evidence["notes"] if note != INTERVALS]
    checks = evidence["checks"]
    return [
        *verdict_lines(evidence)[0],
        *chance_line(evidence),
        *others_line(evidence),
        *best_lines(evidence),
        *notes,
        *(check_lines(checks, unit=unit) if checks else []),
    ]


def best_lines(evidence: Evidence) -> list[str]:
    """Which arm has the largest AUC, plain ones included; nothing where there is only one."""
    best = evidence["best"]
    if best is None or best["of"] < 2:
        return []
    full = len({key_of(row).family for row in evidence["rows"]}) > 1
    return [
        f"Largest AUC: {key_of(best).title(full=full)}, {with_interval(best['auc'])}; "
        f"{best['note']}."
    ]


def check_lines(checks: Mapping[str, Any], *, unit: str = "rows") -> list[str]:
    """What the self-checks found, in sentences."""
    mean, error = checks["permuted_mean"], checks["permuted_error"]
    lines = []
    if mean is not None and error is not None:
        said = "as chance has it"
        if checks["suspicious"]:
            said = "look for a leak; without one it is so far from 0.5 once in 130 studies"
        lines.append(
            f"Labels permuted {len(checks['permuted_auc'])} times: AUC {number(mean, digits=3)} ± "
            f"{number(error, digits=3)}, {said}."
        )
    leak = checks["leak"] or {}
    if None not in leak.values() and leak:
        lines.append(
            f"Had {unit} been split instead of patients, the AUC on {unit} would read "
            f"{number(leak['rows split'])} instead of {number(leak['patients split'])}."
        )
    shift = checks["shift_mean"]
    found = "too few patients in a fold to say" if shift is None else number(shift)
    lines.append(
        f"Two-sample AUC of test against training patients by their features: {found} (0.50: as "
        "alike as chance has it)."
    )
    return lines


def counts_line(evidence: Evidence, *, column: str | None = None) -> str:
    """Who was compared, and on how many folds; how many of them have an AUC, if not all. `column`:
    the one that the classes come from, where it has a name."""
    patients = f"Patients by {column}" if column else "Patients"
    patients += f": {class_counts(evidence['counts']['patients'])}"
    references = dict.fromkeys(row["arm"] for row in evidence["rows"] if row["reference"])
    repeats, folds = evidence["repeats"], len({fold["fold"] for fold in evidence["folds"]})
    tested = "One test set" if folds * repeats == 1 else f"{repeats} × {folds} test folds"
    tests, rare = [fold["patients"] for fold in evidence["folds"]], evidence["rare"]
    both = sum(0 < test[rare] < sum(test.values()) for test in tests)
    if 0 < both < len(tests):
        tested += f", of which {both} hold rare and other patients and count for the AUC"
    return (
        f"{patients}; rare class {evidence['rare']}. {tested}; every number is on "
        f"patients that the arm never saw, and changes (Δ) are against {', '.join(references)}."
        + (f" All is {said}." if (said := stated(evidence).strip(" ()")) else "")
    )


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = 11) -> list[str]:
    """Columns of equal width, text to the left and numbers to the right; long heads are wrapped."""
    parts = [textwrap.wrap(head, width, break_long_words=False) for head in heads]
    deep = max(len(part) for part in parts)
    wrapped = [["" for _ in range(deep - len(part))] + part for part in parts]
    lines = [*zip(*wrapped, strict=True), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    words = {"features", "classifier", "arm", "verdict"}
    return [
        "  ".join(
            text.ljust(w) if head in words else text.rjust(w)
            for text, w, head in zip(line, widths, heads, strict=True)
        ).rstrip()
        for line in lines
    ]
