"""The page of a comparison of features: what a run's page says of them, from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rarecase import __version__
from rarecase.checksums import record_files
from rarecase.evidence.masks import stated
from rarecase.files import read_csv
from rarecase.report.blocks import Block, Bullets, Code, Details, Section, Text
from rarecase.report.found import COMPARISON, Elsewhere, Found, optional_json
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.write import write_paper
from rarecase.report.page import Page, write_page
from rarecase.report.section_answer import answer_section
from rarecase.report.section_charts import charts_section
from rarecase.report.section_features import columns_blocks
from rarecase.report.section_first import first_section
from rarecase.report.section_for_paper import for_paper_section
from rarecase.report.section_patients import patients_section
from rarecase.report.section_results import amounts_section, external_section, results_section
from rarecase.report.section_scarcity import scarcity_section
from rarecase.report.section_summary import believing_section

SCARCITY, REPORT = "scarcity.csv", "report"
SECTIONS = (
    first_section, answer_section, charts_section, results_section, amounts_section,
    external_section, patients_section, believing_section,
)  # fmt: skip
"""In the order of the page; a section that has nothing to say returns None."""
DONE = (
    "Folds are of patients: all rows of a patient are tested together, by what was learnt from "
    "other patients alone.",
    "Everything that learns was fitted inside the training part of a fold: scaling, filling in, "
    "selection, generators, the classifier; settings, amounts and thresholds were chosen on inner "
    "folds of it.",
    "A synthetic arm is set against the arm that does nothing, and against as many copies of real "
    "samples.",
)
UNSAID = ("fingerprint", "out", "html", "no_html", "plan", "command", "auc", "versions")


def comparison_page(
    found: Found,
    *,
    asked: Mapping[str, Any] | None = None,
    curve: pd.DataFrame | None = None,
    paper: bool = False,
) -> Page:
    """`asked`: the command's words; `curve`: the scarcity curve, where there is one; `paper`:
    whether it says what goes into a paper."""
    # Patients elsewhere are no cases of this study.
    shown = [s for s in SECTIONS if not (s is patients_section and isinstance(found, Elsewhere))]
    sections = [made for section in shown if (made := section(found)) is not None]
    if curve is not None:
        sections.append(scarcity_section(curve, rare=found.rare))
    if columns := columns_blocks(found):
        sections.append(Section("columns", "Columns", columns))
    if paper:
        sections.append(for_paper_section(found))
    sections.append(_method(asked))
    return Page(found.title, found.names, sections, stated(found.evidence))


def report_found(found: Found, *, out: Path | None = None) -> Path:
    """Write the page of what the folder of a comparison holds, FOLDER/report/index.html unless
    `out` says where (see `write_page`), and return its path."""
    folder, path = found.root, found.root / SCARCITY
    page = comparison_page(
        found, asked=optional_json(folder / COMPARISON),
        curve=read_csv(path) if path.is_file() else None, paper=not isinstance(found, Elsewhere),
    )  # fmt: skip
    written = write_page(page, folder / REPORT if out is None else out)
    if out is None:
        if not isinstance(found, Elsewhere):
            write_paper(Study.of(found), written.parent)
        record_files(folder, [REPORT])
    return written


def _method(asked: Mapping[str, Any] | None) -> Section:
    blocks: list[Block] = [Bullets(DONE)]
    if asked is not None:
        said = {name: _nameless(value) for name, value in asked.items() if name not in UNSAID}
        text = yaml.safe_dump(said, allow_unicode=True, sort_keys=True)
        blocks.append(Details("What was asked for", [Code(text)]))
    blocks.append(Text(f"This page was written with rarecase {__version__}.", "note"))
    return Section("method", "How it was done", blocks)


def _nameless(value: Any) -> Any:
    """Words of a command without the folders in which things lie on one machine.

    >>> _nameless("/home/me/t.csv"), _nameless(["a=/home/me/u.csv", "b=x,y"]), _nameless(3)
    ('…/t.csv', ['a=…/u.csv', 'b=x,y'], 3)
    """
    if isinstance(value, list):
        return [_nameless(each) for each in value]
    if not isinstance(value, str):
        return value
    name, sign, path = value.rpartition("=")
    return f"{name}{sign}…/{Path(path).name}" if Path(path).is_absolute() else value
