"""A fold's U-Net, sources and arms on another cohort: learnt here, judged there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase.cohort import SliceCache, check_disjoint
from rarecase.experiment.classifiers.contract import as_matrix
from rarecase.experiment.classifiers.registry import make_classifier
from rarecase.experiment.fold import FoldResult, fit_fold
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks
from rarecase.experiment.tasks import write_result
from rarecase.features import FeatureStore, SourceData
from rarecase.features.samples import Samples
from rarecase.features.sources.contract import outlined
from rarecase.features.sources.registry import load_source
from rarecase.files import read_parquet
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.designs import Part
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import CELLS, CHECKPOINTS, FEATURES, SEGMENTER, SLICES
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cells import fold_of, vectors_of
from rarecase.pipeline.steps.segment import predict_volumes
from rarecase.segmenter import PackedMasks, load_segmenter
from rarecase.segmenter.feeding import feed

VERSION = 2


def external_parts(settings: Settings) -> list[int]:
    """The parts of the experiment, by number, that are judged on another cohort: those on
    vectors."""
    kinds = [make_classifier(said.classifier) for said in settings.experiment]
    return [number for number, kind in enumerate(kinds) if kind.takes == "vectors"]


def external_step(
    context: Context, *, home: Context, known: str, slices: Step, splits: str
) -> Step:
    """The step of a fold; `home`: the study and fold that learnt, `known`: the key of its U-Net."""
    settings = home.settings
    return Step(
        name=context.cell.folder(CELLS),
        stage="external",
        version=VERSION,
        facts=[
            known, settings.tuning.model_dump(mode="json"), splits,
            [said.model_dump(mode="json") for said in settings.experiment],
        ],
        inputs=(slices,),
        work=partial(external_work, home=home, splits=splits),
        context=context,
    )  # fmt: skip


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
    theirs = _their_data(context, there, folder, source=home.fold_folder / SEGMENTER)
    ours = _our_data(home, fold)
    found: list[FoldResult] = []
    checks = None
    for number in external_parts(home.settings):
        part = load_part(home, number)
        stores = [
            _taken(home, part, data, folder / CHECKPOINTS / f"{part.name}-{side}.zarr")
            for side, data in (("ours", ours), ("theirs", theirs))
        ]
        mine = np.flatnonzero(stores[0].rows["patient"].isin(fold.training).to_numpy())
        ours_X, theirs_X = (as_matrix(Samples(s)) for s in stores)
        X = np.concatenate([ours_X[mine], theirs_X])
        rows = pd.concat([stores[0].rows.iloc[mine], stores[1].rows], ignore_index=True)
        features = vectors_of(
            X, outlined(rows, tuning.masks), rare=fold.rare, name=part.features, unit=tuning.unit
        )
        cell = home.cell
        place = Place(fold_of(features, everybody, cell.fold), cell.repeat, cell.fold, splits)
        found.append(fit_fold(features, part.design, place))
        if tuning.checks and checks is None and len(part.design.arms) > 1:
            checks = fold_checks(features, part.design, place)
    write_result(folder, _joined(found, checks))


def _joined(found: Sequence[FoldResult], checks: dict[str, Any] | None) -> FoldResult:
    def together(tables: list[pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(tables, ignore_index=True)

    return FoldResult(
        together([each.predictions for each in found]), pd.DataFrame(),
        together([each.cells for each in found]), checks,
    )  # fmt: skip


def _taken(home: Context, part: Part, data: SourceData, out: Path) -> FeatureStore:
    """Features of `data` from the source that the study's fold has fitted."""
    return load_source(home.fold_folder / FEATURES / part.features).transform(data, out=out)


def _our_data(home: Context, fold: Fold) -> SourceData:
    place = home.fold_folder / SEGMENTER
    return SourceData(
        cache=fold.cache,
        rows=read_parquet(place / "rows.parquet"),
        segmenter=load_segmenter(place),
        predicted=PackedMasks(place / "predicted.npy", width=fold.cache.masks.shape[-1]),
        planes=home.settings.slices.planes,
        fabric=make_fabric(home.settings.compute),
        masks=home.settings.tuning.masks,
    )


def _their_data(context: Context, there: Fold, folder: Path, *, source: Path) -> SourceData:
    """The other cohort, masked by the fold's U-Net as it is."""
    segmenter = load_segmenter(source)
    segmenter.refuse_seen(there.test)
    cache, fabric = there.cache, make_fabric(context.settings.compute)
    slices = feed(segmenter, cache, planes=context.settings.slices.planes)
    flips = context.settings.segmenter.flips
    predict_volumes(there, segmenter, slices, folder=folder, fabric=fabric, flips=flips)
    return SourceData(
        cache=cache,
        rows=read_parquet(folder / "rows.parquet"),
        segmenter=segmenter,
        predicted=PackedMasks(folder / "predicted.npy", width=cache.masks.shape[-1]),
        planes=context.settings.slices.planes,
        fabric=fabric,
        masks=context.settings.tuning.masks,
    )
