"""The deployed model of a comparison of tables: chosen, refitted to everybody, and what it says of
new rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase import __version__
from rarecase.arrays import Floats
from rarecase.checksums import record_files
from rarecase.cohort.labels import plain_value
from rarecase.cohort.tables import read_values
from rarecase.cohort.values import as_numbers, present
from rarecase.deploy.final import Average, Final, card_facts, chosen_text, load_final, save_final
from rarecase.deploy.final_fit import deployed_row, fit_deployed, out_of_fold_threshold
from rarecase.errors import DataError
from rarecase.evidence.text import number, with_interval
from rarecase.experiment.auto import Candidate
from rarecase.features.sources.registry import AUTO
from rarecase.files import read_json, write_json, write_text
from rarecase.ranking import rare_share
from rarecase.shown import Brief

log = logging.getLogger(__name__)
CARD, WEIGHTS = "model.json", "classifier.skops"
KIND = "rarecase table model"
OTHER = -1.0  # a category that nobody had who was learnt from
SHOWN = 5  # names of columns


@dataclass(frozen=True, eq=False, repr=False)
class TableModel(Brief):
    """A classifier of rows of a table.

    Parameters
    ----------
    final
        What was fitted.
    card
        classes, rare, threshold, what it was learnt from and what it is worth: the score of the
        same rule, applied in every fold of the comparison.
    """

    final: Final | Average
    card: dict[str, Any]

    def _about(self) -> dict[str, Any]:
        return card_facts(self.card) | {"columns": self.columns}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it takes."""
        return self.final.columns.names

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the probabilities."""
        return tuple(self.card["classes"])

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities (n, classes) of new rows.

        `X`: a DataFrame with the columns that it was learnt from, in any order and among others, or
        an array (n, d) of them in order. What is missing is imputed by the medians of those learnt
        from, whole columns too, which is said. Raises `DataError` where none of the columns is
        there, or a value is no number.
        """
        return self.final(self._numbers(X))

    def predict(self, X: Any) -> np.ndarray:
        """The class called of each row (n,): the rare one from the threshold on."""
        return self.called(self.predict_proba(X))

    def called(self, p: Floats) -> np.ndarray:
        """The class called from probabilities (n, classes)."""
        others, rare = p.copy(), self.classes.index(self.card["rare"])
        others[:, rare] = -1.0
        called = np.where(
            rare_share(p, rare=rare) > self.card["threshold"], rare, others.argmax(axis=1)
        )
        return np.asarray(self.classes)[called]

    def missing(self, names: Sequence[str]) -> list[str]:
        """Which columns it takes that are not among `names`."""
        there = set(map(str, names))
        return [name for name in self.columns if name not in there]

    def _numbers(self, X: Any) -> Floats:
        if not isinstance(X, pd.DataFrame):
            values = np.asarray(X, dtype=np.float64)
            if values.ndim != 2 or values.shape[1] != len(self.columns):
                raise DataError(
                    f"X: expected rows of {len(self.columns)} features, got {values.shape}."
                )
            return values
        X = X.rename(columns=str)
        lacking = self.missing(list(X.columns))
        if len(lacking) == len(self.columns):
            raise DataError(f"X: has none of the columns that were learnt from: {_some(lacking)}.")
        if lacking:
            log.warning("missing columns, for which the usual values stand in: %s", _some(lacking))
        found = np.full((len(X), len(self.columns)), np.nan)
        for i, name in enumerate(self.columns):
            if name in X.columns:
                found[:, i] = _values(X[name], name, self.final.columns.levels.get(i))
        return found


def _values(column: pd.Series, name: str, levels: Sequence[str] | None) -> Floats:
    """A column as numbers: codes of categories, or what it holds; read as a comparison reads it."""
    if levels is not None:
        place = {level: float(code) for code, level in enumerate(levels)}
        words = present(column, none=True).map(plain_value)
        return np.array([np.nan if pd.isna(w) else place.get(str(w), OTHER) for w in words])
    numbers: Any = column
    if not pd.api.types.is_numeric_dtype(column):
        numbers = as_numbers(present(column), name)
    if numbers is None:
        raise DataError(
            f"X: column {name!r} holds {column.dropna().iloc[0]!r}; numbers were learnt from."
        )
    values: Floats = pd.Series(numbers).to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise DataError(f"X: column {name!r} holds infinite values.")
    return values


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def fit_table_model(
    candidates: Sequence[Candidate],
    predictions: pd.DataFrame,
    evidence: Mapping[str, Any],
    *,
    how: str | None,
) -> TableModel:
    """Choose among the candidates as every fold did, or average them (`how`: AUTO, STACK, or
    None of the only one), and refit to everybody."""
    final = fit_deployed(candidates, how or AUTO)
    features, rare = candidates[0].features, evidence["rare"]
    row = deployed_row(evidence, candidates, how=how)
    key = {name: row[name] for name in ("features", "classifier", "arm", "amount")}
    threshold = out_of_fold_threshold(predictions, rare=rare, **key)
    scores = row["patients"]["scores"]
    return TableModel(
        final,
        {
            "kind": KIND,
            "version": __version__,
            "classes": list(features.classes),
            "rare": rare,
            "threshold": threshold,
            "chosen": final.chosen,
            "learnt_from": features.per_class,
            "evidence": key | {"auc_rare": scores.get("auc_rare")},
        },
    )


def save_table_model(folder: Path, model: TableModel) -> None:
    """Write classifier.skops, model.json and model_card.md; `load_table_model` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    save_final(folder / WEIGHTS, model.final)
    write_json(folder / CARD, model.card)
    write_text(folder / "model_card.md", table_card(model.card))
    record_files(folder, [WEIGHTS, CARD, "model_card.md"])


def load_table_model(folder: Path) -> TableModel:
    """The model in a folder. Raises `DataError` for anything else."""
    card = read_json(folder / CARD)
    if not isinstance(card, dict) or card.get("kind") != KIND:
        raise DataError(f"{folder}: no model of tables ({CARD} says nothing of one).")
    return TableModel(load_final(folder / WEIGHTS), card)


def is_table_model(folder: Path) -> bool:
    """Whether a folder holds a model of tables, and not of images."""
    path = folder / CARD
    said = read_json(path) if path.is_file() else None
    return isinstance(said, dict) and said.get("kind") == KIND


def predict_table(model: TableModel, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Predictions for the rows of a file (see `read_values`): the columns that are no features,
    `call` and a probability per class; and which columns were missing."""
    levels = {model.columns[i]: each for i, each in model.final.columns.levels.items()}
    table = read_values(
        path,
        only=model.columns,
        classes=[*levels],
        asked={w for each in levels.values() for w in each},
    )
    p = model.predict_proba(table)
    kept = table.drop(columns=[c for c in table.columns if str(c) in model.columns])
    said = {"call": model.called(p)} | {f"p_{n}": p[:, i] for i, n in enumerate(model.classes)}
    return kept.assign(**said), model.missing(list(table.columns))


def table_card(card: Mapping[str, Any]) -> str:
    """model_card.md as text."""
    chosen, worth = card["chosen"], card["evidence"]["auc_rare"]
    counts = ", ".join(f"{count} {name}" for name, count in card["learnt_from"].items())
    score = "not defined" if worth is None else with_interval(worth)
    return f"""# Model card

**For research alone. Not a medical device: nothing that it says may decide on a patient.**

Tells {" from ".join(card["classes"])} from the columns `{chosen["features"]}` of a table, by the
classifier `{chosen["classifier"]}`, arm `{chosen["arm"]}`; {card["rare"]} is called from a
probability of {number(card["threshold"])} on. Columns that are missing are imputed by the medians
of those learnt from: {counts}.

{chosen_text(chosen)} of all of them. The same rule, applied in
every fold of the comparison to patients whom nothing was learnt from, gave an AUC of
{card["rare"]} of {score} (95 % interval).

Made with rarecase {card["version"]}: `rarecase predict FOLDER NEW.csv --out RESULTS`, or
`rarecase.load_model(FOLDER).predict_proba(X)`.
"""
