"""What an experiment found, as an object: predictions, scores, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.errors import SettingError
from rarecase.files import read_json, read_parquet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PREDICTIONS, EVIDENCE = "predictions.parquet", "evidence.json"


@dataclass(frozen=True, repr=False)
class Result:
    """What a comparison or a run found. Prints as a table with the verdicts.

    Parameters
    ----------
    predictions
        A row per case (or slice) and cell, from which all else was computed (see
        `evidence.predictions`).
    evidence
        Scores, intervals, tests and verdicts (see `make_evidence`).
    """

    predictions: pd.DataFrame
    evidence: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> Result:
        """The result that lies in the folder of a run or of `rarecase compare --out`."""
        folder = Path(folder)
        return cls(read_parquet(folder / PREDICTIONS), read_json(folder / EVIDENCE))

    @property
    def scores(self) -> Scores:
        """Every row's scores on patients."""
        return Scores(self.evidence)

    @property
    def verdicts(self) -> Verdicts:
        """The verdicts on the planned synthetic arms."""
        return Verdicts(self.evidence)

    def to_frame(self) -> pd.DataFrame:
        """A row per features × arm × classifier × amount (see `evidence.tables.to_frame`)."""
        from rarecase.evidence.tables import to_frame

        return to_frame(self.evidence)

    def verdict(self, arm: str, features: str | None = None, classifier: str | None = None) -> str:
        """The answer for one synthetic arm; features and classifier only where there are several.

        Raises
        ------
        SettingError
            Where the arm has no verdict, or several.
        """
        wanted = {"arm": arm, "features": features, "classifier": classifier}
        found = [
            v for v in self.evidence["verdicts"]
            if all(value is None or v[name] == value for name, value in wanted.items())
        ]  # fmt: skip
        if len(found) == 1:
            return str(found[0]["answer"])
        if found:
            raise SettingError(
                f"{arm!r} has {len(found)} verdicts: {', '.join(_names(found))}. Say which, with "
                "features= and classifier=."
            )
        known = ", ".join(_names(self.evidence["verdicts"])) or "none"
        raise SettingError(f"{arm!r} has no such verdict; there are {known}.")

    def __repr__(self) -> str:
        from rarecase.evidence.tables import as_text

        return as_text(self.evidence)


@dataclass(frozen=True, repr=False)
class Scores:
    """The scores on patients of every row of the evidence, controls too."""

    evidence: dict[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """A row per row of the evidence and metric: the key, metric, label, value, low, high."""
        import pandas as pd

        from rarecase.evidence.rows import key_of

        return pd.DataFrame(
            [
                {**key_of(row)._asdict(), "metric": metric["name"], "label": metric["label"],
                 **row["patients"]["scores"][metric["name"]]}
                for row in self.evidence["rows"]
                for metric in self.evidence["metrics"]
            ]
        )  # fmt: skip

    def plot(self, metric: str = "auc_rare", *, ax: Axes | None = None) -> Axes:
        """One metric of every arm with its 95 % interval, a line each."""
        from rarecase.evidence.tables import main_rows

        rows = main_rows(self.evidence)
        labels = {m["name"]: m["label"] for m in self.evidence["metrics"]}
        if metric not in labels:
            raise SettingError(f"metric {metric!r} is unknown; there are {', '.join(labels)}.")
        scores = [row["patients"]["scores"][metric] for row in rows]
        return _forest(rows, scores, label=labels[metric], ax=ax)

    def __repr__(self) -> str:
        rows, metrics = len(self.evidence["rows"]), len(self.evidence["metrics"])
        return f"Scores: {rows} rows of {metrics} metrics. See .to_frame() and .plot(metric)."


@dataclass(frozen=True, repr=False)
class Verdicts:
    """The verdicts on the planned synthetic arms."""

    evidence: dict[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """A row per verdict: the key, primary, answer, p_helps, p_harms, detectable, possible,
        difference to the reference and to the control, sentence."""
        import pandas as pd

        rows = []
        for verdict in self.evidence["verdicts"]:
            row = {name: value for name, value in verdict.items() if name != "against"}
            for name, other in verdict["against"].items():
                row[f"auc_against_{name}"] = None if other is None else other["difference"]
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """A forest plot: what the AUC of each arm moved against the reference, with its 95 %
        interval."""
        from rarecase.evidence.rows import key_of

        rows = {key_of(row): row for row in self.evidence["rows"]}
        verdicts = self.evidence["verdicts"]
        moved = [
            (rows[key_of(v)]["patients"]["difference"] or {}).get("auc_rare") for v in verdicts
        ]
        label = f"ΔAUC {self.evidence['rare']} against the reference"
        axes = _forest(verdicts, moved, label=label, said=[v["answer"] for v in verdicts], ax=ax)
        axes.axvline(0, color="0.6", linewidth=1)
        return axes

    def __repr__(self) -> str:
        verdicts = self.evidence["verdicts"]
        said = "; ".join(
            f"{name}: {v['answer']}" for name, v in zip(_names(verdicts), verdicts, strict=True)
        )
        return f"Verdicts: {said or 'none'}. See .to_frame() and .plot()."


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows or verdicts for readers, with features and classifier where there are several."""
    from rarecase.evidence.rows import key_of

    keys = [key_of(row) for row in rows]
    full = len({key.family for key in keys}) > 1
    return [key.title(full=full) for key in keys]


def _forest(
    rows: Sequence[Mapping[str, Any]],
    scores: Sequence[dict[str, float | None] | None],
    *,
    label: str,
    said: Sequence[str] = (),
    ax: Axes | None,
) -> Axes:
    """Points with their intervals, the first row on top; `said`: a word per row."""
    import matplotlib.pyplot as plt
    import numpy as np

    if ax is None:
        _, ax = plt.subplots(figsize=(6, 0.8 + 0.3 * len(rows)), layout="constrained")
    names = _names(rows)
    if said:
        names = [f"{name}: {word}" for name, word in zip(names, said, strict=True)]
    parts = ("value", "low", "high")
    found = [[np.nan] * 3 if s is None else [s[part] for part in parts] for s in scores]
    value, low, high = np.array(found, dtype=float).reshape(-1, 3).T
    places = np.arange(len(rows))
    ax.errorbar(value, places, xerr=[value - low, high - value], fmt="o", capsize=2)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlabel(label)
    return ax
