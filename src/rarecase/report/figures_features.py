"""Real and synthetic features side by side: maps as they are, and all of them in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rarecase.arrays import Floats
from rarecase.charts.plane import BEHIND, MARKERS, plane
from rarecase.imaging.drawing import canvas, look, panels
from rarecase.report.blocks import Figure, drawn
from rarecase.report.set_aside import FeaturePair, Samples

SIDE = 5
GAP = 2
POINTS = 200


def mosaic(maps: NDArray[np.float32], *, side: int = SIDE) -> NDArray[np.float32]:
    """Up to side² maps (n, h, w) as one picture with NaN between them and where there is none.

    Small maps are enlarged pixel by pixel, so that the gaps stay narrow beside them.

    >>> mosaic(np.ones((2, 40, 30), np.float32), side=2).shape
    (82, 62)
    """
    grow = max(1, 30 // max(maps.shape[1:]))
    large = maps.repeat(grow, axis=1).repeat(grow, axis=2)
    _, h, w = large.shape
    picture = np.full((side * (h + GAP) - GAP, side * (w + GAP) - GAP), np.nan, np.float32)
    for i, one in enumerate(large[: side * side]):
        row, column = divmod(i, side)
        top, left = row * (h + GAP), column * (w + GAP)
        picture[top : top + h, left : left + w] = one
    return picture


def map_grids(pair: FeaturePair, *, classes: list[str], name: str) -> Figure:
    """25 real and 25 synthetic maps of each class: one channel, one colour scale."""
    sources = {"real": pair.real, "synthetic": pair.synthetic}
    grids = {
        (kind, label): mosaic(samples[label].maps)
        for kind, samples in sources.items()
        for label in classes
        if label in samples
    }
    shown = np.concatenate([g[~np.isnan(g)] for g in grids.values()])
    top = float(np.percentile(shown, 99.5)) or 1.0
    low = min(0.0, float(shown.min()))
    with look():
        figure = canvas(4.5 * len(classes) + 0.7)
        figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
        axes_list = panels(figure, len(classes), 2)
        for axes, (label, kind) in zip(axes_list, product(classes, sources), strict=True):
            axes.set_axis_off()
            axes.set_title(f"{label}, {kind}")
            grid = grids.get((kind, label))
            if grid is None:
                axes.text(0.5, 0.5, "none", ha="center", transform=axes.transAxes)
                continue
            image = axes.imshow(grid, cmap="cividis", vmin=low, vmax=top, interpolation="none")
        bar = figure.colorbar(
            image, ax=axes_list, location="bottom", shrink=0.4, aspect=40, extend="max", pad=0.02
        )
        bar.set_label("activation")
    count = int(np.prod(pair.shape[1:]))
    text = (
        "The paper's Figures 9 and 10. "
        f"Channel {pair.channel} of {pair.shape[0]} of block {pair.block} "
        f"({pair.shape[1]} × {pair.shape[2]} = {count} values), the channel in which the classes "
        "differ most on training slices, for 25 real training slices and 25 synthetic samples of "
        "each class, all on one colour scale. Look whether the synthetic maps have the variety of "
        "the real ones or repeat one pattern, and whether they are as bright."
    )
    alt = f"Grids of feature maps, real beside synthetic, for {', '.join(classes)}"
    return drawn(figure, name=f"feature-maps-{name}", caption=text, alt=alt)


def principal_plane(real: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, scale, the first two principal axes (2, d) and their share of variance (2,).

    Features that never vary get the scale 1. The axes come from the singular vectors of the
    standardised real samples; signs are fixed so that the largest loading is positive.
    """
    centre, scale = real.mean(axis=0), real.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    _, s, vt = np.linalg.svd((real - centre) / scale, full_matrices=False)
    axes = np.zeros((2, real.shape[1]))
    axes[: min(2, len(vt))] = vt[:2]
    for axis in axes:
        axis *= np.sign(axis[np.argmax(np.abs(axis))]) or 1.0
    share = np.zeros(2)
    share[: min(2, len(s))] = s[:2] ** 2 / max(float((s**2).sum()), 1e-300)
    return centre, scale, axes, share


def scatter(
    pair: FeaturePair, *, classes: list[str], colours: Mapping[str, str], name: str
) -> Figure:
    """Real and synthetic samples in the plane of the real ones' two principal components."""
    real = np.concatenate([pair.real[c].means for c in classes if c in pair.real])
    centre, scale, axes_of, share = principal_plane(real)

    def project(samples: Mapping[str, Samples]) -> dict[str, Floats]:
        return {
            c: np.asarray(((samples[c].means[:POINTS] - centre) / scale) @ axes_of.T)
            for c in classes if c in samples
        }  # fmt: skip

    sides = {"real": project(pair.real), "synthetic": project(pair.synthetic)}
    with look():
        figure = canvas(4.2)
        axes_list = panels(figure, 1, 2)
        for axes, (kind, other) in zip(axes_list, (tuple(sides), tuple(sides)[::-1]), strict=True):
            # The other kind in grey, so that both panels share a frame.
            plane(axes, sides[kind], behind=sides[other], colours=colours, kind=kind)
            axes.set_title(f"{kind.capitalize()}: {sum(map(len, sides[kind].values())):,} samples")
            axes.set_xlabel(f"component 1 ({100 * share[0]:.0f} % of the real variance)")
            axes.set_ylabel(f"component 2 ({100 * share[1]:.0f} %)")
        axes_list[1].sharex(axes_list[0])
        axes_list[1].sharey(axes_list[0])
        axes_list[0].autoscale()
        dots = {"linestyle": "none"}
        handles = [
            Line2D([], [], color=colours[c], marker=marker, **dots,  # type: ignore[arg-type]
                   label=f"{c}: {_count(sides['real'], c)} real, "
                         f"{_count(sides['synthetic'], c)} synthetic")
            for c, marker in zip(colours, MARKERS * len(classes), strict=False)
        ]  # fmt: skip
        handles.append(Line2D([], [], color=BEHIND, marker="o", label="the other panel's", **dots))  # type: ignore[arg-type]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)))
    what = "features" if len(pair.shape) == 1 else "feature maps, averaged over their area,"
    text = (
        f"Up to {POINTS} real training and synthetic {what} of block {pair.block} in the plane of "
        "the first two principal components of the real ones (standardised). Synthetic samples "
        "should lie where real ones of their class lie and spread as widely; a tight clump is a "
        "generator that repeats itself. Beware: what is apart in other directions looks alike here."
    )
    return drawn(
        figure,
        name=f"feature-plane-{name}",
        caption=text,
        alt=f"Two scatter plots, real and synthetic samples of {', '.join(classes)}",
    )


def _count(side: Mapping[str, Floats], label: str) -> int:
    return len(side.get(label, ()))
