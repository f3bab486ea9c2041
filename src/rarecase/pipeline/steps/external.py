"""A fold's U-Net, sources and arms on another cohort: learnt here, judged there."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from rarecase.cohort import SliceCache, check_disjoint
from rarecase.experiment.auto import Candidate
from rarecase.experiment.classifiers.registry import takes_of
from rarecase.experiment.design import Design
from rarecase.experiment.fold import FoldResult, fit_fold
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks
from rarecase.experiment.stacking import fit_among
from rarecase.experiment.tasks import write_result
from rarecase.features.feature_set import FeatureSet
from rarecase.features.joining import Vectors, joined_vectors
from rarecase.features.sources.contract import SourceData
from rarecase.features.sources.registry import AMONG, load_source, names_in
from rarecase.features.store import FeatureStore
from rarecase.files import read_parquet
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import (
    CELLS,
    CHECKPOINTS,
    FEATURES,
    RECORD,
    SEGMENTER,
    SLICES,
    source_store,
)
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step, state_of
from rarecase.pipeline.steps.cells import fold_of, with_sites
from rarecase.pipeline.steps.features import cases_of, source_data
from rarecase.pipeline.steps.masks import Look, predict_volumes


def external_parts(settings: Settings) -> list[int]:
    """The parts of the experiment, by number, that are judged on another cohort: those on
    vectors."""
    names = [said.classifier for said in settings.experiment]
    return [i for i, name in enumerate(names) if name in AMONG or takes_of(name) == "vectors"]


def external_step(context: Context, *, home: Context, slices: Step, splits: str) -> Step:
    """The step of a fold; `home`: the study and fold that learnt."""
    known = [state_of(home.fold_folder / SEGMENTER / RECORD)]
    known += map(state_of, sorted((home.fold_folder / FEATURES).glob(f"*/{RECORD}")))
    facts = [known, home.settings.tuning, splits, home.settings.experiment]
    work, name = partial(external_work, home=home, splits=splits), context.test_fold.folder(CELLS)
    return Step(name, "external", work, context, version=4, facts=facts, inputs=(slices,))


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
    ours = source_data(home, fold, masks=tuning.under)
    ours.segmenter.refuse_seen(everybody)
    look = Look(ours.segmenter, there.rows_of(everybody), context.settings.segmenter.flips)
    predicted = predict_volumes(context, there, [look], folder=folder)
    rows = read_parquet(folder / "rows.parquet")
    theirs = replace(ours, cache=cache, rows=rows, predicted=predicted, cases=cases_of(context))
    at, sets = home.test_fold, dict[str, FeatureSet]()
    found: list[FoldResult] = []
    checks = None
    for number in external_parts(home.settings):
        part = load_part(home, number)
        tried = part.among or (part,)
        for each in tried:
            if each.features not in sets:
                both = [
                    _both(home, ours, theirs, source=name, patients=fold.training, work=folder)
                    for name in names_in(each.features)
                ]
                joined = joined_vectors(
                    both, rare=fold.rare, name=each.features, unit=tuning.unit, masks=tuning.under
                )
                # Of no site that trained: sites are harmonised, the other cohort stays as it is.
                elsewhere = dict.fromkeys(everybody, str(context.run.name))
                sets[each.features] = with_sites(joined, {**fold.sites, **elsewhere})
        features = sets[tried[0].features]
        place = Place(fold_of(features, everybody, at.fold), at.repeat, at.fold, splits)
        if part.among:
            candidates = [Candidate(sets[e.features], _elsewhere(e.design)) for e in tried]
            found.append(fit_among(part.features, candidates, place))
        else:
            found.append(fit_fold(features, _elsewhere(part.design), place))
        if tuning.checks and checks is None and len(part.design.arms) > 1:
            checks = fold_checks(features, _elsewhere(part.design), place)
    predictions, cells = (
        pd.concat([getattr(each, name) for each in found], ignore_index=True)
        for name in ("predictions", "cells")
    )
    write_result(folder, FoldResult(predictions, pd.DataFrame(), cells, checks))


def _elsewhere(design: Design) -> Design:
    """The design for patients of sites that nobody trained at."""
    return design if design.combat == "none" else replace(design, combat="unchanged")


def _both(
    home: Context,
    ours: SourceData,
    theirs: SourceData,
    *,
    source: str,
    patients: Collection[str],
    work: Path,
) -> Vectors:
    """Vectors of the `patients` who trained at home, then of everybody elsewhere, by the source as
    it was fitted at home. Stores that are there already are taken."""
    fitted = load_source(home.fold_folder / FEATURES / source, networks=home.settings.networks)
    found = []
    for data, out in ((ours, source_store(home.fold_folder, source)), (theirs, None)):
        side = "theirs" if out is None else "ours"
        if out is None or not out.exists():
            out = work / CHECKPOINTS / f"{source}-{side}.zarr"
        found.append(FeatureStore.open(out) if out.exists() else fitted.transform(data, out=out))
    taken = Vectors.of(found[0], patients=patients)
    if fitted.learns and not taken.nested:  # of a run that was made before inner folds had theirs
        taken = taken._replace(nested=None)
    return taken.then(Vectors.of(found[1]))
