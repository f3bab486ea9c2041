"""The scarcity curve: a score by how many rare patients there were to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rarecase.charts.palette import OTHERS, RARE
from rarecase.charts.svg import told
from rarecase.imaging.drawing import FAINT, INK

COLOURS = (OTHERS[0], RARE, *OTHERS[1:])
MARKERS = "os^Dv"
APART = 0.035  # between the lines at one number, as a share of a doubling's width


@dataclass(frozen=True, eq=False)
class Line:
    """An arm, at each number of patients where its score is defined.

    Parameters
    ----------
    scores
        (numbers, 3): value, and the low and high end of its interval.
    words
        (numbers,): each said in words.
    plain
        Nothing is done to it.
    """

    name: str
    patients: Sequence[int]
    scores: NDArray[np.float64]
    words: Sequence[str]
    plain: bool = False


def draw_scarcity(axes: Axes, lines: Sequence[Line], *, label: str) -> Axes:
    """Draw the lines, beside each other at every number so that their intervals do not overlap;
    `label` names the score. The axis of numbers doubles in even steps."""
    others = [line for line in lines if not line.plain]
    for place, line in enumerate(lines):
        at = 0 if line.plain else others.index(line)
        colour = INK if line.plain else COLOURS[at % len(COLOURS)]
        marker = MARKERS[at // len(COLOURS) % len(MARKERS)]
        apart = 2 ** (APART * (place - (len(lines) - 1) / 2))
        value, low, high = line.scores.reshape(-1, 3).T
        drawn = axes.errorbar(
            np.array(line.patients) * apart, value, yerr=np.abs([value - low, high - value]),
            color=colour, marker=marker, markersize=5, capsize=2, elinewidth=0.9,
            linewidth=2.2 if line.plain else 1.3, zorder=3 if line.plain else 2, label=line.name,
        )  # fmt: skip
        told(drawn[0], line.words)
    numbers = sorted({k for line in lines for k in line.patients})
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [f"{k:,}" for k in numbers])
    axes.set_xticks([], minor=True)
    axes.axhline(0.5, color=FAINT, linewidth=1, linestyle="dotted")
    axes.set_xlabel("rare patients to learn from")
    axes.set_ylabel(label)
    return axes
