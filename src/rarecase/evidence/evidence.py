"""Everything the report says about the arms, computed from the predictions table alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecase.errors import DataError, SettingError, nearest
from rarecase.evidence.intervals import (
    DRAWS,
    LEVEL,
    arm_differences,
    arm_scores,
    draw_weights,
    fits_of,
    percentile_interval,
)
from rarecase.evidence.pooling import check_predictions, pool_patients
from rarecase.evidence.scores import Floats, score_names, score_table
from rarecase.evidence.sentence import NOT_A_VERDICT, Change, headline_sentence

CONTROL = "none"
HEADLINE_ARM = "acgan"
PEEKED = (
    "The paper's own protocol was asked for: the segmenter's epoch and the amount of synthetic "
    "samples were chosen on the test set, which also has its part in a normalisation over the "
    "cohort, and what the paper reports counts slices. These numbers flatter; set them beside a "
    "sound run's, and do not report them as results."
)


@dataclass(frozen=True)
class _Setting:
    classes: tuple[str, ...]
    rare: str
    patients: tuple[str, ...]
    weights: Floats  # the first row is all ones: the score itself

    @property
    def rare_index(self) -> int:
        return self.classes.index(self.rare)


def make_evidence(
    predictions: pd.DataFrame,
    *,
    rare: str,
    headline: int | None,
    headline_arm: str = HEADLINE_ARM,
    faithful: bool = False,
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Scores of every arm and amount on slices and patients, with intervals, ready for JSON.

    `predictions` has the columns of the run folder's predictions.parquet. `rare` names the rare
    class, `headline` the amount of synthetic samples of `headline_arm` fixed before anything was
    scored (None: none was). `faithful`: the headline is instead the arm and amount with the best
    balanced accuracy on test slices, as the paper chose its own; that flatters, and the result
    says so. What is not defined (AUC without a rare patient) is None. The result holds:

    * rare, classes, control, repeats, generator_seeds, bootstrap {draws, level, unit, seed}
    * counts {patients: {class: n}, slices: {class: n}}
    * folds [{repeat, fold, patients: {class: n}}]
    * rows, one for each arm and amount, `none` first: arm, amount, added (what the filter left of
      the amount), complete (every test fold of the control is there), counts, slices {scores
      {name: value}, difference {name: value} or None}, patients {scores {name: {value, low,
      high}}, difference the same or None}
    * headline {amount, arm, finding, sentence}; notes [str]; protocol

    Names of scores are those of `scores.score_names`. Raises `DataError` for a table that cannot be
    scored, `SettingError` for an unknown rare class.
    """
    classes = check_predictions(predictions)
    if rare not in classes:
        raise SettingError(
            f"rare={rare!r} is not a class of the predictions; {nearest(rare, classes)}"
        )
    if not (predictions["arm"] == CONTROL).any():
        raise DataError(
            f"predictions: arm {CONTROL!r} is missing, and effects are measured against it."
        )
    pooled = pool_patients(predictions)
    known = pooled.drop_duplicates("patient").sort_values("patient")
    labels = (
        known["label"].astype(str).map({c: i for i, c in enumerate(classes)}).to_numpy(np.int64)
    )
    drawn = draw_weights(labels, draws=draws, seed=seed)
    setting = _Setting(
        classes=classes,
        rare=rare,
        patients=tuple(known["patient"]),
        weights=np.concatenate([np.ones((1, labels.size)), drawn]),
    )
    rows = _rows(predictions, pooled, setting)
    arm, amount = _best_on_test(rows) if faithful else (headline_arm, headline)
    patients = _counts(known, classes)
    unique_slices = predictions.drop_duplicates(["patient", "case", "slice"])
    return {
        "rare": rare,
        "classes": list(classes),
        "control": CONTROL,
        "repeats": int(predictions["repeat"].nunique()),
        "generator_seeds": _seeds(predictions),
        "bootstrap": {
            "draws": draws,
            "level": LEVEL,
            "seed": seed,
            "unit": "patients, stratified by class",
        },
        "counts": {"patients": patients, "slices": _counts(unique_slices, classes)},
        "folds": _folds(pooled, classes),
        "rows": rows,
        "headline": _headline(
            rows, arm=arm, headline=amount, rare=rare, rare_patients=patients[rare]
        ),
        "protocol": "faithful" if faithful else "sound",
        "notes": _notes(rows),
    }


def _best_on_test(rows: Sequence[Mapping[str, Any]]) -> tuple[str, int | None]:
    """The arm and amount that the paper would have reported: the best of its sweep on the slices
    of its test set (balanced accuracy; the smaller amount where two are equal)."""
    made = [row for row in rows if row["arm"] != CONTROL]
    if not made:
        return HEADLINE_ARM, None
    best = max(
        made, key=lambda r: (r["slices"]["scores"]["balanced_accuracy"] or 0.0, -r["amount"])
    )
    return str(best["arm"]), int(best["amount"])


def _rows(
    predictions: pd.DataFrame, pooled: pd.DataFrame, setting: _Setting
) -> list[dict[str, Any]]:
    """One row for each arm and amount, the control first."""
    names = score_names(setting.classes)
    slices: dict[Any, pd.DataFrame] = dict(iter(predictions.groupby(["arm", "amount"])))
    patients: dict[Any, pd.DataFrame] = dict(iter(pooled.groupby(["arm", "amount"])))
    fits = {
        key: fits_of(part, patients=setting.patients, classes=setting.classes)
        for key, part in patients.items()
    }
    control = [fit for key in sorted(fits) if key[0] == CONTROL for fit in fits[key]]
    control_slices = predictions[predictions["arm"] == CONTROL]
    folds = {fit.repeat: fit.folds for fit in control}
    rows = []
    for key in sorted(fits, key=lambda k: (k[0] != CONTROL, k)):
        arm, amount = key
        values = arm_scores(fits[key], setting.weights, rare=setting.rare_index)
        row: dict[str, Any] = {
            "arm": str(arm),
            "amount": int(amount),
            "added": _added(slices[key], int(amount)),
            "complete": all(fit.folds >= folds.get(fit.repeat, frozenset()) for fit in fits[key])
            and {fit.repeat for fit in fits[key]} == set(folds),
            "counts": {
                "patients": _counts(patients[key].drop_duplicates("patient"), setting.classes),
                "slices": _counts(
                    slices[key].drop_duplicates(["patient", "case", "slice"]), setting.classes
                ),
            },
            "slices": _slice_scores(slices[key], control_slices, setting, against=arm != CONTROL),
            "patients": {"scores": _with_intervals(names, values), "difference": None},
        }
        if arm != CONTROL:
            moved = arm_differences(fits[key], control, setting.weights, rare=setting.rare_index)
            if moved is not None:
                row["patients"]["difference"] = _with_intervals(names, moved)
        rows.append(row)
    return rows


def _slice_scores(
    table: pd.DataFrame, control: pd.DataFrame, setting: _Setting, *, against: bool
) -> dict[str, Any]:
    scores = score_table(table, classes=setting.classes, rare=setting.rare)
    difference = None
    if against:
        tested = table[["repeat", "fold"]].drop_duplicates()
        same = control.merge(tested, on=["repeat", "fold"])
        if not same.empty:
            base = score_table(same, classes=setting.classes, rare=setting.rare)
            difference = {name: _plain(scores[name] - base[name]) for name in scores}
    return {"scores": {n: _plain(v) for n, v in scores.items()}, "difference": difference}


def _with_intervals(names: Sequence[str], values: Floats) -> dict[str, dict[str, float | None]]:
    """Name → value (first row of `values`) with the interval of the other rows."""
    result = {}
    for i, name in enumerate(names):
        low, high = percentile_interval(values[1:, i])
        result[name] = {"value": _plain(values[0, i]), "low": _plain(low), "high": _plain(high)}
    return result


def _plain(value: float) -> float | None:
    """A float for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def _counts(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    counts = table["label"].astype(str).value_counts()
    return {c: int(counts.get(c, 0)) for c in classes}


def _added(part: pd.DataFrame, amount: int) -> float:
    """Synthetic samples that really joined, the mean over folds and seeds; the filter may have
    kept too few. A table without the column is taken at its word."""
    if "added" not in part.columns:
        return float(amount)
    return float(part.drop_duplicates(["repeat", "fold", "generator_seed"])["added"].mean())


def _seeds(predictions: pd.DataFrame) -> list[int]:
    augmented = predictions[predictions["arm"] != CONTROL]
    of = augmented if len(augmented) else predictions
    return sorted(int(s) for s in of["generator_seed"].dropna().unique())


def _folds(pooled: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    tested = pooled.drop_duplicates(["repeat", "fold", "patient"])
    parts: dict[Any, pd.DataFrame] = dict(iter(tested.groupby(["repeat", "fold"])))
    return [
        {"repeat": int(repeat), "fold": int(fold), "patients": _counts(part, classes)}
        for (repeat, fold), part in parts.items()
    ]


def _change(row: Mapping[str, Any], control: Mapping[str, Any], name: str) -> Change:
    """A score of the headline row against the control, from the rows as reported."""

    def get(value: float | None) -> float:
        return math.nan if value is None else value

    moved = row["patients"]["difference"][name]
    after = get(row["patients"]["scores"][name]["value"])
    before = get(control["patients"]["scores"][name]["value"])
    return Change(before, after, get(moved["value"]), get(moved["low"]), get(moved["high"]))


def _headline(
    rows: list[dict[str, Any]], *, arm: str, headline: int | None, rare: str, rare_patients: int
) -> dict[str, Any]:
    amounts = sorted(r["amount"] for r in rows if r["arm"] == arm)
    result: dict[str, Any] = {"amount": headline, "arm": arm, "finding": "not measured"}
    listed = ", ".join(f"{a:,}" for a in amounts) or "none"
    if headline is None:
        return result | {
            "sentence": "No headline amount was fixed beforehand, so no single number is singled "
            f"out: choosing the best of the sweep afterwards would flatter it (amounts: {listed})."
        }
    row = next((r for r in rows if (r["arm"], r["amount"]) == (arm, headline)), None)
    if row is None or row["patients"]["difference"] is None:
        return result | {
            "sentence": f"The headline amount of {headline:,} synthetic samples fixed beforehand "
            f"was not reached (amounts scored: {listed}), so there is no headline result."
        }
    control = next(r for r in rows if r["arm"] == CONTROL)
    finding, sentence = headline_sentence(
        amount=headline,
        added=row["added"],
        rare=rare,
        recall=_change(row, control, f"recall_{rare}"),
        auc=_change(row, control, "auc_rare"),
        rare_patients=rare_patients,
    )
    return result | {"finding": finding, "sentence": sentence}


def _notes(rows: list[dict[str, Any]]) -> list[str]:
    notes = [
        NOT_A_VERDICT,
        "Intervals come from resampling patients. They hold the chance of which patients were "
        "tested, not the chance of training; repeats and generator seeds show that.",
    ]
    partial = [f"{r['arm']} {r['amount']:,}" for r in rows if not r["complete"]]
    if partial:
        notes.append(
            f"Not every test fold is there for {', '.join(partial)}; their differences are taken "
            "on the folds both sides have."
        )
    if any(r["patients"]["scores"]["auc_rare"]["value"] is None for r in rows):
        notes.append("No test fold holds both rare and other patients: AUC is not defined.")
    return notes
