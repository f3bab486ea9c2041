"""Colours of the report's figures: one palette, safe for colour-blind readers and on paper."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rarecase.charts.palette import OTHERS as OTHERS
from rarecase.charts.palette import RARE as RARE

TRAIN, VALIDATION = "#a3a9b4", OTHERS[0]
REAL, SYNTHETIC = "#1f2430", "#b5508a"


def class_colours(classes: Sequence[str], rare: str) -> dict[str, str]:
    """A colour for each class.

    >>> class_colours(["HGG", "LGG"], "LGG")
    {'HGG': '#0072B2', 'LGG': '#D55E00'}
    """
    others = [c for c in classes if c != rare]
    colours = {c: OTHERS[i % len(OTHERS)] for i, c in enumerate(others)}
    return {c: RARE if c == rare else colours[c] for c in classes}


def epoch_axis(axes: Axes) -> None:
    """Whole epochs along the bottom."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))


ANSWERS = {
    "helps": ("#007a5a", "^", "▲"),
    "harms": (RARE, "v", "▼"),
    "no difference": (OTHERS[0], "s", "■"),
    "inconclusive": ("#6b7280", "o", "●"),
    "too few to say": ("#6b7280", "D", "◆"),
    "incomplete": ("#6b7280", "X", "✕"),
    "not asked": ("#6b7280", "_", "○"),
}
"""Of each answer its colour, its mark in a figure and the same in text: grey print tells them
apart."""
