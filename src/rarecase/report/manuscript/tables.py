"""Tables for a paper as CSV and LaTeX (booktabs): the rows are those of the report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison
from rarecase.evidence.rows import key_of
from rarecase.evidence.tables import name_columns
from rarecase.evidence.tables_features import families_of
from rarecase.evidence.text import MINUS, cell, number, p_value
from rarecase.files import write_table, write_text
from rarecase.report.blocks import Cell, Table
from rarecase.report.manuscript.study import Study
from rarecase.report.section_cohort import classes_table, sites_table
from rarecase.report.tables import results_table
from rarecase.report.tables_choice import choices_table, features_table, sets_table

_SIGNS = {
    MINUS: "$-$", "Δ": r"$\Delta$", "±": r"$\pm$", "×": r"$\times$", "≤": r"$\leq$",
    "≥": r"$\geq$", "–": "--", "α": r"$\alpha$", "σ": r"$\sigma$",
}  # fmt: skip
"""What pdfLaTeX does not set as it stands."""
_NEGATIVE = re.compile(f"^{MINUS}(?=[\\d.,]+$)")  # a number for spreadsheets
HEAD = (
    "% booktabs; the text is UTF-8: names in other than Latin letters need LuaLaTeX or XeLaTeX.\n"
)


def paper_tables(study: Study) -> Iterator[tuple[str, Table]]:
    """Name of the file and table: the cohort, sites, sets of features, features × classifier, what
    was chosen, every arm, verdicts; those that the study has."""
    evidence = study.evidence
    yield "cohort", _cohort(study)
    if study.run is not None and (sites := sites_table(study.run)) is not None:
        yield "sites", sites
    if len(families_of(evidence)) > 1:
        yield "features", sets_table(evidence)
        yield "classifiers", features_table(evidence)
    if evidence.get("choices") is not None:
        yield "choices", choices_table(evidence)
    yield "results", results_table(evidence, caption="Test patients: every arm", rows=study.rows)
    if evidence["verdicts"]:
        yield "verdicts", verdicts_table(study)


def _cohort(study: Study) -> Table:
    if study.run is not None:
        return classes_table(study.run)
    counts = study.evidence["counts"]
    rows = [
        [f"{name} (rare)" if name == study.rare else name,
         f"{counts['patients'][name]:,}", f"{counts['slices'][name]:,}"]
        for name in study.classes
    ]  # fmt: skip
    rows.append(["all", *(f"{sum(counts[of].values()):,}" for of in ("patients", "slices"))])
    return Table("Classes", ["Class", "Patients", "Rows"], rows)


def verdicts_table(study: Study) -> Table:
    """Every verdict with its differences, their intervals and corrected p."""
    evidence = study.evidence
    verdicts: Sequence[Mapping[str, Any]] = evidence["verdicts"]
    names = name_columns(verdicts)
    alpha = (evidence.get("rules") or {}).get("alpha")
    level = None if alpha is None else 1 - 2 * alpha
    rows: list[Sequence[str | Cell]] = []
    for verdict in verdicts:
        said = key_of(verdict)._asdict()
        against = [_difference(verdict["against"][o], level) for o in ("reference", "control")]
        p = ["–" if verdict[n] is None else p_value(verdict[n]) for n in ("p_helps", "p_harms")]
        needed = "–" if verdict["needed"] is None else f"{math.ceil(verdict['needed']):,}"
        rows.append([*(said[n] for n in names), verdict["answer"], *against, *p,
                     cell(verdict["detectable"]), needed])  # fmt: skip
    label = next(
        m["label"] for m in evidence["metrics"] if m["name"] == evidence.get("metric", AUC)
    )
    inside = "" if level is None else f", with {100 * level:.0f} % intervals"
    return Table(
        caption="Verdicts on synthetic arms",
        columns=[*(n.capitalize() for n in names), "Verdict", "Δ reference", "Δ control",
                 "p helps", "p harms", "Detectable", "Patients needed"],
        rows=rows,
        heads=len(names) + 1,
        note=f"Δ: difference in {label}{inside}. p: one-sided, Holm's correction. Detectable: the "
        "rise found with a power of 80 %. Patients needed: rare ones that would decide.",
    )  # fmt: skip


def _difference(against: Mapping[str, Any] | None, level: float | None) -> Cell:
    if against is None or against["difference"] is None:
        return Cell("–")
    difference, error, freedom = (
        math.nan if against[name] is None else float(against[name])
        for name in ("difference", "error", "freedom")
    )
    found = Comparison(difference, error, freedom)
    value = cell(found.difference, change=True)
    if level is None or not found.known:
        return Cell(value)
    low, high = found.interval(level=level)
    return Cell(value, f"{number(low)} to {number(high)}")


_SHADED = re.compile(r"Shaded: [^.]*\.")


def frame_of(table: Table) -> pd.DataFrame:
    """The table as text. An interval, or what else stands below values, has a column of its own; a
    column whose name there is twice is called after the one before it, too."""
    names = [*map(str, table.columns)]
    cells = [[value if isinstance(value, Cell) else Cell(str(value)) for value in row]
             for row in table.rows]  # fmt: skip
    columns: dict[str, list[str]] = {}
    for i, name in enumerate(names):
        title = f"{names[i - 1]}: {name}" if names.count(name) > 1 and i else name
        while title in columns:
            title += "'"
        columns[title] = [_NEGATIVE.sub("-", row[i].text) for row in cells]
        if any(row[i].below for row in cells):
            columns[f"{title}: interval"] = [row[i].below for row in cells]
    return pd.DataFrame(columns, dtype=object)


def latex_of(table: Table) -> str:
    r"""The table as LaTeX, with `\toprule` and the like of booktabs, an interval in brackets behind
    its value; every sign of a name is text."""
    rows = [[_latex(_whole(value)) for value in row] for row in table.rows]
    style = pd.DataFrame(rows, dtype=object).style.hide(axis="index")
    heads = [_latex(name).replace("{", "{{").replace("}", "}}") for name in table.columns]
    style = style.relabel_index(heads, axis="columns")  # which formats them
    made: str = style.to_latex(
        hrules=True, column_format="l" * table.heads + "r" * (len(table.columns) - table.heads),
        caption=_latex(table.caption), position="htbp", position_float="centering",
    )  # fmt: skip
    said = _SHADED.sub("", table.note).strip()  # what colour says on the page
    note = f"% {_latex(said)}\n" if said else ""
    return f"{HEAD}{note}{made}"


def _whole(value: str | Cell) -> str:
    if not isinstance(value, Cell):
        return value
    return f"{value.text} ({value.below})" if value.below else value.text


_ESCAPED = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]*"},  # behind the end of a row these are its arguments
}  # fmt: skip


def _latex(text: object) -> str:
    seen = "".join(c if c.isprintable() else " " for c in str(text))
    return "".join(_ESCAPED.get(c) or _SIGNS.get(c) or c for c in " ".join(seen.split()))


def write_tables(study: Study, folder: Path) -> None:
    """NAME.csv and NAME.tex of every table into `folder`."""
    for name, table in paper_tables(study):
        write_table(folder / f"{name}.csv", frame_of(table))
        write_text(folder / f"{name}.tex", latex_of(table))
