"""The baseline of images: features that the fold's U-Net, as it is, takes of synthetic ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import lightning_fabric
import numpy as np
import pandas as pd

from rarecase import progress
from rarecase.features import FeatureStore
from rarecase.features.sources.unet import features_of_samples
from rarecase.generators.base import Generator
from rarecase.segmenter import Segmenter, Slices

PIECE = 64  # images generated at a time


def features_of_images(
    generator: Generator,
    segmenter: Segmenter,
    channels: Sequence[int],
    counts: Mapping[str, int],
    *,
    block: str,
    out: Path,
    fabric: lightning_fabric.Fabric,
) -> FeatureStore:
    """Generate `counts` images of each class; their features of `block` go to a store at `out`.

    `channels`: which channel of the images feeds each of the U-Net's. Rows: label, agrees (whether
    the generator's discriminator calls the image the class that was requested).
    """
    labels = [label for label, count in counts.items() for _ in range(count)]
    agrees: list[np.ndarray] = []
    store = None
    with progress.task("features of synthetic images", total=len(labels)) as bar:
        for label, count in counts.items():
            for start in range(0, count, PIECE):
                made, asked = generator.sample({label: min(PIECE, count - start)}, start=start)
                none = np.zeros((len(made), *made.shape[-2:]), np.uint8)
                maps = features_of_samples(
                    segmenter, Slices(made, none, channels), np.arange(len(made)), block=block,
                    fabric=fabric,
                )  # fmt: skip
                if store is None:
                    store = FeatureStore.create(
                        out, block=block, shape=maps.shape[1:],
                        rows=pd.DataFrame({"label": labels, "agrees": False}),
                    )  # fmt: skip
                store.append(maps)
                agrees.append(generator.agreement(made, asked))
                bar.advance(len(made))
    assert store is not None  # there is always a class, and a sample of it
    store.set_rows(store.rows.assign(agrees=np.concatenate(agrees)))
    store.close()
    return FeatureStore.open(out)
