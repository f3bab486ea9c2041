"""A forest plot: values with their intervals, a line of them for each name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from rarecase.charts.palette import OTHERS
from rarecase.charts.svg import told
from rarecase.imaging.drawing import FAINT, INK, short

BAND = OTHERS[0]
NAME = 44  # characters
GAP = 0.03  # of the width of the axes, between it and what stands beside it


@dataclass(frozen=True)
class Mark:
    """A value with its interval, NaN where there is none; `words` where the mouse rests on it.
    `shift` moves it from the middle of its line, down, as a part of the line's height; hollow where
    it is not `filled`."""

    value: float
    low: float
    high: float
    words: str = ""
    colour: str = INK
    marker: str = "o"
    filled: bool = True
    shift: float = 0.0


@dataclass(frozen=True)
class Entry:
    """A line: its name, its marks, and what stands at the right of it, a word a column."""

    name: str
    marks: Sequence[Mark]
    beside: Sequence[str] = ()


def forest(
    axes: Axes, entries: Sequence[Entry], *, at: float | None, band: float = 0.0,
    heads: Sequence[str] = (), columns: Sequence[float] = (), size: float = 8.5,
) -> Axes:  # fmt: skip
    """Lines from the top, a vertical one `at` a value, if one is given, and a band as wide as
    `band` to either side of it.

    `heads` stand over what is beside the lines, whose columns begin `columns` (as parts of the
    axes' width) from its right side; `size` is that of the names in points.
    """
    if at is not None:
        if band:
            axes.axvspan(at - band, at + band, color=BAND, alpha=0.13, linewidth=0)
        axes.axvline(at, color=FAINT, linewidth=1)
    for place, entry in enumerate(entries):
        for mark in entry.marks:
            _draw(axes, mark, place + mark.shift)
        for start, words in zip(columns, entry.beside, strict=False):
            _beside(axes, place, start, short(words), size)
    for start, words in zip(columns, heads, strict=False):
        _beside(axes, -1, start, words, size, bold=True)
    axes.set_yticks(
        range(len(entries)), [short(entry.name, most=NAME) for entry in entries], fontsize=size
    )
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(entries) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    return axes


def _draw(axes: Axes, mark: Mark, place: float) -> None:
    if not math.isnan(mark.low) and not math.isnan(mark.high):
        axes.plot([mark.low, mark.high], [place, place], color=mark.colour, linewidth=1.3,
                  solid_capstyle="butt")  # fmt: skip
    if math.isnan(mark.value):
        return
    (point,) = axes.plot(
        mark.value, place, marker=mark.marker, color=mark.colour, markersize=5.5, linestyle="none",
        markerfacecolor=mark.colour if mark.filled else "white", markeredgewidth=1.2, clip_on=False,
    )  # fmt: skip
    if mark.words:
        told(point, [mark.words])


def _beside(
    axes: Axes, place: float, start: float, words: str, size: float, *, bold: bool = False
) -> None:
    axes.text(1 + GAP + start, place, words, transform=axes.get_yaxis_transform(), fontsize=size,
              va="center", color=INK, fontweight="bold" if bold else "normal")  # fmt: skip
