"""Learning curves of the segmenters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from rarecase.imaging.drawing import INK, canvas, look, panels, png
from rarecase.report.blocks import Figure
from rarecase.report.style import TRAIN, VALIDATION, epoch_axis

METRICS = {"loss": "Soft-Dice loss", "dice": "Hard Dice", "iou": "IoU"}


def learning_curves(
    histories: Mapping[str, pd.DataFrame],
    *,
    best: Mapping[str, int | None],
    name: str,
    caption: str,
) -> Figure:
    """Loss, hard Dice and IoU by epoch, a line for each of `histories` (name → history.csv).

    `best` maps the same names to the epoch whose weights were kept; it is marked on the validation
    line, or on the training line where nothing was validated.
    """
    with look():
        figure = canvas(3.3)
        for axes, (column, title) in zip(panels(figure, 1, 3), METRICS.items(), strict=True):
            for key, history in histories.items():
                for part, colour in {"train": TRAIN, "validation": VALIDATION}.items():
                    rows = history[history["part"] == part]
                    marker = "o" if len(rows) == 1 else None
                    axes.plot(
                        rows["epoch"], rows[column], color=colour, marker=marker, linewidth=1.5
                    )
                kept = history[history["epoch"] == best.get(key)]
                validated = kept[kept["part"] == "validation"]
                kept = validated if len(validated) else kept
                axes.plot(kept["epoch"], kept[column], **_KEPT)
            axes.set_title(title)
            epoch_axis(axes)
            axes.set_ylim(0, 1)
        handles = [
            Line2D([], [], color=TRAIN, label="training patients"),
            Line2D([], [], color=VALIDATION, label="validation patients"),
            Line2D([], [], label="epoch kept", **_KEPT),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    last = {key: history["epoch"].max() for key, history in histories.items()}
    alt = f"Three panels of curves against the epoch (up to {max(last.values())}): " + ", ".join(
        METRICS.values()
    )
    return Figure(name=name, png=png(figure), caption=caption, alt=alt)


_KEPT: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 6, "markerfacecolor": "white",
    "markeredgecolor": INK, "markeredgewidth": 1.3, "zorder": 5,
}  # fmt: skip
