"""The scarcity curve as an object: scores by the number of rare patients to learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from rarecase.errors import SettingError, nearest
from rarecase.evidence.metrics import AUC
from rarecase.evidence.tables import curve_rows
from rarecase.plots import axes_or_new, word
from rarecase.shown import html, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARMS = 8  # lines, each with a look of its own
SPREAD = 0.01  # of a number of patients, by which points of arms are set beside each other


@dataclass(frozen=True, repr=False)
class ScarcityCurve:
    """What `scarcity_curve` found.

    Parameters
    ----------
    table
        `k`, the rare patients to learn from, and the columns of `Result.to_frame`.
    """

    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """`table`."""
        return self.table

    def plot(self, metric: str = AUC, *, ax: Axes | None = None) -> Axes:
        """A metric against the number of rare patients, a line for each arm with its 95 %
        intervals, of more than eight arms the first ones. Raises `SettingError` for a metric that
        there is none of."""
        known = [c.removesuffix("_low") for c in map(str, self.table) if c.endswith("_low")]
        if metric not in known:
            raise SettingError(f"metric {metric!r} is unknown; {nearest(metric, known)}")
        from rarecase.charts.scarcity import draw_scarcity
        from rarecase.evidence.scarcity_lines import scarcity_lines

        full = len(self.table.groupby(["features", "classifier"])) > 1
        families = scarcity_lines(self.table, metric=metric, full=full)
        lines = [replace(each, name=word(each.name)) for mine in families.values() for each in mine]
        ax = draw_scarcity(axes_or_new(ax, height=4), lines[:ARMS], label=word(metric))
        ax.legend(fontsize="small")
        return ax

    def __repr__(self) -> str:
        ks = listed(sorted(set(self.table["k"])), most=10)
        arms = listed(dict.fromkeys(self.table["arm"]))
        return f"ScarcityCurve: {ks} rare patients; {arms}. See .to_frame() and .plot(metric)."

    def _repr_html_(self) -> str:
        caption = "AUC of the rare class, and what it moved, by the number of its patients"
        return html(caption, curve_rows(self.table))
