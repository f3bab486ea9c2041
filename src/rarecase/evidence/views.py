"""Scores and verdicts of an experiment, to look at one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecase.errors import SettingError, nearest
from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import key_of
from rarecase.evidence.tables import main_rows, table_rows
from rarecase.evidence.text import Score, with_interval
from rarecase.plots import axes_or_new, word
from rarecase.shown import html, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False)
class Scores:
    """The scores on patients of every row of the evidence, controls too."""

    evidence: dict[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """A row per row of the evidence and metric: the key, metric, label, value, low, high."""
        return pd.DataFrame(
            {**key_of(row)._asdict(), "metric": metric["name"], "label": metric["label"]}
            | row["patients"]["scores"][metric["name"]]
            for row in self.evidence["rows"]
            for metric in self.evidence["metrics"]
        )

    def plot(self, metric: str = AUC, *, ax: Axes | None = None) -> Axes:
        """One metric of every arm with its 95 % interval."""
        labels = {m["name"]: m["label"] for m in self.evidence["metrics"]}
        if metric not in labels:
            raise SettingError(f"metric {metric!r} is unknown; {nearest(metric, labels)}")
        rows = main_rows(self.evidence)
        scores = [row["patients"]["scores"][metric] for row in rows]
        return forest(names_of(rows), scores, label=word(labels[metric]), ax=ax)

    def __repr__(self) -> str:
        rows, metrics = len(self.evidence["rows"]), len(self.evidence["metrics"])
        return f"Scores: {rows} rows of {metrics} metrics. See .to_frame() and .plot(metric)."

    def _repr_html_(self) -> str:
        caption = "Scores on patients that nothing was fitted on"
        return html(caption, table_rows(self.evidence, full=True))


@dataclass(frozen=True, repr=False)
class Verdicts:
    """The verdicts on the planned synthetic arms."""

    evidence: dict[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """A row per verdict: its entries in the evidence, but of `against` only the differences in
        AUC to the reference and to the control."""
        rows = []
        for verdict in self.evidence["verdicts"]:
            against = {
                f"auc_against_{name}": None if other is None else other["difference"]
                for name, other in verdict["against"].items()
            }
            rows.append({k: v for k, v in verdict.items() if k != "against"} | against)
        return pd.DataFrame(rows)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """A forest plot: what the AUC of each arm moved against the reference, with its 95 %
        interval."""
        label = f"ΔAUC {word(self.evidence['rare'])} against the reference"
        return forest(self._said(), self._moved(), label=label, ax=ax, at=0.0)

    def _moved(self) -> list[Score | None]:
        """What the AUC of each moved against the reference."""
        rows = {key_of(row): row["patients"] for row in self.evidence["rows"]}
        verdicts = self.evidence["verdicts"]
        return [(rows[key_of(v)]["difference"] or {}).get(AUC) for v in verdicts]

    def _said(self) -> list[str]:
        verdicts = self.evidence["verdicts"]
        return [f"{n}: {v['answer']}" for n, v in zip(names_of(verdicts), verdicts, strict=True)]

    def __repr__(self) -> str:
        said = listed(self._said()) or "none"
        return f"Verdicts: {said}. See .to_frame() and .plot()."

    def _repr_html_(self) -> str:
        verdicts = self.evidence["verdicts"]
        lines = zip(names_of(verdicts), verdicts, self._moved(), strict=True)
        heads = ["arm", f"ΔAUC {self.evidence['rare']} (95 % interval)", "verdict"]
        cells = [[name, with_interval(each, change=True), v["answer"]] for name, v, each in lines]
        return html("Verdicts on synthetic arms", (heads, cells))


def names_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows or verdicts for readers, with features and classifier where there are several."""
    keys = [key_of(row) for row in rows]
    full = len({key.family for key in keys}) > 1
    return [key.title(full=full) for key in keys]


def forest(
    names: Sequence[str], scores: Sequence[Score | None], *, label: str, ax: Axes | None,
    at: float | None = None,
) -> Axes:  # fmt: skip
    """Points with their intervals, the first on top; a line `at` a value, if one is given."""
    from rarecase.charts import forest as charts

    ax = axes_or_new(ax, height=0.8 + 0.3 * len(names))
    entries = [
        charts.Entry(word(name), [charts.Mark(value=_part(s, "value"), low=_part(s, "low"),
                                              high=_part(s, "high"))])
        for name, s in zip(names, scores, strict=True)
    ]  # fmt: skip
    charts.forest(ax, entries, at=at)
    ax.locator_params(axis="x", nbins=6)
    ax.set_xlabel(label)
    return ax


def _part(score: Score | None, name: str) -> float:
    value = None if score is None else score[name]
    return math.nan if value is None else float(value)
