"""Learning curves of the generators."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.ticker import LogLocator

from rarecase.imaging.drawing import FAINT, canvas, look, panels, png
from rarecase.report.blocks import Figure
from rarecase.report.style import REAL, SYNTHETIC, epoch_axis

FAR = 10
LOSSES = {"d_loss": ("discriminator", REAL), "g_loss": ("generator", SYNTHETIC)}
ACCURACIES = {
    "real_class_accuracy": ("real samples", REAL),
    "fake_class_accuracy": ("synthetic samples", SYNTHETIC),
}


def acgan_curves(histories: Sequence[pd.DataFrame], *, classes: int, arm: str) -> Figure:
    """Losses and class accuracies by epoch, a thin line for each generator."""
    thin = 1.6 if len(histories) == 1 else 1.1
    with look():
        figure = canvas(3.4)
        left, right = panels(figure, 1, 2)
        for axes, columns in ((left, LOSSES), (right, ACCURACIES)):
            for column, (label, colour) in columns.items():
                for i, history in enumerate(histories):
                    axes.plot(
                        history["epoch"], history[column], color=colour, linewidth=thin, alpha=0.85,
                        label=label if i == 0 else None,
                        marker="o" if len(history) == 1 else None,
                    )  # fmt: skip
            epoch_axis(axes)
        left.set_title("Loss")
        losses = pd.concat([history[list(LOSSES)] for history in histories]).stack()
        if losses.max() > FAR * losses.median() and losses.min() > 0:
            left.set_yscale("log")  # one epoch that goes astray would press the others flat
            left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            left.yaxis.set_major_formatter("{x:g}")
            left.yaxis.set_minor_formatter("")
        right.set_title("Class called right by the discriminator")
        right.axhline(1 / classes, color=FAINT, linewidth=1, linestyle="dotted")
        right.annotate("chance", (1, 1 / classes), xycoords=("axes fraction", "data"),
                       ha="right", va="bottom", fontsize=8.5, color=FAINT)  # fmt: skip
        right.set_ylim(0, 1.02)
        for axes in (left, right):
            axes.legend(loc="best")
    text = (
        "The paper's Figure 11. Training of the generators, one line for each fold and generator "
        "seed. A synthetic accuracy near 1 early on says that the classes are easy to tell for "
        "this discriminator, not that the samples look real; losses that run apart say that one "
        "side has won."
    )
    return Figure(
        name=f"curves-{arm}",
        png=png(figure),
        caption=text,
        alt="Curves against the epoch: losses of discriminator and generator, and the share of "
        "real and synthetic samples whose class the discriminator calls right",
    )
