"""Outlines over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rarecase.report.blocks import Figure
from rarecase.report.overlays import Overlay
from rarecase.report.style import PREDICTED_OUTLINE, TRUE_OUTLINE, canvas, look, panels, png

COLUMNS = 4


def grey_range(image: NDArray[np.float32]) -> tuple[float, float]:
    """Black and white of the display: the background and the 99.5th percentile of the tissue."""
    tissue = image[image != 0]
    if not tissue.size:
        return 0.0, 1.0
    low = min(0.0, float(np.percentile(tissue, 0.5)))
    high = float(np.percentile(tissue, 99.5))
    return low, high if high > low else low + 1.0


def draw_outline(axes: Axes, mask: NDArray[np.uint8], *, colour: str, dashed: bool) -> None:
    """The border of a mask over the image that `axes` shows."""
    if mask.any():  # contour warns of an empty one
        style = "dashed" if dashed else "solid"
        axes.contour(
            np.pad(mask, 1), levels=[0.5], colors=[colour], linestyles=[style], linewidths=1.5,
            extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5),
        )  # fmt: skip


def overlay_figure(overlays: Sequence[Overlay], *, caption: str) -> Figure:
    """Every overlay with its title and its Dice, four in a row."""
    # Where each class has three, a row is a class.
    columns = 3 if len(overlays) % 3 == 0 else min(COLUMNS, len(overlays))
    rows = -(-len(overlays) // columns)
    with look():
        lines = max(_title(overlay).count("\n") + 1 for overlay in overlays)
        figure = canvas(rows * (9.6 / columns + 0.2 + 0.16 * lines) + 0.5, width=9.6)
        axes_list = panels(figure, rows, columns)
        for axes in axes_list:
            axes.set_axis_off()
        for axes, overlay in zip(axes_list, overlays, strict=False):
            low, high = grey_range(overlay.image)
            axes.imshow(overlay.image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            if overlay.true is not None:
                draw_outline(axes, overlay.true, colour=TRUE_OUTLINE, dashed=False)
            draw_outline(axes, overlay.predicted, colour=PREDICTED_OUTLINE, dashed=True)
            axes.set_title(_title(overlay), fontsize=8.5, fontweight="normal", loc="left")
        handles = [
            Line2D([], [], color=TRUE_OUTLINE, label="true outline"),
            Line2D([], [], color=PREDICTED_OUTLINE, linestyle="dashed", label="predicted outline"),
        ]
        with_true = any(o.true is not None for o in overlays)
        figure.legend(
            handles=handles if with_true else handles[1:], loc="outside lower center", ncols=2
        )
    alt = "Test slices with outlines: " + "; ".join(_title(o).replace("\n", ", ") for o in overlays)
    return Figure(name="overlays", png=png(figure), caption=caption, alt=alt)


def short(text: str, *, most: int = 34) -> str:
    """Text that fits over a picture: the middle of a long one left out.

    >>> short("a" * 20 + "b" * 20, most=11)
    'aaaaa…bbbbb'
    """
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def _title(overlay: Overlay) -> str:
    lines = [short(overlay.title), short(overlay.case)]
    if overlay.dice is not None and overlay.slice_dice is not None:
        lines.append(f"Dice: volume {overlay.dice:.2f}, slice {overlay.slice_dice:.2f}")
    elif overlay.slice_dice is not None:
        lines.append(f"Dice: slice {overlay.slice_dice:.2f}")
    if not overlay.predicted.any():
        lines.append("nothing predicted")
    return "\n".join(lines)
