"""The top of a page: what was found in three lines, every arm in a figure, and what one must know
before concluding anything from it."""

from __future__ import annotations

from rarecase.evidence.answer import findings, what_would_help
from rarecase.report.blocks import Answer, Block, Section, Text
from rarecase.report.cautions import grave_cautions, simulated
from rarecase.report.figures_forest import arms_forest
from rarecase.report.found import Found


def first_section(run: Found) -> Section:
    """The answer, the cautions that change what it means, and the forest of arms."""
    evidence = run.evidence
    blocks: list[Block] = [Text(caution, "warning") for caution in simulated(run)]
    blocks.append(Answer(findings(evidence), what_would_help(evidence)))
    blocks += [Text(caution, "warning") for caution in grave_cautions(run)]
    if (figure := arms_forest(evidence)) is not None:
        blocks.append(figure)
    return Section("summary", "What was found", blocks)
