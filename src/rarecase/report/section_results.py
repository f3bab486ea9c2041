"""The sections on the sweep and on the paper's Table 3."""

from __future__ import annotations

from rarecase.evidence.paper import recomputation_note
from rarecase.report.blocks import Block, Section, Text
from rarecase.report.figures_sweep import sweep_figure
from rarecase.report.run_files import RunFiles
from rarecase.report.style import class_colours
from rarecase.report.tables import differences_table, slices_table, table_3


def sweep_section(run: RunFiles) -> Section:
    """Scores against the amount of synthetic samples."""
    evidence = run.evidence
    blocks: list[Block] = []
    control = [row for row in evidence["rows"] if row["arm"] == evidence["control"]]
    names = {row["arm"] for row in evidence["rows"]} - {evidence["control"]}
    arms = sorted(name for name in names if ":" not in name)  # controls stand in the tables
    colours = class_colours(run.classes, run.rare)
    for arm in arms:
        rows = [*control, *(row for row in evidence["rows"] if row["arm"] == arm)]
        headline = evidence["headline"]
        amount = headline["amount"] if headline["arm"] == arm else None
        blocks.append(
            sweep_figure(rows, arm=arm, classes=run.classes, colours=colours, headline=amount)
        )
    if arms:
        blocks.append(differences_table(evidence))
    else:
        blocks.append(
            Text("No arm with synthetic samples was classified: there is no sweep.", "missing")
        )
    blocks.append(slices_table(evidence))
    return Section("sweep", "The sweep: how many synthetic samples", blocks)


def table_3_section(run: RunFiles) -> Section:
    """Our accuracies beside the published ones."""
    text = (
        "The paper's Table 3 gives the share of test slices called right, for each class and over "
        "all, without and with synthetic features. The same here, and by patient, which is what "
        "counts. Cohorts, folds and counts differ, so the rows are set beside each other, not "
        "compared to the digit."
    )
    return Section(
        "table-3",
        "The paper's Table 3",
        [Text(text), *table_3(run.evidence), Text(recomputation_note(), "note")],
    )
