"""The experiment in a fold: arms fitted to its training patients, judged on its test patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.experiment.arm import Arm
from rarecase.experiment.classifiers.contract import as_matrix
from rarecase.experiment.design import Design
from rarecase.experiment.fold import TRAINS, Tools, fit_fold
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks, row_leak
from rarecase.experiment.tasks import write_result
from rarecase.features.feature_set import FeatureSet, counted, make_features, store_features
from rarecase.features.samples import Samples
from rarecase.features.store import FeatureStore
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.designs import Part
from rarecase.pipeline.fold import load_fold
from rarecase.pipeline.run_folder import CHECKPOINTS, source_store
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.synthetic import given_samples

LEAK_FOLDS = 3


def cells_work(
    context: Context,
    folder: Path,
    *,
    part: Part,
    arms: tuple[Arm, ...],
    splits: str,
    checks: bool,
) -> None:
    """Predictions of `arms` on the fold's test patients, histories, the self-checks where they are
    wanted."""
    tuning = context.settings.tuning
    fold, cell = load_fold(context), context.cell
    store = FeatureStore.open(source_store(context, part.features))
    design = part.design
    features = features_of(
        store, part, classes=fold.classes, rare=fold.rare, masks=tuning.masks, unit=tuning.unit,
    )  # fmt: skip
    place = Place(fold_of(features, fold.test, cell.fold), cell.repeat, cell.fold, splits)
    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    tools = Tools(
        given=given_samples(context, part, arms, fold.classes),
        work=folder / CHECKPOINTS,
        fabric=make_fabric(context.settings.compute) if design.classifier.lazy else None,
    )
    found = fit_fold(features, design, place, arms=arms, tools=tools)
    if checks:
        said = fold_checks(features, design, place)
        if (cell.repeat, cell.fold) == (0, 0):  # it takes many slices' fits
            slices = features_of(
                store, part, classes=fold.classes, rare=fold.rare, masks=tuning.masks,
                unit="slices",
            )  # fmt: skip
            said["leak"] = _leak(slices, design)
        found = replace(found, checks=said)
    write_result(folder, found)


def fold_of(features: FeatureSet, tested: tuple[str, ...], fold: int) -> np.ndarray:
    """The fold of each patient: `fold` for the tested, −1 for those who train."""
    inside = set(tested)
    return np.array([fold if who in inside else TRAINS for who in features.patients])


def features_of(
    store: FeatureStore,
    part: Part,
    *,
    classes: tuple[str, ...],
    rare: str,
    masks: str = "predicted",
    unit: str = "patients",
) -> FeatureSet:
    """The samples of a store as a part of the experiment takes them.

    Maps go to a classifier of maps as they are. A classifier of vectors gets their means over the
    map, of samples that show a mask (all, of a patient without any), each by itself (`unit`
    slices) or averaged over a patient. `masks`: true counts the mask drawn by hand, where there is
    one.
    """
    if part.design.classifier.takes == "maps":
        return store_features(store, classes=classes, rare=rare, name=part.features)
    rows = masked(store.rows, masks)
    who = np.unique(rows["patient"].astype(str), return_inverse=True)[1]
    shown = np.flatnonzero(counted(rows["predicted"].to_numpy(), who))
    X = as_matrix(Samples(store, rows=shown))
    about = rows.iloc[shown].reset_index(drop=True)
    if unit == "patients":
        X = pd.DataFrame(X).groupby(about["patient"]).mean().to_numpy()
        about = about.groupby("patient").first().reset_index()
    return make_features(
        X.astype(np.float64), about["label"].to_numpy(), groups=about["patient"].to_numpy(),
        rare=rare, row=about["row"].tolist(), name=part.features,
    )  # fmt: skip


def masked(rows: pd.DataFrame, masks: str) -> pd.DataFrame:
    """Rows of slices whose `predicted` counts the pixels of the mask in use: the network's, or the
    one drawn by hand where there is one."""
    if masks == "predicted":
        return rows
    return rows.assign(predicted=rows["tumour"].where(rows["has_mask"], rows["predicted"]))


def _leak(features: FeatureSet, design: Design) -> dict[str, float | None] | None:
    """What a split by slices would have read, measured with one grid point: it is dear."""
    first = {name: values[1:2] for name, values in design.classifier.grid.items()}
    cheap = replace(design, classifier=replace(design.classifier, grid=first), inner=2)
    return row_leak(features, cheap, folds=LEAK_FOLDS)
