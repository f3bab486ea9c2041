"""The page of a run: sections gathered from its folder."""

from __future__ import annotations

from pathlib import Path

from rarecase.checksums import record_files
from rarecase.evidence.masks import stated
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.write import write_paper
from rarecase.report.page import Page, is_page, write_page
from rarecase.report.run_files import RunFiles
from rarecase.report.section_answer import answer_section
from rarecase.report.section_charts import charts_section
from rarecase.report.section_cohort import cohort_section
from rarecase.report.section_features import features_section
from rarecase.report.section_first import first_section
from rarecase.report.section_for_paper import for_paper_section
from rarecase.report.section_method import method_section
from rarecase.report.section_patients import patients_section
from rarecase.report.section_results import (
    amounts_section,
    external_section,
    results_section,
    table_3_section,
)
from rarecase.report.section_segmenter import overlays_section, segmenter_section
from rarecase.report.section_summary import believing_section
from rarecase.report.tables_paper import paper_section

SECTIONS = (
    first_section,
    answer_section,
    charts_section,
    results_section,
    amounts_section,
    table_3_section,
    external_section,
    believing_section,
    cohort_section,
    segmenter_section,
    overlays_section,
    patients_section,
    features_section,
    paper_section,
    method_section,
    for_paper_section,
)
"""In the order of the page; a section that has nothing to say returns None."""


def make_report(run: Path, *, out: Path | None = None) -> Path:
    """Write the report of the run folder `run` and return its path, `out`/index.html.

    `out` is RUN/report unless given. The page holds its figures and needs nothing else; they also
    lie as SVG and PDF files in `out`/figures, and `out`/paper holds what a paper needs. What the
    run does not hold (pre-training, masks, synthetic samples) is said on the page. Raises
    `DataError` when the cohort or the evidence is missing.
    """
    files = RunFiles(Path(run))
    sections = [made for section in SECTIONS if (made := section(files)) is not None]
    finished = [str(r["finished"]) for _, r in files.steps() if r.get("finished")]
    page = write_page(
        Page(
            title=files.title,
            kicker=(files.root.resolve().name, max(finished, default="").replace("T", " ")),
            sections=sections,
            stated=stated(files.evidence),
        ),
        files.root / "report" if out is None else Path(out),
    )
    if out is None or not is_page(Path(out)):
        write_paper(Study.of(files), page.parent)
    if out is None:
        record_files(files.root, ["report"], step="steps/report")
    return page
