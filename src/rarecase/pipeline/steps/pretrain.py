"""Pre-training of the U-Net on another cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rarecase.cohort import Cohort, SliceCache, read_cohort, validation_patients
from rarecase.pipeline.fold import Fold
from rarecase.pipeline.run_folder import CHECKPOINTS
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.simulated import PRETRAIN, SIMULATED, simulate
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cohort import cohort_facts, file_stamps, keep_slices
from rarecase.pipeline.steps.segment import train
from rarecase.pipeline.steps.starting import new_segmenter
from rarecase.seeds import derive
from rarecase.segmenter import read_card
from rarecase.segmenter.initial import ARGUMENTS, initial


def pretrain_step(context: Context) -> Step:
    """The step that pre-trains the U-Net on another cohort."""
    settings = context.settings
    shape = [getattr(settings.segmenter, n) for n in ("network", *ARGUMENTS)]
    cohort: Any = settings.simulation.slices  # what it is simulated from, or who is in it
    sources = None
    if settings.pretrain.cohort != SIMULATED:
        found = load_pretraining(settings)
        cohort, sources = cohort_facts(found), file_stamps(found)
    facts = [settings.pretrain, cohort, settings.slices, shape, settings.compute.precision]
    facts += [settings.split.validation, settings.seed]
    return Step(PRETRAIN, "segment", pretrain_work, context, facts=facts, sources=sources)


def pretrain_work(context: Context, folder: Path) -> None:
    """Train a U-Net on the whole of another cohort, a part of it kept for choosing the epoch."""
    settings, chosen = context.settings, context.settings.pretrain
    place = folder / CHECKPOINTS / "slices"
    if not (place / "meta.json").exists():
        if chosen.cohort == SIMULATED:
            data = simulate(settings, context.run, name=PRETRAIN)
            cohort = read_cohort(data, channels=chosen.channels)
        else:
            cohort = load_pretraining(settings)
        keep_slices(cohort, place, chosen=settings.slices)
    cache = SliceCache.open(place)
    patients = cache.rows.drop_duplicates("patient").set_index("patient")["label"].to_dict()
    held = validation_patients(
        patients,
        fraction=settings.split.validation,
        seed=derive(settings.seed, PRETRAIN, "validation"),
    )
    fitting = tuple(sorted(set(patients) - set(held)))
    everybody = Fold(cache, (), "", fitting=fitting, validation=tuple(sorted(held)), test=())
    seed = derive(settings.seed, PRETRAIN)
    segmenter = new_segmenter(settings, channels=tuple(cache.channels), seed=seed)
    name = "pre-training the U-Net"
    train(context, everybody, segmenter, chosen, seed=seed, folder=folder, name=name)
    segmenter.save(folder)


def load_pretraining(settings: Settings) -> Cohort:
    """The cohort to pre-train on, from the user's folder. Masks are all that is learnt from it."""
    folder = Path(str(settings.pretrain.cohort))
    return read_cohort(folder, channels=settings.pretrain.channels, labels=False)


def seen_before(settings: Settings) -> set[str]:
    """Patients that the U-Net will have seen before the first fold."""
    start = initial(settings.segmenter.init)
    if start is not None:
        card = read_card(start)
        return {*card["trained_on"], *card["validated_on"]}
    if settings.pretrain.cohort and settings.pretrain.cohort != SIMULATED:
        return set(load_pretraining(settings).patients)
    return set()
