"""The U-Net: pre-trained on another cohort if requested, then trained in every fold."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.checksums import check_file
from rarecase.cohort.splits import stratified_folds
from rarecase.errors import SettingError
from rarecase.files import write_table
from rarecase.imaging import fit_mean_std
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.run_folder import CHECKPOINTS, SEGMENTER
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.settings_training import SegmenterSettings, TrainingSettings
from rarecase.pipeline.step import Context, Step, digest
from rarecase.pipeline.steps.masks import Look, predict_volumes
from rarecase.pipeline.steps.starting import start_segmenter
from rarecase.seeds import derive
from rarecase.segmenter import (
    Augmentation,
    Normaliser,
    Segmenter,
    SegmenterSchedule,
    Slices,
    model_files,
    train_segmenter,
)
from rarecase.segmenter.feeding import feed
from rarecase.segmenter.initial import initial
from rarecase.segmenter.threshold import HALF, dice_threshold

log = logging.getLogger(__name__)
Patients = tuple[str, ...]


def fit_normaliser(settings: Settings, slices: Slices, rows: np.ndarray) -> Normaliser:
    """The paper's mean and deviation, over `rows`; the identity if cases stand for themselves."""
    if settings.slices.normalise != "cohort":
        return Normaliser()
    mean, deviation = fit_mean_std(slices.images, rows)
    each = [
        (0.0, 1.0) if at is None else (float(mean[at]), float(deviation[at]))
        for at in slices.channels
    ]
    return Normaliser(mean=tuple(m for m, _ in each), deviation=tuple(d for _, d in each))


def train(
    context: Context,
    fold: Fold,
    segmenter: Segmenter,
    chosen: TrainingSettings,
    *,
    seed: int,
    folder: Path,
    name: str,
) -> None:
    """Train a U-Net in place on the fitting patients of a fold, the validation part kept for
    choosing the epoch; writes history.csv."""
    settings = context.settings
    slices = feed(segmenter, fold.cache, planes=settings.slices.planes)
    segmenter.normaliser = fit_normaliser(settings, slices, fold.rows_of(fold.normalised_on))
    segmenter.trained_on = tuple(sorted({*segmenter.trained_on, *fold.fitting}))
    segmenter.validated_on = tuple(sorted({*segmenter.validated_on, *fold.validation}))
    history = train_segmenter(
        segmenter, slices,
        train_rows=slices.samples_of(fold.rows_of(fold.fitting, masked=True)),
        validation_rows=slices.samples_of(fold.rows_of(fold.validation, masked=True)),
        schedule=SegmenterSchedule(
            epochs=chosen.epochs, batch=chosen.batch, lr=chosen.learning_rate,
            betas=(chosen.beta1, 0.999), decay=chosen.decay,
            coarse=chosen.coarse, patience=chosen.patience,
            layer_decay=chosen.layer_decay if isinstance(chosen, SegmenterSettings) else 1.0,
        ),
        loss=chosen.loss,
        augmentation=Augmentation().scaled(chosen.augment_strength) if chosen.augment else None,
        fabric=make_fabric(settings.compute), seed=seed, name=name,
        checkpoint=folder / CHECKPOINTS / "training.safetensors",
    )  # fmt: skip
    segmenter.threshold = HALF
    if chosen.threshold == "dice":
        segmenter.threshold = dice_threshold(history, epoch=segmenter.best_epoch or 0)
    write_table(folder / "history.csv", history)


def training_of(settings: Settings, start: Segmenter) -> SegmenterSettings:
    """How a U-Net is trained: a trained one is tuned."""
    chosen = settings.segmenter
    return chosen if start.initialised_from else chosen.from_scratch()


def segmenter_work(context: Context, folder: Path) -> None:
    """Train the fold's U-Net on its training patients; predict the masks of every slice."""
    settings, fold = context.settings, load_fold(context)
    drawn = fold
    if settings.tuning.masks == "none":
        fold = replace(fold, cache=fold.cache.without_masks())
    seed = derive(settings.seed, "segmenter", context.test_fold.repeat, context.test_fold.fold)
    segmenter = start_segmenter(context, fold, seed=seed)
    if len(fold.rows_of(fold.fitting, masked=True)):
        name = f"U-Net, {context.where()}"
        chosen = training_of(settings, segmenter)
        train(context, fold, segmenter, chosen, seed=seed, folder=folder, name=name)
    else:
        log.warning(
            "%s: no masks to train on; the U-Net of segmenter.init=%s is used as it is",
            context.where(), settings.segmenter.init,
        )  # fmt: skip
        if bool(segmenter.normaliser.mean) != (settings.slices.normalise == "cohort"):
            other = "cohort" if segmenter.normaliser.mean else "tissue"
            raise SettingError(
                "The initial U-Net was trained on slices that were normalised otherwise, and "
                f"without masks it cannot be trained further: set slices.normalise={other}."
            )
    looks = [Look(segmenter, fold.rows_of(fold.test), settings.segmenter.flips)]
    looks += _looks_at_training(context, fold, segmenter, seed=seed, folder=folder)
    predict_volumes(context, drawn, looks, folder=folder)
    segmenter.save(folder)


def _looks_at_training(
    context: Context, fold: Fold, segmenter: Segmenter, *, seed: int, folder: Path
) -> list[Look]:
    """Who predicts the masks of a fold's training patients: networks that have not seen them, if
    so many are wanted and there are patients enough; else the fold's own."""
    chosen, held = context.settings.segmenter, tuple(set(fold.training) - set(fold.fitting))
    knows = bool(set(fold.fitting) & set(segmenter.trained_on))
    own = [
        Look(segmenter, fold.rows_of(fold.fitting), chosen.flips and not knows),
        Look(segmenter, fold.rows_of(held), chosen.flips),
    ]
    if not chosen.cross_fit or not knows or fold.peeks:
        return own
    parts = _cross_fits(fold, parts=chosen.cross_fit, seed=derive(seed, "cross-fit"))
    if not parts:
        log.warning(
            "%s: too few training patients with masks for segmenter.cross_fit=%d; their masks are "
            "those of the network that has learnt from them", context.where(), chosen.cross_fit,
        )  # fmt: skip
        return own
    looks = []
    for number, (rest, out) in enumerate(parts):
        # Whom a network given by the user has seen was checked for the fold's test patients.
        part = replace(fold, fitting=rest, validation=(), test=())
        mine = derive(seed, "cross-fit", number)
        other = start_segmenter(context, part, seed=mine)
        place = folder / CHECKPOINTS / f"cross-fit-{number}"
        place.mkdir(parents=True, exist_ok=True)
        name = f"U-Net {number + 1} of {chosen.cross_fit} for masks, {context.where()}"
        like = training_of(context.settings, other)
        train(context, part, other, like, seed=mine, folder=place, name=name)
        looks.append(Look(other, fold.rows_of(out), chosen.flips))
    return looks


def _cross_fits(fold: Fold, *, parts: int, seed: int) -> list[tuple[Patients, Patients]]:
    """(who is learnt from, whose masks are predicted), of training patients by class; empty where a
    class is too small for so many parts, or nobody in one of them has a mask."""
    patients = np.array(sorted(set(fold.training) & set(fold.cache.rows["patient"])))
    label = pd.factorize(fold.labels[patients], sort=True)[0]
    if np.bincount(label, minlength=1).min() < parts:
        return []
    group = stratified_folds(label, folds=parts, seed=seed)
    found = [
        (tuple(patients[group != n].tolist()), tuple(patients[group == n].tolist()))
        for n in range(parts)
    ]
    return found if all(len(fold.rows_of(rest, masked=True)) for rest, _ in found) else []


def segmenter_step(context: Context, *, cohort: Step | None, start: Step | None) -> Step:
    """The step that trains the U-Net of a fold; `start`: pre-training, if there is any."""
    settings = context.settings
    training = settings.segmenter.model_dump(mode="json", exclude={"init"})
    init = None
    given = initial(settings.segmenter.init)
    if given is not None:  # by content: moving it elsewhere changes nothing
        files = model_files(given)
        check_file(files[0])
        init = digest([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    facts = [training, settings.compute.precision, init]
    facts += ["no masks"] * (settings.tuning.masks == "none")
    name, inputs = (
        context.test_fold.folder(SEGMENTER),
        tuple(s for s in (cohort, start) if s is not None),
    )
    return Step(name, "segment", segmenter_work, context, version=4, facts=facts, inputs=inputs)
