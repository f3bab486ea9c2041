"""Colours and the look of figures: one palette, safe for colour-blind readers and on paper."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's palette: the rare class always has the first colour.
RARE = "#D55E00"
OTHERS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, FAINT = "#1f2430", "#8a909c"
TRUE_OUTLINE, PREDICTED_OUTLINE = "#56B4E9", "#E69F00"
TRAIN, VALIDATION = "#a3a9b4", "#0072B2"
REAL, SYNTHETIC = "#1f2430", "#b5508a"

LOOK: Any = {
    "font.family": "DejaVu Sans",
    "text.parse_math": False,  # a class may be called $x$
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e8ec",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "savefig.facecolor": "white",
}
WIDTH = 9.6
"""Inches: the width of the page."""
DPI = 150


def class_colours(classes: Sequence[str], rare: str) -> dict[str, str]:
    """A colour for each class.

    >>> class_colours(["HGG", "LGG"], "LGG")
    {'HGG': '#0072B2', 'LGG': '#D55E00'}
    """
    others = [c for c in classes if c != rare]
    colours = {c: OTHERS[i % len(OTHERS)] for i, c in enumerate(others)}
    return {c: RARE if c == rare else colours[c] for c in classes}


def canvas(height: float, *, width: float = WIDTH) -> Canvas:
    """A figure of the page's look, without pyplot: nothing global is touched."""
    figure = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(figure: Canvas, rows: int, columns: int) -> list[Axes]:
    """`rows` × `columns` axes, row by row."""
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def epoch_axis(axes: Axes) -> None:
    """Whole epochs along the bottom."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))


def look() -> AbstractContextManager[None]:
    """The page's look, for a `with` block around drawing."""
    return rc_context(LOOK)


def png(figure: Canvas) -> bytes:
    """The figure as PNG bytes, the same for the same figure."""
    stream = io.BytesIO()
    with rc_context(LOOK):
        figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()
