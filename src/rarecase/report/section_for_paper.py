"""The section with what goes into a paper about this study (not the paper that the program is
after: that is `tables_paper`)."""

from __future__ import annotations

from rarecase.report.blocks import Block, Code, Details, Section, Text
from rarecase.report.found import Found
from rarecase.report.manuscript.checklist import checklist, checklist_table
from rarecase.report.manuscript.methods import methods
from rarecase.report.manuscript.references import as_page
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.write import PAPER, references_of

FOLDER = (
    "A methods text, written from this study's files alone; keys in brackets are of the references "
    f"below it. In the report's folder, in {PAPER}/, lie methods.md (pandoc reads its citations), "
    "references.bib, checklist.csv, and tables/ as CSV and LaTeX (booktabs)."
)


def for_paper_section(found: Found) -> Section:
    """Methods, references, and the items of TRIPOD+AI and CLAIM that the study answers."""
    study = Study.of(found)
    paragraphs = methods(study)
    text: list[Block] = [Text(f"{title}. {as_page(said)}") for title, said in paragraphs]
    table = checklist_table(study, checklist(study))
    return Section(
        "for-a-paper",
        "For a paper",
        [
            Text(FOLDER),
            Details("Methods", text),
            Details("References (BibTeX)", [Code(references_of(paragraphs))]),
            Details(f"TRIPOD+AI and CLAIM ({len(table.rows)} items)", [table]),
        ],
    )
