"""A fold's U-Net, sources and arms on another cohort: learnt here, judged there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.cohort import SliceCache, check_disjoint
from rarecase.experiment.classifiers.registry import make_classifier
from rarecase.experiment.fold import FoldResult, fit_fold
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks
from rarecase.experiment.tasks import write_result
from rarecase.features.feature_set import outlined
from rarecase.features.sources.registry import load_source
from rarecase.features.standardise import vectors
from rarecase.files import read_parquet
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import CELLS, CHECKPOINTS, FEATURES, RECORD, SEGMENTER, SLICES
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step, state_of
from rarecase.pipeline.steps.cells import fold_of, vectors_of
from rarecase.pipeline.steps.features import source_data
from rarecase.pipeline.steps.segment import predict_volumes


def external_parts(settings: Settings) -> list[int]:
    """The parts of the experiment, by number, that are judged on another cohort: those on
    vectors."""
    kinds = [make_classifier(said.classifier) for said in settings.experiment]
    return [number for number, kind in enumerate(kinds) if kind.takes == "vectors"]


def external_step(context: Context, *, home: Context, slices: Step, splits: str) -> Step:
    """The step of a fold; `home`: the study and fold that learnt."""
    known = state_of(home.fold_folder / SEGMENTER / RECORD)
    facts = [known, home.settings.tuning, splits, home.settings.experiment]
    work, name = partial(external_work, home=home, splits=splits), context.test_fold.folder(CELLS)
    return Step(name, "external", work, context, version=2, facts=facts, inputs=(slices,))


def external_work(context: Context, folder: Path, *, home: Context, splits: str) -> None:
    """Predictions of every arm on the other cohort (`context`), learnt from the training patients
    of the same fold of the study `home`; also its masks (volumes.csv).

    The fold's own test patients have no part in it.
    """
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # half written by a killed attempt
    (folder / CHECKPOINTS).mkdir(parents=True)
    fold, tuning = load_fold(home), home.settings.tuning
    cache = SliceCache.open(context.run / SLICES)
    everybody = tuple(sorted(cache.rows["patient"].unique()))
    check_disjoint(fold.training, everybody)
    there = Fold(cache, fold.classes, fold.rare, fitting=(), validation=(), test=everybody)
    ours = source_data(home, fold, masks=tuning.masks)
    ours.segmenter.refuse_seen(everybody)
    predicted = predict_volumes(context, there, ours.segmenter, folder=folder)
    rows = read_parquet(folder / "rows.parquet")
    theirs = replace(ours, cache=cache, rows=rows, predicted=predicted)
    found: list[FoldResult] = []
    checks = None
    for number in external_parts(home.settings):
        part = load_part(home, number)
        source = load_source(home.fold_folder / FEATURES / part.features)
        stores = [
            source.transform(data, out=folder / CHECKPOINTS / f"{part.name}-{side}.zarr")
            for side, data in (("ours", ours), ("theirs", theirs))
        ]
        mine = np.flatnonzero(stores[0].rows["patient"].isin(fold.training).to_numpy())
        ours_X, theirs_X = (vectors(s) for s in stores)
        X = np.concatenate([ours_X[mine], theirs_X])
        rows = pd.concat([stores[0].rows.iloc[mine], stores[1].rows], ignore_index=True)
        features = vectors_of(
            X, outlined(rows, tuning.masks), rare=fold.rare, name=part.features, unit=tuning.unit
        )
        at = home.test_fold
        place = Place(fold_of(features, everybody, at.fold), at.repeat, at.fold, splits)
        found.append(fit_fold(features, part.design, place))
        if tuning.checks and checks is None and len(part.design.arms) > 1:
            checks = fold_checks(features, part.design, place)
    predictions, cells = (
        pd.concat([getattr(each, name) for each in found], ignore_index=True)
        for name in ("predictions", "cells")
    )
    write_result(folder, FoldResult(predictions, pd.DataFrame(), cells, checks))
