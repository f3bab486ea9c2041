"""One row of evidence for each arm and amount: its scores, and what it moved against `none`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rarecase.arrays import Floats
from rarecase.evidence.fits import Fit, fits_of
from rarecase.evidence.intervals import Draws, arm_differences, arm_scores, percentile_interval
from rarecase.evidence.predictions import CONTROL
from rarecase.evidence.scores import score_names, score_table

Key = tuple[str, int]  # arm and amount


@dataclass(frozen=True)
class Setting:
    """What every row is computed under: the classes, the rare one, the patients, the draws."""

    classes: tuple[str, ...]
    rare: str
    patients: tuple[str, ...]
    draws: Draws

    @property
    def rare_index(self) -> int:
        return self.classes.index(self.rare)


def fits_by_key(pooled: pd.DataFrame, setting: Setting) -> dict[Key, list[Fit]]:
    """The fits of every arm and amount, `none` first."""
    parts: dict[Any, pd.DataFrame] = dict(iter(pooled.groupby(["arm", "amount"])))
    return {
        (str(key[0]), int(key[1])): fits_of(
            parts[key], patients=setting.patients, classes=setting.classes
        )
        for key in sorted(parts, key=lambda k: (k[0] != CONTROL, k))
    }


def control_of(fits: dict[Key, list[Fit]], arm: str = CONTROL) -> list[Fit]:
    """All fits of an arm, whatever its amounts."""
    return [fit for key in sorted(fits) if key[0] == arm for fit in fits[key]]


def make_rows(
    predictions: pd.DataFrame,
    pooled: pd.DataFrame,
    setting: Setting,
    fits: dict[Key, list[Fit]],
) -> list[dict[str, Any]]:
    """One row for each arm and amount, the control first (see `make_evidence`)."""
    names = score_names(setting.classes)
    slices: dict[Any, pd.DataFrame] = dict(iter(predictions.groupby(["arm", "amount"])))
    patients: dict[Any, pd.DataFrame] = dict(iter(pooled.groupby(["arm", "amount"])))
    control = control_of(fits)
    control_slices = predictions[predictions["arm"] == CONTROL]
    folds = {fit.repeat: fit.folds for fit in control}
    rows = []
    for key, mine in fits.items():
        arm, amount = key
        values = arm_scores(mine, setting.draws, rare=setting.rare_index)
        row: dict[str, Any] = {
            "arm": arm,
            "amount": amount,
            "added": _added(slices[key], amount),
            "complete": all(fit.folds >= folds.get(fit.repeat, frozenset()) for fit in mine)
            and {fit.repeat for fit in mine} == set(folds),
            "counts": {
                "patients": counts(patients[key].drop_duplicates("patient"), setting.classes),
                "slices": counts(
                    slices[key].drop_duplicates(["patient", "case", "slice"]), setting.classes
                ),
            },
            "slices": _slice_scores(slices[key], control_slices, setting, against=arm != CONTROL),
            "patients": {"scores": with_intervals(names, values), "difference": None},
        }
        if arm != CONTROL:
            moved = arm_differences(mine, control, setting.draws, rare=setting.rare_index)
            if moved is not None:
                row["patients"]["difference"] = with_intervals(names, moved)
        rows.append(row)
    return rows


def _slice_scores(
    table: pd.DataFrame, control: pd.DataFrame, setting: Setting, *, against: bool
) -> dict[str, Any]:
    scores = score_table(table, classes=setting.classes, rare=setting.rare)
    difference = None
    if against:
        tested = table[["repeat", "fold"]].drop_duplicates()
        same = control.merge(tested, on=["repeat", "fold"])
        if not same.empty:
            base = score_table(same, classes=setting.classes, rare=setting.rare)
            difference = {name: plain(scores[name] - base[name]) for name in scores}
    return {"scores": {n: plain(v) for n, v in scores.items()}, "difference": difference}


def with_intervals(names: Sequence[str], values: Floats) -> dict[str, dict[str, float | None]]:
    """Name → value (first row of `values`) with the interval of the other rows."""
    result = {}
    for i, name in enumerate(names):
        low, high = percentile_interval(values[1:, i])
        result[name] = {"value": plain(values[0, i]), "low": plain(low), "high": plain(high)}
    return result


def plain(value: float) -> float | None:
    """A float for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def counts(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    """Rows of each class."""
    found = table["label"].astype(str).value_counts()
    return {c: int(found.get(c, 0)) for c in classes}


def _added(part: pd.DataFrame, amount: int) -> float:
    """Samples that really joined, the mean over folds and seeds; a filter may have kept too few. A
    table without the column is taken at its word."""
    if "added" not in part.columns:
        return float(max(amount, 0))
    return float(part.drop_duplicates(["repeat", "fold", "generator_seed"])["added"].mean())
