"""What an experiment found, as an object: predictions and evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecase.checksums import record_files
from rarecase.errors import SettingError
from rarecase.evidence.metrics import AUC
from rarecase.evidence.tables import arms_title, as_text, counts_line, table_rows, to_frame
from rarecase.evidence.tables_features import (
    NOTE,
    choice_lines,
    feature_lines,
    feature_rows,
    verdict_lines,
)
from rarecase.evidence.views import Scores, Verdicts, names_of
from rarecase.features.about import FEATURES, lines_of
from rarecase.files import read_json, read_parquet, replacing_file, write_json
from rarecase.shown import counts, cut, html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREDICTIONS, EVIDENCE = "predictions.parquet", "evidence.json"
LINE, LINES = 160, 3  # characters of a line, and sentences, where a result is named


@dataclass(frozen=True, repr=False)
class Result:
    """What a comparison or a run found. `print` shows tables with the verdicts.

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
        named = ", ".join(names_of(found or self.evidence["verdicts"])) or "none"
        if found:
            raise SettingError(
                f"{arm!r} has {len(found)} verdicts: {named}. Say which, with features= and "
                "classifier=."
            )
        raise SettingError(f"{arm!r} has no such verdict; there are {named}.")

    def plot(self, metric: str = AUC, *, ax: Axes | None = None) -> Axes:
        """One metric of every arm with its 95 % interval (see `scores` and `verdicts` for more)."""
        return self.scores.plot(metric, ax=ax)

    def __str__(self) -> str:
        return "\n".join([*lines_of(self.features or {}), as_text(self.evidence)])

    def __repr__(self) -> str:
        found = self.evidence
        patients = counts(found["counts"]["patients"], rare=found["rare"])
        said = [*feature_lines(found)[-1:], *verdict_lines(found)[0]]
        return "\n".join([
            f"Result: {patients}; {len(found['rows'])} rows of scores.",
            *(cut(line, most=LINE) for line in said[:LINES]),
            "print() says all of it; see .scores, .verdicts, .to_frame() and .plot().",
        ])  # fmt: skip

    def _repr_html_(self) -> str:
        found = self.evidence
        sets = feature_rows(found)
        said = [counts_line(found), *feature_lines(found), *choice_lines(found)]
        first = "" if sets is None else html("Sets of features", sets, above=said, below=[NOTE])
        arms = html(arms_title(found), table_rows(found), above=[] if first else said,
                    below=verdict_lines(found)[0][:LINES])  # fmt: skip
        return first + arms


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
