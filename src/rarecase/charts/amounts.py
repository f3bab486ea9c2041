"""A score against the number of synthetic samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from rarecase.charts.lines import Line
from rarecase.imaging.drawing import FAINT

CHANCE: dict[str, Any] = {"color": FAINT, "linewidth": 1, "linestyle": "dashdot"}
APART = 0.11  # of the axis: ticks nearer than that would run into each other


def amounts(
    axes: Axes, lines: Sequence[Line], *, chance: float | None = None, planned: int | None = None
) -> Axes:
    """Lines over the numbers of samples, on an axis that grows as their root; dotted: what was
    `planned`."""
    for line in lines:
        line.draw(axes, bars=True)
    if chance is not None:
        axes.axhline(chance, **CHANCE)
    there = sorted({int(x) for line in lines for x in line.x})
    top = max(there) or 1
    ticks: list[int] = []
    for amount in there:
        if not ticks or np.sqrt(amount / top) - np.sqrt(ticks[-1] / top) > APART:
            ticks.append(amount)
    axes.set_xscale("function", functions=(_root, _square))
    axes.set_xticks(ticks, [f"{t:,}" for t in ticks], fontsize=8.5)
    axes.set_xticks([], minor=True)
    axes.set_xlim(-0.004 * top, top * 1.1)
    if planned in there:
        axes.axvline(planned, color=FAINT, linewidth=1.2, linestyle="dotted")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("synthetic samples requested")
    return axes


def _root(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.sqrt(np.abs(x)))


def _square(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.square(x))
