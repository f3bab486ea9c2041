"""A confusion matrix: which class is called which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from rarecase.arrays import Floats
from rarecase.charts.svg import told
from rarecase.imaging.drawing import short

SHADES = LinearSegmentedColormap.from_list("shades", ["#f3f6f9", "#0b5c94"])
DARK = 0.55  # share from which words are white
NAME = 14  # characters of a class

INK_ON_LIGHT = "#1f2431"
"""As INK, but fixed: a cell is light on a dark page too."""


def confusion(axes: Axes, counts: Floats, classes: Sequence[str], *, words: Sequence[str]) -> Axes:
    """Patients (true class, class called), shaded by their share of the true class; `words` for
    each cell, row by row, where the mouse rests on it. Counts are means, so they may be broken."""
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    places = [*np.ndindex(counts.shape)]
    for (i, j), said in zip(places, words, strict=True):
        box = Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, color=SHADES(share[i, j]), linewidth=0)
        axes.add_patch(box)
        told(box, [said])
        number = f"{counts[i, j]:.1f}".removesuffix(".0")
        axes.text(j, i, f"{number}\n{100 * share[i, j]:.0f} %", ha="center", va="center",
                  color="#fefefe" if share[i, j] > DARK else INK_ON_LIGHT, fontsize=9)  # fmt: skip
    names = [short(name, most=NAME) for name in classes]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    return axes
