"""Features of a fold's U-Net, and the generator that learns to make them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.features import FeatureStore, SourceData, source_of
from rarecase.features.gallery import write_gallery
from rarecase.features.sources.contract import Masks, tumour_slices
from rarecase.files import replacing_file
from rarecase.generators import ACGAN
from rarecase.generators.filters import filter_table
from rarecase.pipeline.amounts import real_training_slices, resolve_amount, resolve_amounts
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.grid import FEATURES, IMAGES, SEGMENTER, SYNTHETIC, read_folds
from rarecase.pipeline.step import CHECKPOINTS, Context
from rarecase.pipeline.steps.cohort import COHORT
from rarecase.pipeline.steps.images import features_of_made
from rarecase.seeds import derive
from rarecase.segmenter import PackedMasks, channel_map, load_segmenter
from rarecase.segmenter.feeding import sample_rows

SAMPLES = "samples.zarr"


def store_path(context: Context) -> Path:
    """The fold's feature store."""
    return context.fold_folder / FEATURES / f"{context.settings.features.block}.zarr"


def features_work(context: Context, folder: Path) -> None:
    """Features of every slice, training and test, and the source that was fitted for them."""
    block, out = context.settings.features.block, folder / store_path(context).name
    extract_block(context, load_fold(context), block=block, out=out, keep=folder)


def extract_block(
    context: Context,
    fold: Fold,
    *,
    block: str,
    out: Path,
    masks: Masks = "predicted",
    exact: bool = False,
    keep: Path | None = None,
) -> FeatureStore:
    """Fit a source to the fold's training patients; features of everybody, in a store at `out`.

    `exact`: in float32 whatever the settings say. `keep`: the folder to save the source in.
    """
    place, source = context.fold_folder / SEGMENTER, source_of(block)
    data = SourceData(
        cache=fold.cache,
        rows=pd.read_parquet(place / "rows.parquet"),
        segmenter=load_segmenter(place),
        predicted=PackedMasks(place / "predicted.npy", width=fold.cache.masks.shape[-1]),
        planes=context.settings.slices.planes,
        fabric=make_fabric(context.settings.compute, exact=exact or source.exact),
        masks=masks,
    )
    cell = context.cell
    source.fit(data, seed=derive(context.settings.seed, source.name, cell.repeat, cell.fold))
    if keep is not None:
        source.save(keep)
    return source.transform(data, out=out)


def sweep_amounts(context: Context, fold: Fold) -> list[int]:
    """The study's amounts of synthetic samples, 0 first; the same in every fold."""
    return resolve_amounts(context.settings.sweep.amounts, real=_real(context, fold))


def headline_amount(context: Context, fold: Fold) -> int:
    """The amount that was fixed beforehand: its arm gets a control."""
    return resolve_amount(context.settings.sweep.headline, real=_real(context, fold))


def _real(context: Context, fold: Fold) -> int:
    folds = read_folds(context.run / COHORT / "cohort.csv")
    return real_training_slices(
        sample_rows(fold.cache.rows, dimensions=context.settings.segmenter.dimensions), folds
    )


def rows_in(store: FeatureStore, patients: Sequence[str]) -> np.ndarray:
    """Rows of a store that are these patients'."""
    return np.flatnonzero(store.rows["patient"].isin(patients).to_numpy())


def used_samples(context: Context, samples: FeatureStore) -> np.ndarray:
    """Which of a generator's samples (n,) its classifiers may be given."""
    agrees = samples.rows["agrees"].to_numpy(dtype=bool)
    return agrees if context.settings.generator.keep == "agreeing" else np.ones_like(agrees)


def synthetic_work(context: Context, folder: Path) -> None:
    """Fit the generator to the fold's training patients and make samples of every class.

    As many of each class, as in the paper; which of them to keep is asked of the filter later.
    """
    fold = load_fold(context)
    store = FeatureStore.open(store_path(context))
    rows = rows_in(store, fold.training)
    generator = _new_acgan(context)
    vectors = len(store.shape) == 1 and context.cell.arm != IMAGES
    fabric = make_fabric(context.settings.compute, exact=vectors)
    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    learnt = tumour_slices(store.rows, rows) if context.cell.arm == IMAGES else rows
    about = store.rows.iloc[learnt]
    generator.fit(
        fold.cache.images if context.cell.arm == IMAGES else store,
        about["label"].astype(str).to_numpy(),
        rows=learnt,
        groups=about["patient"].astype(str).to_numpy(),
        checkpoint=folder / CHECKPOINTS / "acgan.safetensors",
        fabric=fabric,
    )
    generator.save(folder)
    samples = _sample(generator, context, fold, folder=folder)
    kept = np.asarray(samples.rows["agrees"], dtype=bool)
    with replacing_file(folder / "filter.csv") as beside:
        filter_table(samples.rows["label"].to_numpy(), kept).to_csv(beside, index=False)
    training = np.zeros(len(store), dtype=bool)
    training[rows] = True
    write_gallery(
        folder,
        real=store,
        training=training,
        made=samples,
        classes=fold.classes,
        seed=context.settings.seed,
    )


def _new_acgan(context: Context) -> ACGAN:
    chosen, cell = context.settings.generator, context.cell
    return ACGAN(
        width=cell.width,
        hidden=(chosen.hidden_generator, chosen.hidden_discriminator),
        lr=chosen.learning_rate,
        betas=(chosen.beta1, 0.999),
        batch_size=chosen.batch,
        epochs=chosen.epochs,
        max_steps=chosen.max_steps,
        random_state=derive(
            context.settings.seed, "acgan", cell.repeat, cell.fold, cell.generator_seed
        )
        % 2**31,
    )


def samples_work(context: Context, folder: Path) -> None:
    """The fold's synthetic samples again, from the generator that was kept."""
    place = context.run / context.cell.folder(SYNTHETIC)
    generator = ACGAN.load(place, device=str(make_fabric(context.settings.compute).device))
    _sample(generator, context, load_fold(context), folder=folder)


def _sample(generator: ACGAN, context: Context, fold: Fold, *, folder: Path) -> FeatureStore:
    made = context.settings.generator.made or 2 * max(sweep_amounts(context, fold))
    counts = dict.fromkeys(fold.classes, max(1, -(-made // len(fold.classes))))
    block = context.settings.features.block
    if context.cell.arm == IMAGES:
        source = load_segmenter(context.fold_folder / SEGMENTER)
        order = channel_map(fold.cache.channels, source.channels)
        return features_of_made(
            generator, source, order, counts, block=block, out=folder / SAMPLES,
            fabric=make_fabric(context.settings.compute),
        )  # fmt: skip
    return generator.sample_to_store(folder / SAMPLES, counts, block=block)
