"""How the scores of patients are spread, class by class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes

from rarecase.arrays import Floats
from rarecase.charts.svg import told
from rarecase.imaging.drawing import INK, short

BINS = 20
TALL = 0.82  # of a lane: its tallest bar


def scores(
    axes: Axes, of: Mapping[str, Floats], *, colours: Mapping[str, str], thresholds: Iterable[float]
) -> Axes:
    """A lane for each class with the distribution of its patients' probabilities, whose median is
    marked, and a vertical line at each of the `thresholds` at which the class is called."""
    edges = np.linspace(0, 1, BINS + 1)
    for lane, (name, p) in enumerate(of.items()):
        counts, _ = np.histogram(p, edges)
        floor, tallest = lane + 0.45, max(int(counts.max(initial=0)), 1)
        for low, high, count in zip(edges, edges[1:], counts, strict=False):
            if count:
                (bar,) = axes.bar((low + high) / 2, -TALL * count / tallest, 0.92 / BINS,
                                  bottom=floor, color=colours[name])  # fmt: skip
                told(bar, [f"{name}: {count:,} of {len(p):,} from {low:.2f} to {high:.2f}"])
        if len(p):
            (median,) = axes.plot(
                np.median(p), floor, "^", color=INK, markersize=5.5, clip_on=False
            )
            told(median, [f"{name}: median {np.median(p):.2f} of {len(p):,} patients"])
    for threshold in thresholds:
        axes.axvline(threshold, color=INK, linewidth=0.9, linestyle="dashed")
    names = [f"{short(name, most=14)}\nn = {len(p):,}" for name, p in of.items()]
    axes.set_yticks(range(len(of)), names)
    axes.set_ylim(len(of) - 0.4, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    return axes
