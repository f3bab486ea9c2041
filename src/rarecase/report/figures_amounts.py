"""Scores against the amount of synthetic samples, and against the number of rare patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from rarecase.charts.amounts import CHANCE, amounts
from rarecase.charts.lines import Line
from rarecase.evidence.metrics import AUC
from rarecase.evidence.text import with_interval
from rarecase.imaging.drawing import INK, canvas, look, panels
from rarecase.report.blocks import Figure, drawn
from rarecase.report.style import SYNTHETIC

Rows = Sequence[Mapping[str, Any]]


def amounts_figure(
    rows: Rows, *, name: str, classes: list[str], colours: Mapping[str, str]
) -> Figure:
    """Recall of each class, balanced accuracy and AUC of an arm's `rows`, the reference first."""
    planned = next((int(r["amount"]) for r in rows if r["planned"] and r["synthetic"]), None)
    several = len(classes) > 2
    macro = _lines(rows, "auc_macro", SYNTHETIC) if several else []
    parts: list[tuple[str, list[Line], float | None]] = [
        ("Recall", [x for c in classes for x in _lines(rows, f"recall_{c}", colours[c])], None),
        ("Balanced accuracy", _lines(rows, "balanced_accuracy", INK), 1 / len(classes)),
        ("AUC, rare class and macro" if several else "AUC of the rare class",
         [*_lines(rows, AUC, INK), *macro], 0.5),
    ]  # fmt: skip
    with look():
        figure = canvas(3.7)
        for axes, (title, lines, chance) in zip(panels(figure, 1, 3), parts, strict=True):
            amounts(axes, lines, chance=chance, planned=planned)
            axes.set_title(title)
        handles = [Line2D([], [], color=colours[c], label=f"recall {c}") for c in classes]
        if several:
            handles.append(Line2D([], [], color=SYNTHETIC, label="macro AUC"))
        handles += [
            Line2D([], [], color=INK, marker="o", label="patients, 95 % interval"),
            Line2D([], [], color=INK, linestyle="dashed", linewidth=1, label="slices"),
            Line2D([], [], label="chance", **CHANCE),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
    fixed = f"The dotted line is the amount planned beforehand, {planned:,}. " if planned else ""
    tested = sum(rows[0]["counts"]["patients"].values())
    text = (
        f"{name}: scores against the number of synthetic samples beside a fold's real training "
        f"samples (the axis grows as the square root). Dots and bars: {tested:,} test patients "
        f"with 95 % intervals; dashed: test slices. {fixed}"
        "Recalls that move in opposite directions while AUC stays where it is are what a moved "
        "threshold looks like; new information would lift AUC."
    )
    return drawn(
        figure,
        name=f"amounts-{name}",
        caption=text,
        alt=f"Recall of {', '.join(classes)}, balanced accuracy and AUC of {name} against the "
        "amount of synthetic samples; the numbers are in the tables",
    )


def _lines(rows: Rows, name: str, colour: str) -> list[Line]:
    """A score of patients with its intervals, and of slices without."""
    x = np.array([int(row["amount"]) for row in rows])
    scores = [row["patients"]["scores"][name] for row in rows]
    # None, where a score is not defined, becomes NaN.
    value, low, high = np.array([[s[k] for s in scores] for k in ("value", "low", "high")], float)
    words = [f"{name} at {at:,}: {with_interval(s)}" for at, s in zip(x, scores, strict=True)]
    slices = np.array([row["slices"]["scores"][name] for row in rows], float)
    return [
        Line(name, x, value, colour, low=low, high=high, words=words),
        Line(f"{name}, slices", x, slices, colour, "dashed", width=1),
    ]
