"""Measures of synthetic samples beside those that real samples of other patients get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from rarecase.charts.svg import told
from rarecase.imaging.drawing import FAINT, INK

SYNTHETIC = "#b5508a"


def draw_audit(
    axes: Axes, measures: Sequence[str], found: Mapping[str, Mapping[str, float]]
) -> Axes:
    """A line for each measure between 0 and 1, with the value of synthetic samples on it (full) and
    of real ones (ring). `found`: {"synthetic" or "real": {measure: value}}, without those that are
    not defined."""
    for place, name in enumerate(measures):
        both = [each[name] for each in found.values() if name in each]
        if len(both) > 1:
            axes.plot(both, [place, place], color=FAINT, linewidth=1.2, zorder=1)
    for source, values in found.items():
        known = [name for name in measures if name in values]
        is_real = source == "real"
        drawn = axes.plot(
            [values[name] for name in known], [measures.index(name) for name in known],
            linestyle="none", marker="o", markersize=8 if is_real else 6, zorder=2,
            color=INK if is_real else SYNTHETIC, markerfacecolor="none" if is_real else SYNTHETIC,
            label="other real patients" if is_real else "synthetic", clip_on=False,
        )  # fmt: skip
        told(drawn[0], [f"{name}, {source}: {values[name]:.2f}" for name in known])
    axes.set_yticks(range(len(measures)), measures)
    axes.set_ylim(len(measures) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    return axes
