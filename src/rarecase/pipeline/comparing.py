"""The arms of the comparison on `tumour` vectors, whoever is tested."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from rarecase.evidence.predictions import CONTROL, shows_tumour
from rarecase.experiment.arms import pick_arms
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.fold import TRAINS, Plan, compare_fold
from rarecase.experiment.self_checks import FoldChecks, fold_checks, row_leak
from rarecase.experiment.setup import make_plan
from rarecase.features.feature_set import FeatureTable, make_table
from rarecase.features.sources.outline_size import outline_sizes
from rarecase.pipeline.grid import Cell
from rarecase.pipeline.settings import Settings
from rarecase.seeds import derive

log = logging.getLogger(__name__)
TRIVIAL = "trivial"
LEAK_FOLDS = 3
Unit = Literal["patients", "slices"]


@dataclass(frozen=True)
class Compared:
    """`predictions` of every arm, and the self-checks where they are wanted. `leak` is measured in
    the first fold of a study alone: it takes many slices' fits."""

    predictions: pd.DataFrame
    checks: FoldChecks | None
    leak: dict[str, float] | None


def compare_vectors(
    X: np.ndarray,
    rows: pd.DataFrame,
    *,
    settings: Settings,
    rare: str,
    tested: Collection[str],
    cell: Cell,
    leak: bool,
) -> Compared:
    """Every arm, learnt from the patients of `rows` that are not `tested` and judged on those.

    `X` (n, d): the vector of each slice; `rows`: patient, label, row and `predicted`, the pixels of
    its tumour. Slices without tumour are left out, as they are when slices are pooled to patients.
    A row of the comparison is a patient, the mean of the patient's slices, or a slice. `trivial`
    knows the size of the outlined tumour and the number of slices, and nothing else.
    """
    counted = shows_tumour(rows, ["patient"]).to_numpy()
    each = _table(X[counted], rows[counted].reset_index(drop=True), rare=rare)
    table = tumour_table(X, rows, unit=settings.compare.unit, rare=rare)
    plan = make_plan(
        settings.compare.arms, model=None, amounts=settings.compare.amounts,
        inner=settings.compare.inner, generator_seeds=settings.compare.generator_seeds,
        random_state=derive(settings.seed, "arms"),
    )  # fmt: skip
    frames = [_predict(table, plan, tested, cell)]
    sizes = _sizes(rows, rare=rare)
    if sizes is None:
        log.info("no outline differs in size; arm %s is left out", TRIVIAL)
    else:
        alone = replace(plan, arms=[arm for arm in pick_arms([CONTROL]) if arm.name == CONTROL])
        frames.append(_predict(sizes, alone, tested, cell).assign(arm=TRIVIAL))
    predictions = pd.concat(frames, ignore_index=True)
    if not settings.compare.checks:
        return Compared(predictions, None, None)
    checks = fold_checks(
        table, plan, fold_of=_fold_of(table, tested, cell), repeat=cell.repeat, fold=cell.fold
    )
    cheap = replace(plan, model=Logistic(strengths=(1.0,)), inner=2)
    found = row_leak(each, cheap, folds=LEAK_FOLDS) if leak else None
    return Compared(predictions, checks, found)


def tumour_table(X: np.ndarray, rows: pd.DataFrame, *, unit: Unit, rare: str) -> FeatureTable:
    """The table that arms learn from: slices that show tumour, or their mean for each patient."""
    counted = shows_tumour(rows, ["patient"]).to_numpy()
    slices, about = X[counted], rows[counted].reset_index(drop=True)
    if unit == "slices":
        return _table(slices, about, rare=rare)
    means = pd.DataFrame(slices).groupby(about["patient"]).mean().to_numpy()
    return _table(means, about.groupby("patient").first().reset_index(), rare=rare)


def _fold_of(table: FeatureTable, tested: Collection[str], cell: Cell) -> np.ndarray:
    inside = set(tested)
    return np.array([cell.fold if who in inside else TRAINS for who in table.patients])


def _predict(table: FeatureTable, plan: Plan, tested: Collection[str], cell: Cell) -> pd.DataFrame:
    fold_of = _fold_of(table, tested, cell)
    return compare_fold(table, plan, fold_of=fold_of, repeat=cell.repeat, fold=cell.fold)


def _table(X: np.ndarray, rows: pd.DataFrame, *, rare: str) -> FeatureTable:
    return make_table(
        X.astype(np.float64), rows["label"].to_numpy(), groups=rows["patient"].to_numpy(),
        rare=rare, row=rows["row"].tolist(),
    )  # fmt: skip


def _sizes(rows: pd.DataFrame, *, rare: str) -> FeatureTable | None:
    """One row a patient: log pixels of outlined tumour, slices that show it, slices in all. None
    where nobody differs from anybody, as with a network that outlines nothing."""
    X, about = outline_sizes(rows)
    return _table(X, about, rare=rare) if np.ptp(X, axis=0).any() else None
