"""What a generator makes of a fold's maps, or of any block's features, kept as means over the map.

For `map_generators.py` and `filters.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rarecase.cohort import validation_patients
from rarecase.experiment.arms import CONTROL
from rarecase.features import FeatureStore
from rarecase.features.feature_set import counted
from rarecase.features.samples import Samples
from rarecase.features.sources.unet import features_of_samples
from rarecase.features.standardise import vectors
from rarecase.files import replacing_file
from rarecase.generators import ACGAN, Duplicates
from rarecase.generators.registry import make_generator
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.run_folder import SEGMENTER
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.features import extract
from rarecase.segmenter import Slices, load_segmenter

VECTORS = (
    "smote", "mixup", "remix", "gaussian", "gaussian-mixture", "borrowed", "adcgan", "wgan",
    "infogan", "cvae", "diffusion",
)  # fmt: skip
REAL = "real"  # no generator: a third of the training patients
LEAST, PIECE = 300, 50
IMAGE_STEPS = 1200


def read_pooled(store: FeatureStore) -> np.ndarray:
    """Means over the map of every sample of a store."""
    return vectors(Samples(store))


def keep_maps(context: Context, work: Path, block: str) -> Path:
    """The store of the fold's features of a block."""
    out = work / f"maps-{context.test_fold.repeat}-{context.test_fold.fold}.zarr"
    if not out.exists():
        extract(context, load_fold(context), source=block, out=out)
    return out


def make(name: str, *, seed: int, steps: int | None) -> Any:
    """A generator that has not learnt yet, of `steps` if it trains (None: its own number)."""
    kind, _, width = name.partition("-")
    if kind == "acgan" and width:
        width, _, lr = width.partition("@")
        gan = ACGAN(width=int(width), max_steps=steps, random_state=seed)
        return gan.set_params(lr=float(lr)) if lr else gan
    if kind == "images":
        return ACGAN(width=int(width), max_steps=steps or IMAGE_STEPS, random_state=seed)
    if name == CONTROL:
        return Duplicates(random_state=seed)
    made = make_generator(name, random_state=seed)
    if "standardise" in made.get_params():
        made.set_params(standardise=True)  # maps come as they are
    return (
        made if steps is None or "steps" not in made.get_params() else made.set_params(steps=steps)
    )


def device_name(kind: str) -> str:
    # On its own: cloudpickle takes a name `classes` beside torch for the module torch.classes.
    return torch.cuda.get_device_name() if kind == "cuda" else "cpu"


def through_network(context: Context, fold: Fold, images: np.ndarray, block: str) -> np.ndarray:
    """Maps of a block of made images."""
    segmenter = load_segmenter(context.fold_folder / SEGMENTER)
    none = np.zeros((len(images), *images.shape[-2:]), np.uint8)
    order = segmenter.order(fold.cache.channels)
    return features_of_samples(
        segmenter, Slices(images, none, order), np.arange(len(images)), block=block,
        fabric=make_fabric(context.settings.compute),
    )  # fmt: skip


def drawn(
    generator: Any, counts: dict[str, int], to_maps: Callable[[np.ndarray], np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over the map of made samples, the class each was asked for, and whether the generator's
    own discriminator agrees (NaN where it has none)."""
    found, labels, agrees = [], [], []
    for label, count in counts.items():
        for start in range(0, count, PIECE):
            made, asked = generator.sample({label: min(PIECE, count - start)}, start=start)
            own = np.full(len(made), np.nan)
            if generator.discriminates:
                own = np.asarray(generator.agreement(made, asked), float)
            found.append(vectors(made if to_maps is None else to_maps(made)))
            labels += [label] * len(made)
            agrees.append(own)
    return np.concatenate(found), np.array(labels), np.concatenate(agrees)


@dataclass(frozen=True)
class FoldSlices:
    """A fold's slices that show a tumour: of training patients and of test patients."""

    context: Context
    fold: Fold
    store: FeatureStore
    train: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, context: Context, store_path: Path) -> FoldSlices:
        fold, store = load_fold(context), FeatureStore.open(store_path)
        seen = counted(store.rows["predicted"].to_numpy(), pd.factorize(store.rows["patient"])[0])
        inside = store.rows["patient"].isin(fold.training).to_numpy()
        return cls(
            context, fold, store, np.flatnonzero(seen & inside), np.flatnonzero(seen & ~inside)
        )

    def labels(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.store.rows.iloc[rows]["label"], str)

    def patients(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.store.rows.iloc[rows]["patient"], str)

    def others(self) -> np.ndarray:
        """Which of `train` are of the third of the patients who stand for a good generator."""
        who = self.patients(self.train)
        patients = dict(zip(who.tolist(), self.labels(self.train).tolist(), strict=True))
        return np.isin(who, validation_patients(patients, 1 / 3, 1))

    def lacking(self) -> dict[str, int]:
        """How many training samples of each class are missing to balance."""
        label = self.labels(self.train)
        counts = {c: int((label == c).sum()) for c in self.fold.classes}
        return {c: max(counts.values()) - n for c, n in counts.items()}


def make_samples(cell: FoldSlices, out: Path, *, name: str, steps: int | None) -> None:
    """Fit one generator in one fold, and keep what it makes in out.npz."""
    if out.with_suffix(".npz").is_file():
        return
    images, fold, context = name.startswith("images-"), cell.fold, cell.context
    said: dict[str, Any] = {"name": name, "steps": steps, "rare": fold.rare}
    if name == REAL:
        keep_real(cell, out, said=said)
        return
    generator, began = make(name, seed=context.test_fold.fold, steps=steps), time.perf_counter()
    source = fold.cache.images if images else cell.store
    fabric = make_fabric(context.settings.compute, exact=name in VECTORS)
    generator.fit(
        source, cell.labels(cell.train), rows=cell.train, groups=cell.patients(cell.train),
        fabric=fabric,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    # Twice what is lacking, so that the filter has something to choose from.
    counts = {c: max(LEAST, 2 * n) for c, n in cell.lacking().items()}
    to_maps = (lambda x: through_network(context, fold, x, cell.store.block)) if images else None
    made, asked, agrees = drawn(generator, counts, to_maps)
    said |= {
        "seconds": round(seconds, 1), "made": counts, "device": device_name(fabric.device.type),
        "left out": [],
    }  # fmt: skip
    keep_samples(out, made, asked, agrees, said=said)


def keep_real(cell: FoldSlices, out: Path, *, said: dict[str, Any]) -> None:
    """In place of made samples the slices of a third of the training patients."""
    label, who, rows = cell.labels(cell.train), cell.patients(cell.train), cell.others()
    made = read_pooled(cell.store)[cell.train[rows]]
    said |= {"seconds": None, "made": None, "device": "", "left out": sorted(set(who[rows]))}
    keep_samples(out, made, label[rows], np.full(len(made), np.nan), said=said, whose=who[rows])


def keep_samples(
    out: Path, made: np.ndarray, asked: np.ndarray, agrees: np.ndarray, *, said: dict[str, Any],
    whose: np.ndarray | None = None,
) -> None:  # fmt: skip
    whose = np.arange(len(made)).astype(str) if whose is None else whose
    with replacing_file(out.with_suffix(".npz")) as beside, beside.open("wb") as file:
        np.savez(
            file, made=made.astype(np.float32), asked=asked, agrees=agrees, whose=whose,
            said=json.dumps(said),
        )  # fmt: skip
