"""What the chance in differences comes from: shares of their variances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from rarecase.charts.palette import OTHERS
from rarecase.charts.svg import told
from rarecase.imaging.drawing import short

COLOURS = (OTHERS[0], OTHERS[3], OTHERS[2])
HATCHES = ("", "///", "...")
NARROW = 0.07  # a share that has no room for its number


def components(
    axes: Axes, of: Mapping[str, Mapping[str, float]], *, parts: Mapping[str, str]
) -> Axes:
    """A bar for each name of the shares of its variance, `parts` (key → in words) from the left;
    parts that no one knows are left out of the legend."""
    known = [key for key in parts if any(key in shares for shares in of.values())]
    left = np.zeros(len(of))
    for key, colour, hatch in zip(known, COLOURS, HATCHES, strict=False):
        width = np.array([shares.get(key, 0.0) for shares in of.values()])
        bars = axes.barh(range(len(of)), width, left=left, height=0.6, color=colour, hatch=hatch,
                         edgecolor="white", label=parts[key])  # fmt: skip
        for bar, share, start, name in zip(bars, width, left, of, strict=True):
            told(bar, [f"{name}: {100 * share:.0f} % {parts[key]}"])
            if share >= NARROW:
                axes.text(start + share / 2, bar.get_y() + 0.3, f"{100 * share:.0f} %", fontsize=8,
                          ha="center", va="center", color="#1f2431",
                          bbox={"facecolor": "#fefefe", "linewidth": 0, "pad": 1.5})  # fmt: skip
        left = left + width
    axes.set_yticks(range(len(of)), [short(name) for name in of])
    axes.set_ylim(len(of) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("share of the variance of the difference")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    return axes
