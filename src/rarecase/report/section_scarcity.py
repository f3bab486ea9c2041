"""The scarcity curve: what happens with fewer rare patients to learn from."""

from __future__ import annotations

import pandas as pd

from rarecase.charts.scarcity import draw_scarcity
from rarecase.evidence.metrics import AUC
from rarecase.evidence.scarcity_lines import scarcity_lines
from rarecase.evidence.tables import curve_rows
from rarecase.features.sources.registry import AUTO
from rarecase.imaging.drawing import canvas, look, panels
from rarecase.report.blocks import Block, Figure, Section, Table, Text, drawn

MOST_PANELS, MOST_ROWS = 4, 24
ASKED = (
    "With fewer patients of class {rare} in every training part, and the same patients tested: "
    "where does synthesis start to pay, and where does it stop?"
)
NO_TEST = (
    "Verdicts are corrected within a number of patients and not over all of them: the curve shows "
    "where to look, and is no test of its own."
)


def scarcity_section(curve: pd.DataFrame, *, rare: str) -> Section:
    """A curve of `scarcity_curve` as a figure and a table."""
    heads, rows = curve_rows(curve)
    names = len(heads) - curve["k"].nunique()
    table = Table(
        caption=f"AUC of class {rare} by the number of its patients to learn from",
        columns=[*(head.capitalize() for head in heads[:names]), *heads[names:]],
        rows=rows,
        heads=names,
        note="In brackets what it moved against the reference with as many patients.",
    )
    blocks: list[Block] = [
        Text(ASKED.format(rare=rare)), scarcity_figure(curve, rare=rare),
        table.folded(f"{table.caption} ({len(rows)} rows)", most=MOST_ROWS), Text(NO_TEST, "note"),
    ]  # fmt: skip
    return Section("scarcity", "With fewer rare patients", blocks)


def scarcity_figure(curve: pd.DataFrame, *, rare: str) -> Figure:
    """A panel for each features × classifier, at most four; a line for each arm."""
    families = scarcity_lines(curve, metric=AUC)
    # What inner folds chose before all others.
    shown = sorted(families.items(), key=lambda each: each[0][0] != AUTO)[:MOST_PANELS]
    columns = min(2, len(shown))
    with look():
        figure = canvas(-(-len(shown) // columns) * 3.6 + 0.4, width=9.6)
        axes_list = panels(figure, -(-len(shown) // columns), columns)
        for axes, (family, lines) in zip(axes_list, shown, strict=False):
            draw_scarcity(axes, lines, label=f"AUC of class {rare}")
            if len(shown) > 1:
                axes.set_title(" with ".join(family), fontsize=9)
        for axes in axes_list[len(shown) :]:
            axes.set_axis_off()
        handles, labels = axes_list[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6)
    more = len(families) - len(shown)
    left = f" {more} more features or classifiers are in the table." if more else ""
    return drawn(
        figure,
        name="scarcity",
        caption="Bars: 95 % intervals over the patients who are tested; lines stand beside each "
        f"other at every number. Black: nothing is done about the imbalance. Dotted: chance.{left}",
        alt=f"AUC of class {rare} against the number of its patients to learn from; the numbers "
        "are in the table",
    )
