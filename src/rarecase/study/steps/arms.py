"""Every arm of the comparison on a fold's `tumour` vectors, with the fold's own U-Net."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.arms import pick_arms
from rarecase.comparison.cell import TRAINS, Plan, compare_fold
from rarecase.comparison.compare import make_plan
from rarecase.comparison.table import FeatureTable, make_table
from rarecase.evidence.pooling import shows_tumour
from rarecase.features import FeatureStore
from rarecase.features.extract import TUMOUR
from rarecase.files import replacing_file
from rarecase.seeds import derive
from rarecase.study.fold import Fold, load_fold
from rarecase.study.step import CHECKPOINTS, Context
from rarecase.study.steps.features import extract_block

log = logging.getLogger(__name__)
TRIVIAL = "trivial"


def arms_work(context: Context, folder: Path) -> None:
    """Predictions of every arm on the fold's test patients, from `tumour` vectors.

    Slices without a predicted tumour are left out, as they are when slices are pooled to patients.
    A row is a patient, the mean of the patient's slices, or a slice.
    `trivial` knows the size of the predicted tumour and the number of slices, and nothing else.
    """
    settings = context.settings
    fold = load_fold(context)
    store = _vectors(context, fold, folder)
    rows = store.rows
    counted = shows_tumour(rows, ["patient"]).to_numpy()
    X, about = store.read(np.flatnonzero(counted)), rows[counted].reset_index(drop=True)
    if settings.compare.unit == "patients":
        X = pd.DataFrame(X).groupby(about["patient"]).mean().to_numpy()
        about = about.groupby("patient").first().reset_index()
    table = _table(X, about, rare=fold.rare)
    plan = make_plan(
        settings.compare.arms, model=None, amounts=settings.compare.amounts,
        inner=settings.compare.inner, generator_seeds=settings.compare.generator_seeds,
        random_state=derive(settings.seed, "arms"),
    )  # fmt: skip
    alone = replace(plan, arms=[arm for arm in pick_arms(["none"]) if arm.name == "none"])
    frames = [_predict(table, plan, fold, context)]
    sizes = _sizes(rows, rare=fold.rare)
    if sizes is None:
        log.info("%s: no outline differs in size; arm %s is left out", context.where(), TRIVIAL)
    else:
        frames.append(_predict(sizes, alone, fold, context).assign(arm=TRIVIAL))
    with replacing_file(folder / "predictions.parquet") as beside:
        pd.concat(frames, ignore_index=True).to_parquet(beside, index=False)


def _vectors(context: Context, fold: Fold, folder: Path) -> FeatureStore:
    """`tumour` vectors of every slice."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # half written by a killed attempt
    # Checkpoints go with the step's end.
    place = folder if context.settings.features.keep else folder / CHECKPOINTS
    return extract_block(context, fold, block=TUMOUR, out=place / f"{TUMOUR}.zarr")


def _table(X: np.ndarray, rows: pd.DataFrame, *, rare: str) -> FeatureTable:
    return make_table(
        X.astype(np.float64), rows["label"].to_numpy(str), groups=rows["patient"].to_numpy(str),
        rare=rare, row=rows["row"].tolist(),
    )  # fmt: skip


def _sizes(rows: pd.DataFrame, *, rare: str) -> FeatureTable | None:
    """One row a patient: log pixels of predicted tumour, slices that show it, slices in all. None
    where nobody differs from anybody, as with a network that outlines nothing."""
    each = rows.groupby("patient")
    pixels = np.log1p(each["predicted"].sum())
    X = np.stack([pixels, (rows["predicted"] > 0).groupby(rows["patient"]).sum(), each.size()], 1)
    if not np.ptp(X, axis=0).any():
        return None
    about = each.first().reset_index().assign(row=np.arange(len(X)))
    return _table(X, about, rare=rare)


def _predict(table: FeatureTable, plan: Plan, fold: Fold, context: Context) -> pd.DataFrame:
    tested = set(fold.test)
    number = context.cell.fold
    fold_of = np.array([number if who in tested else TRAINS for who in table.patients])
    return compare_fold(table, plan, fold_of=fold_of, repeat=context.cell.repeat, fold=number)
