"""Synthetic samples of an arm: its generator, fitted to a fold's training patients."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.experiment.arm import Arm, Counts, described
from rarecase.experiment.fold import REFUSED
from rarecase.experiment.sampling import Given, Synthetic, new_generator
from rarecase.features.gallery import write_gallery
from rarecase.features.sources.contract import tumour_slices
from rarecase.features.sources.unet import features_of_samples
from rarecase.features.store import FeatureStore
from rarecase.files import read_json, replacing_file, write_json
from rarecase.generators.base import Generator
from rarecase.generators.filters import filter_table
from rarecase.generators.registry import load_generator
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.designs import Part
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import CHECKPOINTS, SAMPLES, SEGMENTER, SYNTHETIC, source_store
from rarecase.pipeline.step import Context, Step
from rarecase.progress import task
from rarecase.seeds import derive
from rarecase.segmenter import Slices, channel_map, load_segmenter

log = logging.getLogger(__name__)
VERSION = 1
FAILED = "failed.json"
PIECE = 64  # images generated at a time


def rows_in(store: FeatureStore, patients: tuple[str, ...]) -> np.ndarray:
    """Rows of a store that are these patients'."""
    return np.flatnonzero(store.rows["patient"].isin(patients).to_numpy())


def synthetic_step(context: Context, *, number: int, arm: Arm, seed: int, features: Step) -> Step:
    """The step that generates the samples of an arm of part `number` from one seed."""
    settings = context.settings
    said, samples = settings.experiment[number], settings.generator.samples
    return Step(
        name=context.cell.folder(synthetic_name(said.features, arm.name, seed)),
        stage="generate",
        version=VERSION,
        facts=[described(arm.sampler), seed, samples or said.amounts, settings.seed],
        inputs=(features,),
        work=partial(synthetic_work, number=number, arm_name=arm.name, seed=seed),
        context=context,
        bulky=(SAMPLES,),
        remake=partial(samples_work, number=number, arm_name=arm.name, seed=seed),
        reads=(features.name,),
    )


def synthetic_work(
    context: Context, folder: Path, *, number: int, arm_name: str, seed: int
) -> None:
    """Fit the arm's generator to the fold's training patients and generate samples of every class.

    As many of each class, as in the paper; which of them are used is asked of the filter later.
    """
    part = load_part(context, number)
    arm, fold = part.arm(arm_name), load_fold(context)
    store = FeatureStore.open(source_store(context.fold_folder, part.features))
    rows = rows_in(store, fold.training)
    images = arm.sampler.on == "images"
    learnt = tumour_slices(store.rows, rows) if images else rows
    about = store.rows.iloc[learnt]
    cell = context.cell
    state = derive(context.settings.seed, arm.sampler.kind, cell.repeat, cell.fold, seed) % 2**31
    generator: Generator = new_generator(arm.sampler, seed=state, standardised=False)
    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    exact = len(store.shape) == 1 and not images
    try:
        generator.fit(
            fold.cache.images if images else store,
            about["label"].astype(str).to_numpy(),
            rows=learnt,
            groups=about["patient"].astype(str).to_numpy(),
            checkpoint=folder / CHECKPOINTS / "generator.safetensors",
            fabric=make_fabric(context.settings.compute, exact=exact),
        )
    except REFUSED as error:  # the arm has then failed in this fold; the study goes on
        log.warning("%s, arm %s: %s", context.where(), arm_name, error)
        write_json(folder / FAILED, {"reason": str(error)})
        (folder / SAMPLES).mkdir()
        return
    generator.save(folder)
    samples = _sample(generator, context, fold, part=part, arm=arm, folder=folder)
    with replacing_file(folder / "filter.csv") as beside:
        agrees = np.asarray(samples.rows["agrees"], dtype=bool)
        filter_table(samples.rows["label"].to_numpy(), agrees).to_csv(beside, index=False)
    training = np.zeros(len(store), dtype=bool)
    training[rows] = True
    write_gallery(
        folder, real=store, training=training, made=samples, classes=fold.classes,
        seed=context.settings.seed,
    )  # fmt: skip


def samples_work(context: Context, folder: Path, *, number: int, arm_name: str, seed: int) -> None:
    """The fold's synthetic samples again, from the generator that was kept."""
    part = load_part(context, number)
    arm = part.arm(arm_name)
    place = context.fold_folder / synthetic_name(part.features, arm_name, seed)
    if (place / FAILED).is_file():
        (folder / SAMPLES).mkdir()
        return
    device = str(make_fabric(context.settings.compute).device)
    generator = load_generator(place, device=device)
    _sample(generator, context, load_fold(context), part=part, arm=arm, folder=folder)


def synthetic_name(features: str, arm: str, seed: int) -> str:
    """Where an arm's samples lie, below the fold."""
    return f"{SYNTHETIC}/{features}-{arm}-seed{seed}"


def _sample(
    generator: Generator, context: Context, fold: Fold, *, part: Part, arm: Arm, folder: Path
) -> FeatureStore:
    assert isinstance(arm.amount, Counts)
    total = context.settings.generator.samples or 2 * max(arm.amount.totals)
    counts = dict.fromkeys(fold.classes, max(1, -(-total // len(fold.classes))))
    if arm.sampler.on != "images":
        return generator.sample_to_store(folder / SAMPLES, counts, block=part.features)
    return _sample_images(generator, context, fold, counts, block=part.features, folder=folder)


def _sample_images(
    generator: Generator,
    context: Context,
    fold: Fold,
    counts: Mapping[str, int],
    *,
    block: str,
    folder: Path,
) -> FeatureStore:
    """The baseline of images: `counts` of each class, and the features of `block` that the fold's
    U-Net, as it is, takes of them. Rows: label, agrees (whether the generator's discriminator calls
    the image the class that was requested)."""
    segmenter = load_segmenter(context.fold_folder / SEGMENTER)
    order = channel_map(fold.cache.channels, segmenter.channels)
    fabric = make_fabric(context.settings.compute)
    labels = [label for label, count in counts.items() for _ in range(count)]
    agrees: list[np.ndarray] = []
    store = None
    with task("features of synthetic images", total=len(labels)) as bar:
        for label, count in counts.items():
            for start in range(0, count, PIECE):
                images, wanted = generator.sample({label: min(PIECE, count - start)}, start=start)
                none = np.zeros((len(images), *images.shape[-2:]), np.uint8)
                maps = features_of_samples(
                    segmenter, Slices(images, none, order), np.arange(len(images)), block=block,
                    fabric=fabric,
                )  # fmt: skip
                if store is None:
                    rows = pd.DataFrame({"label": labels, "agrees": False})
                    store = FeatureStore.create(
                        folder / SAMPLES, block=block, shape=maps.shape[1:], rows=rows
                    )
                store.append(maps)
                agrees.append(generator.agreement(images, wanted))
                bar.advance(len(images))
    assert store is not None  # there is always a class, and a sample of it
    store.set_rows(store.rows.assign(agrees=np.concatenate(agrees)))
    store.close()
    return FeatureStore.open(folder / SAMPLES)


def given_samples(
    context: Context, part: Part, arms: Sequence[Arm], classes: Sequence[str]
) -> dict[tuple[str, int], Given]:
    """The samples that steps generated for these arms, or why they could not, by arm and seed."""
    return {
        (arm.name, seed or 0): samples_of_step(context, part, arm, seed or 0, classes)
        for arm in part.generated()
        if arm in arms
        for seed in part.design.seeds_of(arm)
    }


def samples_of_step(
    context: Context, part: Part, arm: Arm, seed: int, classes: Sequence[str]
) -> Given:
    """An arm's samples of one seed, and which of them its filter keeps; or why there are none."""
    place = context.fold_folder / synthetic_name(part.features, arm.name, seed)
    if (place / FAILED).is_file():
        return str(read_json(place / FAILED)["reason"])
    store = FeatureStore.open(place / SAMPLES)
    code = {name: number for number, name in enumerate(classes)}
    agrees = store.rows["agrees"].to_numpy(dtype=bool)
    return Synthetic(
        store,
        kept=agrees if arm.sampler.filter == "agreement" else np.ones_like(agrees),
        y=store.rows["label"].astype(str).map(code).to_numpy(np.int64),
    )
