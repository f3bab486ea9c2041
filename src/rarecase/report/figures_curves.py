"""Learning curves of the segmenters, and of the generators with whatever columns they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from rarecase.imaging.drawing import FAINT, INK, canvas, look, panels
from rarecase.numbers import plainly
from rarecase.report.blocks import Figure, drawn, joined
from rarecase.report.style import OTHERS, REAL, SYNTHETIC, TRAIN, VALIDATION, epoch_axis

METRICS = {"loss": "Soft-Dice loss", "dice": "Hard Dice", "iou": "IoU"}
_KEPT: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 6, "markerfacecolor": "white",
    "markeredgecolor": INK, "markeredgewidth": 1.3, "zorder": 5,
}  # fmt: skip
FAR = 10
APART = ("epoch", "seconds")
WORDS = {
    "d_loss": "discriminator", "g_loss": "generator", "critic_loss": "critic",
    "class_loss": "class", "d_class_loss": "class, discriminator",
    "g_class_loss": "class, generator",
    "real_class_accuracy": "real samples", "fake_class_accuracy": "synthetic samples",
}  # fmt: skip
COLOURS = (REAL, SYNTHETIC, *OTHERS)
ACCURACY = "Class called right by the discriminator"
CLASS_ACCURACY = "fake_class_accuracy"
"""The column that a generator with a discriminator of classes has."""


def learning_curves(
    trained: Sequence[tuple[pd.DataFrame, int | None]], *, name: str, caption: str
) -> Figure:
    """Loss, hard Dice and IoU by epoch, a line for each segmenter: its history.csv and the epoch
    whose weights were kept, marked on the validation line, or on the training line where nothing
    was validated."""
    with look():
        figure = canvas(3.3)
        for axes, (column, title) in zip(panels(figure, 1, 3), METRICS.items(), strict=True):
            for history, best in trained:
                for part, colour in (("train", TRAIN), ("validation", VALIDATION)):
                    rows = history[history["part"] == part]
                    axes.plot(rows["epoch"], rows[column], color=colour, linewidth=1.5,
                              marker="o" if len(rows) == 1 else None)  # fmt: skip
                kept = history[history["epoch"] == best]
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
    last = max(history["epoch"].max() for history, _ in trained)
    alt = f"Three panels of curves against the epoch (up to {last}): {', '.join(METRICS.values())}"
    return drawn(figure, name=name, caption=caption, alt=alt)


def generator_curves(histories: Sequence[pd.DataFrame], *, classes: int, name: str) -> Figure:
    """What the histories hold by epoch, a thin line for each generator: losses, the accuracies of a
    discriminator of classes, and what else there is."""
    parts = _parts(histories[0])
    with look():
        figure = canvas(3.4)
        for axes, (title, columns) in zip(
            panels(figure, 1, len(parts)), parts.items(), strict=True
        ):
            _lines(axes, histories, columns)
            axes.set_title(title)
            if title == ACCURACY:
                axes.axhline(1 / classes, color=FAINT, linewidth=1, linestyle="dotted")
                axes.annotate("chance", (1, 1 / classes), xycoords=("axes fraction", "data"),
                              ha="right", va="bottom", fontsize=8.5, color=FAINT)  # fmt: skip
                axes.set_ylim(0, 1.02)
            axes.legend(loc="best")
    text = f"Training of {name}, one line per fold and seed."
    if ACCURACY in parts:
        text = (
            f"The paper's Figure 11. {text} A synthetic accuracy near 1 early on says that the "
            "classes are easy to tell for this discriminator, not that the samples look real."
        )
    if len(parts["Loss"]) > 1:
        text += " Losses that run apart say that one side has won."
    shown = joined([_word(column) for columns in parts.values() for column in columns])
    return drawn(
        figure,
        name=f"curves-{name}",
        caption=text,
        alt=f"Curves against the epoch, of {name}: {shown}",
    )


def _parts(history: pd.DataFrame) -> dict[str, list[str]]:
    """Title of a panel → columns in it."""
    columns = [str(c) for c in history.columns if c not in APART]
    losses = [c for c in columns if c.endswith("loss")]
    accuracies = [c for c in columns if c.endswith("accuracy")]
    others = [c for c in columns if c not in (*losses, *accuracies)]
    parts = {"Loss": losses, ACCURACY: accuracies, "Beside the losses": others}
    return {title: found for title, found in parts.items() if found}


def _lines(axes: Axes, histories: Sequence[pd.DataFrame], columns: Sequence[str]) -> None:
    thin = 1.6 if len(histories) == 1 else 1.1
    for column, colour in zip(columns, COLOURS, strict=False):
        for i, history in enumerate(histories):
            axes.plot(
                history["epoch"], history[column], color=colour, linewidth=thin, alpha=0.85,
                label=_word(column) if i == 0 else None,
                marker="o" if len(history) == 1 else None,
            )  # fmt: skip
    epoch_axis(axes)
    values = pd.concat([history[list(columns)] for history in histories]).stack()
    if values.max() > FAR * values.median() and values.min() > 0:
        axes.set_yscale("log")  # one epoch that goes astray would press the others flat
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda x, _: plainly(x))
        axes.yaxis.set_minor_formatter("")


def _word(column: str) -> str:
    return WORDS.get(column, column.replace("_", " "))
