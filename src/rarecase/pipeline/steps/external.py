"""A fold's U-Net and arms on another cohort: learnt here, judged there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.cohort import SliceCache, check_disjoint
from rarecase.features import FeatureStore, extract_features
from rarecase.features.sources.contract import outlined
from rarecase.features.sources.unet import TUMOUR
from rarecase.pipeline.comparing import compare_vectors
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.grid import SEGMENTER
from rarecase.pipeline.step import CHECKPOINTS, Context
from rarecase.pipeline.steps.arms import write_compared
from rarecase.pipeline.steps.cohort import SLICES
from rarecase.pipeline.steps.features import extract_block
from rarecase.pipeline.steps.segment import predict_volumes
from rarecase.segmenter import load_segmenter
from rarecase.segmenter.feeding import feed, sample_rows


def external_work(context: Context, folder: Path, *, home: Context) -> None:
    """Predictions of every arm on the other cohort (`context`), learnt from the training patients
    of the same fold of the study `home`; also its outlines (volumes.csv).

    The fold's own test patients have no part in it.
    """
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # half written by a killed attempt
    fold = load_fold(home)
    cache = SliceCache.open(context.run / SLICES)
    everybody = tuple(sorted(cache.rows["patient"].unique()))
    check_disjoint(fold.training, everybody)
    there = Fold(cache, fold.classes, fold.rare, fitting=(), validation=(), test=everybody)
    theirs = _their_vectors(context, there, folder, source=home.fold_folder / SEGMENTER)
    outline = home.settings.compare.outline
    work = folder / CHECKPOINTS
    ours = extract_block(home, fold, block=TUMOUR, out=work / "ours.zarr", masks=outline)
    mine = ours.rows["patient"].isin(fold.training).to_numpy()
    rows = pd.concat([ours.rows[mine], theirs.rows], ignore_index=True)
    found = compare_vectors(
        np.concatenate([ours.read(np.flatnonzero(mine)), theirs.read_all()]),
        outlined(rows, outline), settings=home.settings, rare=fold.rare, tested=everybody,
        cell=home.cell, leak=False,
    )  # fmt: skip
    write_compared(folder, found)


def _their_vectors(context: Context, there: Fold, folder: Path, *, source: Path) -> FeatureStore:
    """`tumour` vectors of the other cohort's slices, outlined by the fold's U-Net as it is."""
    segmenter = load_segmenter(source)
    segmenter.refuse_seen(there.test)
    cache, fabric = there.cache, make_fabric(context.settings.compute)
    slices = feed(segmenter, cache, planes=context.settings.slices.planes)
    flips = context.settings.segmenter.flips
    predict_volumes(there, segmenter, slices, folder=folder, fabric=fabric, flips=flips)
    return extract_features(
        segmenter,
        slices,
        rows=sample_rows(
            pd.read_parquet(folder / "rows.parquet"),
            dimensions=context.settings.segmenter.dimensions,
        ),
        block=TUMOUR,
        out=folder / CHECKPOINTS / "theirs.zarr",
        fabric=fabric,
        masks=context.settings.compare.outline,
    )
