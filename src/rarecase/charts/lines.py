"""Charts of lines, an arm each: ROC, precision–recall, calibration, decision curve, scarcity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rarecase.arrays import Floats
from rarecase.charts.svg import told
from rarecase.imaging.drawing import FAINT, INK

NOTHING = np.array([])
SPREAD = 0.012  # of a number of patients: lines are set beside each other
FLOOR = 0.25  # of the most net benefit: how far below 0 one looks; far worse is no news


@dataclass(frozen=True, eq=False)
class Line:
    """Points x, y (n,) of one arm, and the ends of their intervals; `words` of each point where the
    mouse rests on its dot; every `every`th point has one. `style` as matplotlib's linestyle."""

    name: str
    x: Floats
    y: Floats
    colour: str = INK
    style: Any = "solid"
    marker: str = "o"
    width: float = 1.6
    low: Floats = field(default_factory=lambda: NOTHING)
    high: Floats = field(default_factory=lambda: NOTHING)
    words: Sequence[str] = ()
    every: int = 1

    @property
    def handle(self) -> Line2D:
        """For a legend."""
        return Line2D([], [], color=self.colour, linestyle=self.style, linewidth=self.width,
                      marker=self.marker, markersize=4, label=self.name)  # fmt: skip

    def draw(
        self, axes: Axes, *, bars: bool = False, stairs: bool = False, floor: float = -np.inf
    ) -> None:
        """Itself with its dots, but none below the `floor`; intervals as a band, or as `bars`."""
        axes.plot(self.x, self.y, color=self.colour, linestyle=self.style, linewidth=self.width,
                  drawstyle="steps-post" if stairs else "default")  # fmt: skip
        if len(self.low) and bars:
            axes.vlines(self.x, self.low, self.high, color=self.colour, linewidth=1)
        elif len(self.low):
            axes.fill_between(self.x, self.low, self.high, color=self.colour, alpha=0.15,
                              linewidth=0, step="post" if stairs else None)  # fmt: skip
        if len(self.words):
            self._dots(axes, floor)

    def _dots(self, axes: Axes, floor: float) -> None:
        x, y = self.x[:: self.every], self.y[:: self.every]
        known = np.isfinite(x) & np.isfinite(y) & (y >= floor)
        words = [w for w, there in zip(self.words[:: self.every], known, strict=True) if there]
        (dots,) = axes.plot(x[known], y[known], self.marker, color=self.colour, markersize=4,
                            clip_on=False)  # fmt: skip
        told(dots, words)


def roc(axes: Axes, lines: Sequence[Line]) -> Axes:
    """Share found against share of false alarms; dotted: a coin."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="dotted")
    for line in reversed(lines):  # the first on top
        line.draw(axes)
    return _square(axes, x="false alarms (1 − specificity)", y="found (sensitivity)")


def precision_recall(axes: Axes, lines: Sequence[Line], *, share: float) -> Axes:
    """Precision against recall; dotted: `share`, that of the class, which calling all reaches."""
    axes.axhline(share, color=FAINT, linewidth=1, linestyle="dotted")
    for line in reversed(lines):
        line.draw(axes, stairs=True)
    return _square(axes, x="found (recall)", y="right among those called (precision)")


def calibration(axes: Axes, lines: Sequence[Line]) -> Axes:
    """Share that is of the class against the probability said; dotted: they are the same."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="dotted")
    for line in reversed(lines):
        line.draw(axes, bars=True)
    return _square(axes, x="probability said", y="share that is of the class")


def decision(axes: Axes, lines: Sequence[Line], *, thresholds: Floats, everybody: Floats) -> Axes:
    """Net benefit against the probability from which one acts; `everybody`: of acting on all."""
    axes.axhline(0, color=FAINT, linewidth=1.2)
    axes.plot(thresholds, everybody, color=FAINT, linewidth=1.2, linestyle="dashed")
    top = max([float(np.nanmax(line.y)) for line in lines] + [float(np.nanmax(everybody)), 0.05])
    floor = -FLOOR * top
    for line in reversed(lines):
        line.draw(axes, floor=floor)
    axes.set_ylim(floor, top * 1.1)
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability from which one acts")
    axes.set_ylabel("net benefit")
    return axes


def _square(axes: Axes, *, x: str, y: str) -> Axes:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes
