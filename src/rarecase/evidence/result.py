"""What an experiment found, as an object: predictions, scores, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rarecase.checksums import record_files
from rarecase.errors import SettingError, nearest
from rarecase.evidence.metrics import AUC
from rarecase.evidence.rows import key_of
from rarecase.evidence.tables import as_text, main_rows, to_frame
from rarecase.evidence.text import Score
from rarecase.features.about import FEATURES, lines_of
from rarecase.files import read_json, read_parquet, replacing_file, write_json

if TYPE_CHECKING:
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
    features
        Columns of the features, what was left out, what was warned of and accepted (see
        `about_features`); None where nothing is kept of them.
    fit_model
        Fits the deployed model; None where there is none of a result, as when it was read.
    """

    predictions: pd.DataFrame
    evidence: dict[str, Any]
    features: dict[str, Any] | None = None
    fit_model: Callable[[], Any] | None = None

    @cached_property
    def model(self) -> Any:
        """The classifier that is deployed (see `deploy.table_model.TableModel`): features,
        classifier and arm chosen by the rule of every fold, fitted to everybody when it is first
        asked for. Raises `SettingError` where a result has none."""
        if self.fit_model is None:
            raise SettingError(
                "this result has no model: `compare` gives one, and `rarecase.load_model(FOLDER)` "
                "reads that of a folder."
            )
        return self.fit_model()

    @classmethod
    def read(cls, folder: str | Path) -> Result:
        """The result in the folder of a run or of `rarecase compare --out`."""
        predictions, about = read_parquet(Path(folder) / PREDICTIONS), Path(folder) / FEATURES
        features = read_json(about) if about.is_file() else None
        return cls(predictions, read_json(Path(folder) / EVIDENCE), features)

    def write(self, folder: str | Path) -> None:
        """Write predictions.parquet, evidence.json and, if there is any, features.json into a
        folder."""
        with replacing_file(Path(folder) / PREDICTIONS) as beside:
            self.predictions.to_parquet(beside, index=False)
        write_json(Path(folder) / EVIDENCE, self.evidence)
        record_files(Path(folder), [PREDICTIONS, EVIDENCE])
        if self.features is not None:
            write_json(Path(folder) / FEATURES, self.features)
            record_files(Path(folder), [FEATURES])

    @property
    def scores(self) -> Scores:
        return Scores(self.evidence)

    @property
    def verdicts(self) -> Verdicts:
        return Verdicts(self.evidence)

    def to_frame(self) -> pd.DataFrame:
        """A row per features × arm × classifier × amount (see `evidence.tables.to_frame`)."""
        return to_frame(self.evidence)

    def verdict(self, arm: str, features: str | None = None, classifier: str | None = None) -> str:
        """The answer for one synthetic arm; features and classifier only where there are several.

        Raises `SettingError` where the arm has no verdict, or several.
        """
        wanted = {"arm": arm, "features": features, "classifier": classifier}
        found = [
            v for v in self.evidence["verdicts"]
            if all(value is None or v[name] == value for name, value in wanted.items())
        ]  # fmt: skip
        if len(found) == 1:
            return str(found[0]["answer"])
        named = ", ".join(_names(found or self.evidence["verdicts"])) or "none"
        if found:
            raise SettingError(
                f"{arm!r} has {len(found)} verdicts: {named}. Say which, with features= and "
                "classifier=."
            )
        raise SettingError(f"{arm!r} has no such verdict; there are {named}.")

    def __repr__(self) -> str:
        return "\n".join([*lines_of(self.features or {}), as_text(self.evidence)])


def reweigh(folder: str | Path, *, margin: float | None = None) -> dict[str, Any]:
    """The evidence of a run or comparison, computed anew from its predictions.parquet with the rare
    class, draws, self-checks and, unless another is given, margin that it has. Nothing is written.
    """
    from rarecase.evidence.evidence import make_evidence
    from rarecase.evidence.masks import with_masks
    from rarecase.evidence.metrics import AUC
    from rarecase.evidence.primary import Primary
    from rarecase.evidence.verdict import MARGIN

    before = Result.read(folder)
    said, primary = before.evidence, before.evidence["primary"]
    found = make_evidence(
        before.predictions, rare=said["rare"], primary=Primary(**primary),
        faithful=said["protocol"] == "faithful", checks=said["checks"],
        seed=said["bootstrap"]["seed"], draws=said["bootstrap"]["draws"],
        margin=said.get("margin", MARGIN) if margin is None else margin,
        metric=said.get("metric", AUC),
    )  # fmt: skip
    if "untuned" in said:  # of a run; the predictions do not say it
        found["untuned"] = said["untuned"]
    return with_masks(found, Path(folder))


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
        return _forest(_names(rows), scores, label=labels[metric], ax=ax)

    def __repr__(self) -> str:
        rows, metrics = len(self.evidence["rows"]), len(self.evidence["metrics"])
        return f"Scores: {rows} rows of {metrics} metrics. See .to_frame() and .plot(metric)."


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
        rows = {key_of(row): row["patients"] for row in self.evidence["rows"]}
        verdicts = self.evidence["verdicts"]
        moved = [(rows[key_of(v)]["difference"] or {}).get(AUC) for v in verdicts]
        label = f"ΔAUC {self.evidence['rare']} against the reference"
        axes = _forest(self._said(), moved, label=label, ax=ax)
        axes.axvline(0, color="0.6", linewidth=1)
        return axes

    def _said(self) -> list[str]:
        verdicts = self.evidence["verdicts"]
        return [f"{n}: {v['answer']}" for n, v in zip(_names(verdicts), verdicts, strict=True)]

    def __repr__(self) -> str:
        return f"Verdicts: {'; '.join(self._said()) or 'none'}. See .to_frame() and .plot()."


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows or verdicts for readers, with features and classifier where there are several."""
    keys = [key_of(row) for row in rows]
    full = len({key.family for key in keys}) > 1
    return [key.title(full=full) for key in keys]


def _forest(
    names: Sequence[str], scores: Sequence[Score | None], *, label: str, ax: Axes | None
) -> Axes:
    """Points with their intervals, the first on top."""
    if ax is None:
        import matplotlib.pyplot as plt  # only who plots needs it

        _, ax = plt.subplots(figsize=(6, 0.8 + 0.3 * len(names)), layout="constrained")
    parts = ("value", "low", "high")
    found = [[np.nan] * 3 if score is None else [score[part] for part in parts] for score in scores]
    value, low, high = np.array(found, dtype=float).reshape(-1, 3).T
    places = np.arange(len(names))
    ax.errorbar(value, places, xerr=[value - low, high - value], fmt="o", capsize=2)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlabel(label)
    return ax
