"""Pre-training of the U-Net on another cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rarecase.cohort import Cohort, SliceCache, cache_slices, read_cohort, validation_patients
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.run_folder import CHECKPOINTS
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.simulated import PRETRAIN, SIMULATED, simulate_pretraining
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cohort import cohort_facts
from rarecase.pipeline.steps.segment import (
    fit_normaliser,
    make_augmentation,
    make_schedule,
    new_segmenter,
    write_history,
)
from rarecase.seeds import derive
from rarecase.segmenter import read_card, train_segmenter
from rarecase.segmenter.feeding import feed
from rarecase.segmenter.networks import ARGUMENTS


def pretrain_step(context: Context) -> Step:
    """The step that pre-trains the U-Net on another cohort."""
    settings = context.settings
    shape = [getattr(settings.segmenter, n) for n in ("network", *ARGUMENTS)]
    return Step(
        name=PRETRAIN,
        stage="segment",
        version=1,
        facts=[
            settings.pretrain.model_dump(mode="json"), _pretraining_facts(settings),
            settings.slices.model_dump(mode="json"), shape, settings.compute.precision,
            settings.split.validation, settings.seed,
        ],
        inputs=(),
        work=pretrain_work,
        context=context,
    )  # fmt: skip


def pretrain_work(context: Context, folder: Path) -> None:
    """Train a U-Net on the whole of another cohort, a part of it kept for choosing the epoch."""
    settings, training = context.settings, context.settings.pretrain
    work = folder / CHECKPOINTS
    if not (work / "slices" / "meta.json").exists():
        if training.cohort == SIMULATED:
            data = simulate_pretraining(settings, context.run)
            cohort = read_cohort(data, channels=training.channels)
        else:
            cohort = load_pretraining(settings)
        cache_slices(
            cohort,
            work / "slices",
            size=settings.slices.size,
            normalise=settings.slices.alone,
            skip_empty=settings.slices.skip_empty,
            pixel=settings.slices.pixel,
        )
    cache = SliceCache.open(work / "slices")
    patients = cache.rows.drop_duplicates("patient").set_index("patient")["label"].to_dict()
    chosen = validation_patients(
        patients,
        fraction=settings.split.validation,
        seed=derive(settings.seed, PRETRAIN, "validation"),
    )
    fitting = tuple(sorted(set(patients) - set(chosen)))
    masked = cache.rows["has_mask"].to_numpy()
    held = cache.rows["patient"].isin(chosen).to_numpy()
    seed = derive(settings.seed, PRETRAIN)
    segmenter = new_segmenter(settings, channels=tuple(cache.channels), seed=seed)
    slices = feed(segmenter, cache, planes=settings.slices.planes)
    segmenter.normaliser = fit_normaliser(settings, slices, np.flatnonzero(~held))
    segmenter.trained_on, segmenter.validated_on = fitting, tuple(sorted(chosen))
    history = train_segmenter(
        segmenter,
        slices,
        train_rows=slices.samples_of(np.flatnonzero(masked & ~held)),
        validation_rows=slices.samples_of(np.flatnonzero(masked & held)),
        schedule=make_schedule(training),
        loss=training.loss,
        coarse=training.coarse,
        augmentation=make_augmentation(training),
        fabric=make_fabric(settings.compute),
        seed=seed,
        checkpoint=work / "training.safetensors",
        name="pre-training the U-Net",
    )
    write_history(folder, history)
    segmenter.save(folder)


def load_pretraining(settings: Settings) -> Cohort:
    """The cohort to pre-train on, from the user's folder. Masks are all that is learnt from it."""
    folder = Path(str(settings.pretrain.cohort))
    return read_cohort(folder, channels=settings.pretrain.channels, labels=False)


def seen_before(settings: Settings) -> set[str]:
    """Patients that the U-Net will have seen before the first fold."""
    if settings.segmenter.init:
        card = read_card(Path(settings.segmenter.init))
        return {*card["trained_on"], *card["validated_on"]}
    if settings.pretrain.cohort and settings.pretrain.cohort != SIMULATED:
        return set(load_pretraining(settings).patients)
    return set()


def _pretraining_facts(settings: Settings) -> Any:
    """The cohort to pre-train on: its files, or what it is simulated from."""
    if settings.pretrain.cohort == SIMULATED:
        return settings.simulation.slices
    return cohort_facts(load_pretraining(settings), simulated=False)
