"""Outlines over images: the only figure that a prediction needs, and the look that it shares with
the report's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from numpy.typing import NDArray

INK, FAINT = "#1f2430", "#8a909c"
TRUE_OUTLINE, PREDICTED_OUTLINE = "#56B4E9", "#E69F00"
LOOK: Any = {
    "font.family": "DejaVu Sans", "font.size": 10,
    "text.parse_math": False,  # a class may be called $x$
    "text.color": INK,
    "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.edgecolor": FAINT, "axes.labelcolor": INK,
    "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#e6e8ec", "grid.linewidth": 0.8, "axes.axisbelow": True,
    "xtick.color": INK, "ytick.color": INK,
    "legend.frameon": False, "savefig.facecolor": "white",
}  # fmt: skip
WIDTH = 9.6
"""Inches: the width of the report's page."""
DPI = 150
COLUMNS = 4
TURNING = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True)
class Overlay:
    """A slice with its masks.

    Parameters
    ----------
    image, true, predicted
        (h, w); true None where there is no mask.
    dice, slice_dice
        Of the whole volume and of the slice; None without a true mask.
    """

    title: str
    case: str
    image: NDArray[np.float32]
    predicted: NDArray[np.uint8]
    true: NDArray[np.uint8] | None = None
    dice: float | None = None
    slice_dice: float | None = None

    @property
    def words(self) -> str:
        """What stands over it."""
        lines = [short(self.title), short(self.case)]
        if self.dice is not None and self.slice_dice is not None:
            lines.append(f"Dice: volume {self.dice:.2f}, slice {self.slice_dice:.2f}")
        elif self.slice_dice is not None:
            lines.append(f"Dice: slice {self.slice_dice:.2f}")
        if not self.predicted.any():
            lines.append("nothing predicted")
        return "\n".join(lines)


def canvas(height: float, *, width: float = WIDTH) -> Canvas:
    """A figure of the page's look, without pyplot: nothing global is touched."""
    figure = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(figure: Canvas, rows: int, columns: int) -> list[Axes]:
    """`rows` × `columns` axes, row by row."""
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def look() -> AbstractContextManager[None]:
    """The page's look, for a `with` block around drawing."""
    return rc_context(LOOK)


def png(figure: Canvas) -> bytes:
    """The figure as PNG bytes, the same for the same figure."""
    stream = io.BytesIO()
    with rc_context(LOOK):
        figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


def grey_range(
    values: NDArray[np.float32], *, between: tuple[float, float] = (0.5, 99.5)
) -> tuple[float, float]:
    """Which values (any shape) are drawn black and white: from the background, or what lies below
    it, to the upper of two percentiles of the tissue."""
    tissue = values[values != 0]
    if not tissue.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(tissue, between))
    low = min(0.0, low)
    return low, high if high > low else low + 1.0


def draw_image(
    axes: Axes, image: NDArray[np.float32], *, like: NDArray[np.float32] | None = None
) -> None:
    """An image in grey, from the background to the 99.5th percentile of the tissue (of `like`)."""
    low, high = grey_range(image if like is None else like)
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="none")


def draw_outline(axes: Axes, mask: NDArray[np.uint8], *, colour: str, dashed: bool) -> None:
    """The border of a mask over the image that `axes` shows."""
    if mask.any():  # contour warns of an empty one
        style = "dashed" if dashed else "solid"
        axes.contour(
            np.pad(mask, 1), levels=[0.5], colors=[colour], linestyles=[style], linewidths=1.5,
            extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5),
        )  # fmt: skip


def outline_handles(*, true: bool) -> list[Line2D]:
    """What the colours of outlines mean, for a legend."""
    handles = [Line2D([], [], color=TRUE_OUTLINE, label="true outline")] if true else []
    dashed = {"color": PREDICTED_OUTLINE, "linestyle": "dashed"}
    return [*handles, Line2D([], [], label="predicted outline", **dashed)]  # type: ignore[arg-type]


def overlay_figure(overlays: Sequence[Overlay]) -> Canvas:
    """Every overlay with its title and its Dice, four in a row."""
    # Where each class has three, a row is a class.
    columns = 3 if len(overlays) % 3 == 0 else min(COLUMNS, len(overlays))
    rows = -(-len(overlays) // columns)
    with look():
        lines = max(overlay.words.count("\n") + 1 for overlay in overlays)
        figure = canvas(rows * (WIDTH / columns + 0.2 + 0.16 * lines) + 0.5)
        axes_list = panels(figure, rows, columns)
        for axes in axes_list:
            axes.set_axis_off()
        for axes, overlay in zip(axes_list, overlays, strict=False):
            draw_image(axes, overlay.image)
            if overlay.true is not None:
                draw_outline(axes, overlay.true, colour=TRUE_OUTLINE, dashed=False)
            draw_outline(axes, overlay.predicted, colour=PREDICTED_OUTLINE, dashed=True)
            axes.set_title(overlay.words, fontsize=8.5, fontweight="normal", loc="left")
        handles = outline_handles(true=any(o.true is not None for o in overlays))
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def visible(text: str) -> str:
    """Text whose marks of direction are seen rather than obeyed: one in a name would turn what
    follows it around. Writing that runs from right to left needs none.

    >>> visible("a\\u202eb")
    'a[U+202E]b'
    """
    return text.translate(TURNING)


def short(text: str, *, most: int = 34) -> str:
    """Text that fits over a picture: the middle of a long one left out.

    >>> short("a" * 20 + "b" * 20, most=11)
    'aaaaa…bbbbb'
    """
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"
