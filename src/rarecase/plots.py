"""What the plots of results share. matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rarecase.shown import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = 40  # characters of a name


def word(name: object) -> str:
    """A name for a figure, where dollars would be read as mathematics.

    >>> word("a$b$")
    'a\\\\$b\\\\$'
    """
    return cut(name, most=NAME).replace("$", r"\$")


def axes_or_new(ax: Axes | None, *, height: float = 3.2) -> Axes:
    """These axes, or those of a new figure so many inches high."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(6, height), layout="constrained")
    return ax


def bars(of: Mapping[str, float], *, label: str, ax: Axes | None) -> Axes:
    """A bar for each name with its number, the first on top."""
    ax = axes_or_new(ax, height=0.8 + 0.4 * len(of))
    places = np.arange(len(of))
    ax.bar_label(ax.barh(places, [*of.values()], height=0.6), padding=3)
    ax.set_yticks(places, [word(name) for name in of])
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set_xlabel(label)
    return ax


def points(of: Mapping[str, Sequence[float]], *, label: str, ax: Axes | None) -> Axes:
    """A point for each value, a line of points for each name with its median and how many there
    are, the first on top."""
    ax = axes_or_new(ax, height=0.8 + 0.5 * len(of))
    for place, values in enumerate(of.values()):
        ax.plot(values, np.full(len(values), place), "o", alpha=0.5)
        if len(values):
            ax.plot([np.median(values)] * 2, [place - 0.3, place + 0.3], color="0.2")
    ax.set_yticks(range(len(of)), [f"{word(name)} ({len(v)})" for name, v in of.items()])
    ax.invert_yaxis()
    ax.set_xlabel(f"{label}; line: median")
    return ax
