"""Scores against the amount of synthetic samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rarecase.imaging.drawing import FAINT, INK, canvas, look, panels
from rarecase.report.blocks import Figure, drawn
from rarecase.report.style import SYNTHETIC

Rows = Sequence[Mapping[str, Any]]
CHANCE: dict[str, Any] = {"color": FAINT, "linewidth": 1, "linestyle": "dashdot"}


def amounts_figure(
    rows: Rows, *, name: str, classes: list[str], colours: Mapping[str, str]
) -> Figure:
    """Recall of each class, balanced accuracy and AUC of an arm's `rows`, the reference first."""
    planned = next((_amount(row) for row in rows if row["planned"] and row["synthetic"]), None)
    with look():
        figure = canvas(3.7)
        recall, balanced, auc = panels(figure, 1, 3)
        for each in classes:
            _line(recall, rows, f"recall_{each}", colours[each])
        _line(balanced, rows, "balanced_accuracy", INK)
        _line(auc, rows, "auc_rare", INK)
        if len(classes) > 2:
            _line(auc, rows, "auc_macro", SYNTHETIC)
        recall.set_title("Recall")
        balanced.set_title("Balanced accuracy")
        auc.set_title("AUC of the rare class" if len(classes) == 2 else "AUC, rare class and macro")
        for axes, level in ((balanced, 1 / len(classes)), (auc, 0.5)):
            axes.axhline(level, **CHANCE)
        for axes in (recall, balanced, auc):
            _amounts(axes, [_amount(row) for row in rows], planned=planned)
            axes.set_ylim(-0.02, 1.02)
            axes.set_xlabel("synthetic samples requested")
        handles = [Line2D([], [], color=colours[c], label=f"recall {c}") for c in classes]
        if len(classes) > 2:
            handles.append(Line2D([], [], color=SYNTHETIC, label="macro AUC"))
        handles += [
            Line2D([], [], color=INK, marker="o", label="patients, 95 % interval"),
            Line2D([], [], color=INK, linestyle="dashed", linewidth=1, label="slices"),
            Line2D([], [], label="chance", **CHANCE),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
    fixed = f"The dotted line is the amount planned beforehand, {planned:,}. " if planned else ""
    text = (
        f"{name}: scores against the number of synthetic samples beside a fold's real training "
        "samples (the axis grows as the square root). Dots and bars: test patients with 95 % "
        f"intervals; dashed: test slices. {fixed}"
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


def _amount(row: Mapping[str, Any]) -> int:
    return int(row["amount"])


def _line(axes: Axes, rows: Rows, name: str, colour: str) -> None:
    x = [_amount(row) for row in rows]
    scores = [row["patients"]["scores"][name] for row in rows]
    # None, where a score is not defined, becomes NaN.
    value, low, high = np.array([[s[k] for s in scores] for k in ("value", "low", "high")], float)
    around = np.abs(np.stack([value - low, high - value]))
    axes.errorbar(x, value, yerr=around, color=colour, marker="o", markersize=4.5, capsize=2.5,
                  linewidth=1.7, elinewidth=1)  # fmt: skip
    slices = np.array([row["slices"]["scores"][name] for row in rows], float)
    axes.plot(x, slices, color=colour, linestyle="dashed", linewidth=1)


def _root(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.sqrt(np.abs(x)))


def _square(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.square(x))


def _amounts(axes: Axes, amounts: Sequence[int], *, planned: int | None) -> None:
    axes.set_xscale("function", functions=(_root, _square))
    top = max(amounts) or 1
    ticks: list[int] = []
    for amount in sorted(set(amounts)):  # leave out ticks whose numbers would run into each other
        if not ticks or np.sqrt(amount / top) - np.sqrt(ticks[-1] / top) > 0.11:
            ticks.append(amount)
    axes.set_xticks(ticks, [f"{t:,}" for t in ticks], fontsize=8.5)
    axes.set_xticks([], minor=True)
    axes.set_xlim(-0.004 * top, top * 1.1)
    if planned is not None and planned in amounts:
        axes.axvline(planned, color=FAINT, linewidth=1.2, linestyle="dotted")
