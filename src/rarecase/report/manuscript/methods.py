"""The methods text of a study, written from its files alone."""

from __future__ import annotations

from collections.abc import Callable

from rarecase.report.manuscript.methods_arms import arms, classifiers
from rarecase.report.manuscript.methods_networks import features, segmentation
from rarecase.report.manuscript.methods_patients import patients
from rarecase.report.manuscript.methods_statistics import software, splits, statistics
from rarecase.report.manuscript.references import as_markdown
from rarecase.report.manuscript.study import Study

PARAGRAPHS: tuple[tuple[str, Callable[[Study], str]], ...] = (
    ("Patients and images", patients),
    ("Segmentation", segmentation),
    ("Features", features),
    ("Class imbalance", arms),
    ("Classifiers and tuning", classifiers),
    ("Test patients", splits),
    ("Statistical analysis", statistics),
    ("Software", software),
)
"""Title, and what writes it: only what was done, or that it was not."""


def methods(study: Study) -> list[tuple[str, str]]:
    """Titles and paragraphs, with marks of citations (see `references`)."""
    return [(title, write(study)) for title, write in PARAGRAPHS]


def methods_markdown(paragraphs: list[tuple[str, str]]) -> str:
    """The same as Markdown for pandoc, whose citations are keys of references.bib."""
    parts = [f"## {title}\n\n{as_markdown(text)}" for title, text in paragraphs]
    return "# Methods\n\n" + "\n\n".join(parts) + "\n"
