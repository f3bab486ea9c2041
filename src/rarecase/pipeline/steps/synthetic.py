"""Synthetic samples of an arm: its generator, fitted to a fold's training patients."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.experiment.arm import Arm, Counts, described
from rarecase.experiment.fold import REFUSED
from rarecase.experiment.sampling import Given, Synthetic, new_generator
from rarecase.features.gallery import write_gallery
from rarecase.features.samples import Samples
from rarecase.features.sources.contract import tumour_slices
from rarecase.features.sources.unet import features_of_samples
from rarecase.features.store import FeatureStore
from rarecase.files import read_csv, read_json, write_json, write_table
from rarecase.generators.base import Generator
from rarecase.generators.filters import filter_table, kept_of
from rarecase.generators.registry import load_generator
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.designs import Part
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import CHECKPOINTS, SAMPLES, SEGMENTER, SYNTHETIC, source_store
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step
from rarecase.progress import task
from rarecase.seeds import derive
from rarecase.segmenter import Slices, load_segmenter

log = logging.getLogger(__name__)
FAILED, KEPT = "failed.json", "kept.csv"  # why there are no samples; which the filter keeps
PIECE = 64  # images generated at a time


def rows_in(store: FeatureStore, patients: tuple[str, ...]) -> np.ndarray:
    """Rows of a store that are these patients'."""
    return np.flatnonzero(store.rows["patient"].isin(patients).to_numpy())


@dataclass(frozen=True)
class Which:
    """Whose samples: the number of the part of the experiment, the name of its arm, the seed."""

    number: int
    arm: str
    seed: int

    def folder(self, kind: str, settings: Settings) -> str:
        """Where they (or, of another `kind`, what is said of them) lie, below the fold."""
        return f"{kind}/{settings.experiment[self.number].features}-{self.arm}-seed{self.seed}"


def synthetic_step(context: Context, which: Which, *, arm: Arm, features: Step) -> Step:
    """The step that generates an arm's samples from one seed."""
    settings = context.settings
    amounts = settings.generator.samples or settings.experiment[which.number].amounts
    return Step(
        context.test_fold.folder(which.folder(SYNTHETIC, settings)), "generate",
        partial(synthetic_work, which=which), context, version=2,
        facts=[described(arm.sampler), which.seed, amounts, settings.seed],
        inputs=(features,), reads=(features.name,),
        bulky=(SAMPLES,), remake=partial(samples_work, which=which),
    )  # fmt: skip


def synthetic_work(context: Context, folder: Path, *, which: Which) -> None:
    """Fit the arm's generator to the fold's training patients and generate samples of every class.

    As many of each class, as in the paper; which of them are used is asked of the filter later.
    """
    part, fold = load_part(context, which.number), load_fold(context)
    arm = part.arm(which.arm)
    store = FeatureStore.open(source_store(context.fold_folder, part.features))
    rows = rows_in(store, fold.training)
    images = arm.sampler.on == "images"
    learnt = tumour_slices(store.rows, rows) if images else rows
    about = store.rows.iloc[learnt]
    at = context.test_fold
    seed = derive(context.settings.seed, arm.sampler.kind, at.repeat, at.fold, which.seed)
    generator: Generator = new_generator(arm.sampler, seed=seed % 2**31, standardised=False)
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
        log.warning("%s, arm %s: %s", context.where(), arm.name, error)
        write_json(folder / FAILED, {"reason": str(error)})
        (folder / SAMPLES).mkdir()
        return
    generator.save(folder)
    samples = _sample(generator, context, fold, part=part, arm=arm, folder=folder)
    real = store.rows.iloc[rows]
    requested = samples.rows["label"].astype(str).to_numpy()
    kept = kept_of(
        arm.sampler.filter, Samples(store, rows=rows), real["label"].astype(str).to_numpy(),
        samples, requested, groups=real["patient"].astype(str).to_numpy(),
        agrees=lambda: samples.rows["agrees"].to_numpy(dtype=bool),
    )  # fmt: skip
    write_table(folder / KEPT, pd.DataFrame({"label": requested, "kept": kept}))
    write_table(folder / "filter.csv", filter_table(requested, kept))
    training = np.zeros(len(store), dtype=bool)
    training[rows] = True
    write_gallery(
        folder, real=store, training=training, synthetic=samples, kept=kept, classes=fold.classes,
        seed=context.settings.seed,
    )  # fmt: skip


def samples_work(context: Context, folder: Path, *, which: Which) -> None:
    """The fold's synthetic samples again, from the generator that was kept."""
    part, fold = load_part(context, which.number), load_fold(context)
    place = context.fold_folder / which.folder(SYNTHETIC, context.settings)
    if (place / FAILED).is_file():
        (folder / SAMPLES).mkdir()
        return
    device = str(make_fabric(context.settings.compute).device)
    generator = load_generator(place, device=device)
    _sample(generator, context, fold, part=part, arm=part.arm(which.arm), folder=folder)


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
    order = segmenter.order(fold.cache.channels)
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


def samples_of_step(context: Context, which: Which, classes: Sequence[str]) -> Given:
    """An arm's samples of one seed, and which of them its filter keeps; or why there are none."""
    place = context.fold_folder / which.folder(SYNTHETIC, context.settings)
    if (place / FAILED).is_file():
        return str(read_json(place / FAILED)["reason"])
    store = FeatureStore.open(place / SAMPLES)
    code = {name: number for number, name in enumerate(classes)}
    kept = read_csv(place / KEPT, texts=("label",), missing=())
    return Synthetic(store, kept["kept"].to_numpy(bool), kept["label"].map(code).to_numpy(np.int64))
