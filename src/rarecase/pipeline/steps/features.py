"""Features of every slice of a fold, from a source that is fitted to its training patients."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rarecase.cohort.case import Case, Cohort
from rarecase.errors import DataError
from rarecase.experiment.training_set import inner_seed, inner_split
from rarecase.features import FeatureStore, SourceData
from rarecase.features.augmented import augmented
from rarecase.features.copies import copy_store
from rarecase.features.feature_set import Masks
from rarecase.features.nested import inner_store, record_inner
from rarecase.files import read_parquet
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.designs import copies_of, experiment_seed
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.run_folder import FEATURES, SEGMENTER
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cohort import load_cohort
from rarecase.seeds import derive
from rarecase.segmenter import PackedMasks, load_segmenter

log = logging.getLogger(__name__)


def features_step(context: Context, *, source: str, segmenter: Step, cohort: Cohort) -> Step:
    """The step that takes a source's features in a fold."""
    work = partial(features_work, source=source)
    known = source_in(context.settings, source)
    facts: list[Any] = [source, known.version]
    if known.kind == "vectors":
        facts.append(context.settings.tuning.under)
    facts += known.facts(cohort)
    facts += [context.settings.tuning.inner] if known.learns else []
    copies = copies_of(context.settings, source)
    facts += [f"{copies} augmented copies, 2", context.settings.segmenter.augment_strength] * bool(
        copies
    )
    return Step(
        context.test_fold.folder(f"{FEATURES}/{source}"), "extract", work, context, facts=facts,
        inputs=(segmenter,), remake=work,
        bulky=(
            f"{source}.zarr", *(copy_store(Path(), n).name for n in range(1, copies + 1))
        ) if known.kind == "maps" else (),
    )  # fmt: skip


def features_work(context: Context, folder: Path, *, source: str) -> None:
    """Features of every slice, training and test, and the source that was fitted for them."""
    out = folder / f"{source}.zarr"
    masks = context.settings.tuning.under
    extract(
        context, load_fold(context), source=source, out=out, masks=masks, keep=folder,
        copies=copies_of(context.settings, source),
    )  # fmt: skip


def source_data(context: Context, fold: Fold, *, masks: Masks, exact: bool = False) -> SourceData:
    """A fold's slices, its U-Net and the masks that it predicted, for a source to look at."""
    place = context.fold_folder / SEGMENTER
    return SourceData(
        cache=fold.cache,
        rows=read_parquet(place / "rows.parquet"),
        segmenter=load_segmenter(place),
        predicted=PackedMasks(place / "predicted.npy", width=fold.cache.masks.shape[-1]),
        planes=context.settings.slices.planes,
        fabric=make_fabric(context.settings.compute, exact=exact),
        masks=masks,
        cases=cases_of(context),
        categorical=tuple(context.settings.cohort.categorical),
    )


def cases_of(context: Context) -> dict[str, Case]:
    """The study's cases by id, for sources that read their files or the table themselves."""
    return {case.case: case for case in load_cohort(context.settings, context.run).cases}


def extract(
    context: Context,
    fold: Fold,
    *,
    source: str,
    out: Path,
    masks: Masks = "predicted",
    exact: bool = False,
    keep: Path | None = None,
    copies: int = 0,
) -> FeatureStore:
    """Fit a source to the fold's training patients; features of everybody, in a store at `out`.

    `exact`: in float32 whatever the settings say. `keep`: the folder to save the source in.
    `copies`: of so many augmented copies too, in stores beside it.
    """
    at, found = context.test_fold, source_in(context.settings, source)
    data = source_data(context, fold, masks=masks, exact=exact or found.exact)
    found.fit(data, seed=derive(context.settings.seed, found.name, at.repeat, at.fold))
    if keep is not None:
        found.save(keep)
    store = found.transform(data, out=out)
    if found.learns:
        _for_inner_folds(context, fold, data, source=source, folder=out.parent)
    # What has learnt classes would have to be copied for each inner fold.
    for number in range(1, 1 if found.learns else copies + 1):
        with TemporaryDirectory(dir=out.parent) as work:
            copy = augmented(
                data, copy=number, seed=derive(context.settings.seed, "copies"),
                strength=context.settings.segmenter.augment_strength, work=Path(work),
            )  # fmt: skip
            found.transform(copy, out=copy_store(out.parent, number))
    return store


def _for_inner_folds(
    context: Context, fold: Fold, data: SourceData, *, source: str, folder: Path
) -> None:
    """The source fitted again for each inner fold, without its patients; features of everybody,
    in stores beside the one of the whole fold. None where one cannot be fitted."""
    at, settings = context.test_fold, context.settings
    who = np.array(sorted(set(fold.training) & set(data.rows["patient"])))  # those with slices
    classes = sorted(fold.classes)
    label = np.array([classes.index(fold.labels[name]) for name in who])
    seed = inner_seed(experiment_seed(settings), at.repeat, at.fold)
    split = inner_split(label, classes=len(classes), folds=settings.tuning.inner, seed=seed)
    held: list[list[str]] = []
    for number in range(0 if split is None else int(split.max()) + 1):
        out = who[split == number].tolist()
        part = data.rows["part"].where(~data.rows["patient"].isin(out), "test")
        inner = replace(data, rows=data.rows.assign(part=part))
        again = source_in(settings, source)
        try:
            again.fit(inner, seed=derive(settings.seed, again.name, at.repeat, at.fold, number))
        except DataError as error:
            log.warning("features %s cannot be judged on inner folds: %s", source, error)
            for done in range(number):
                shutil.rmtree(inner_store(folder, done))
            held = []
            break
        again.transform(inner, out=inner_store(folder, number))
        held.append(out)
    record_inner(folder, held)
