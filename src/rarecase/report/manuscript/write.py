"""The folder `paper/` of a report: what of a study goes into a paper about it."""

from __future__ import annotations

from pathlib import Path

from rarecase.files import replacing_directory, write_table, write_text
from rarecase.report.manuscript.checklist import checklist
from rarecase.report.manuscript.methods import methods, methods_markdown
from rarecase.report.manuscript.references import GUIDELINES, bibliography, cited
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.tables import write_tables

PAPER = "paper"


def write_paper(study: Study, out: Path) -> Path:
    """Write into `out`/paper what a paper about a study needs, and return that folder: methods.md,
    references.bib, tables/*.csv and *.tex, checklist.csv. `Study.read` reads that of a folder."""
    with replacing_directory(Path(out) / PAPER) as made:
        paragraphs = methods(study)
        write_text(made / "methods.md", methods_markdown(paragraphs))
        write_text(made / "references.bib", references_of(paragraphs))
        write_table(made / "checklist.csv", checklist(study))
        (made / "tables").mkdir()
        write_tables(study, made / "tables")
    return Path(out) / PAPER


def references_of(paragraphs: list[tuple[str, str]]) -> str:
    """BibTeX of what a methods text cites, and of the guidelines of the checklist."""
    keys = [key for _, text in paragraphs for key in cited(text)]
    return bibliography([*keys, *GUIDELINES])
