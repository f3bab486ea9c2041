"""Samples of classes in a plane, such as that of the first two principal components."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from rarecase.arrays import Floats
from rarecase.charts.svg import told

BEHIND = "#ccd0d7"
MARKERS = ("o", "^", "s", "D", "v", "P")


def plane(
    axes: Axes, of: Mapping[str, Floats], *, behind: Mapping[str, Floats],
    colours: Mapping[str, str], kind: str,
) -> Axes:  # fmt: skip
    """Points (n, 2) of each class in its colour and with its mark, those `behind` in grey; `kind`:
    what the points are, for who rests the mouse on them. Marks go by the order of `colours`."""
    marks = dict(zip(colours, MARKERS * len(colours), strict=False))
    for label, points in behind.items():
        axes.scatter(
            points[:, 0], points[:, 1], s=7, color=BEHIND, linewidths=0, marker=marks[label]
        )
    for label, points in of.items():
        dots = axes.scatter(points[:, 0], points[:, 1], s=13, color=colours[label], alpha=0.7,
                            linewidths=0, marker=marks[label])  # fmt: skip
        told(dots, [f"{label}: {len(points):,} {kind} samples"])
    return axes
