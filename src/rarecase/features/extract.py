"""Features of every slice from a named block, streamed to a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import lightning_fabric
import numpy as np
import pandas as pd
import torch

from rarecase import progress
from rarecase.features.region import DIMENSIONS, REGION
from rarecase.features.store import FeatureStore
from rarecase.features.tumour import tumour_vectors
from rarecase.segmenter.batches import Slices, Volumes, in_order
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.unet import UNet

TUMOUR = "tumour"
Outline = Literal["predicted", "true"]


def feature_shape(net: UNet, *, block: str, sides: Sequence[int]) -> tuple[int, ...]:
    """Shape of one sample for images of these sides: (c, h, w) of a block, of volumes (c, d, h, w);
    (d,) of `tumour` and `region`; an unknown name is an error.

    >>> feature_shape(UNet(in_channels=4), block="bottleneck", sides=(240, 240))
    (1024, 15, 15)
    >>> feature_shape(UNet(in_channels=1, width=8, depth=2), block="tumour", sides=(32, 32))
    (80,)
    """
    if block == TUMOUR:
        return (sum(each.channels for each in net.blocks()),)
    if block == REGION:
        return (DIMENSIONS,)
    found = net.block(block)
    return (found.channels, *(side // found.reduction for side in sides))


class _Extractor(torch.nn.Module):
    """Images in, features of one block out, computing no further than that block."""

    def __init__(self, net: UNet, *, block: str) -> None:
        super().__init__()
        self.net, self.block = net, block

    def forward(
        self, images: torch.Tensor, masks: torch.Tensor, known: torch.Tensor
    ) -> torch.Tensor:
        if self.block != TUMOUR:
            return self.net.features(images, block=self.block)
        blocks = [maps for _, maps in self.net.walk(images)]
        return tumour_vectors(blocks, self.net.head(blocks[-1]), masks=masks, known=known)


def sides_of(slices: Slices) -> tuple[int, ...]:
    """Sides of a sample as the network sees it."""
    square = tuple(slices.images.shape[-2:])
    return (slices.planes, *square) if isinstance(slices, Volumes) else square


@torch.no_grad()
def features_of_samples(
    segmenter: Segmenter,
    slices: Slices,
    samples: np.ndarray,
    *,
    block: str,
    fabric: lightning_fabric.Fabric,
) -> np.ndarray:
    """Features of `block` for a few samples at once, (n, *shape) float32; `tumour` vectors under
    the network's own outline."""
    extractor = fabric.setup_module(_Extractor(segmenter.net.channels_last(), block=block))
    extractor.eval()
    images, masks = fabric.to_device(slices.batch(samples))
    given = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    maps = extractor(slices.ready(images, segmenter.normaliser), masks, given)
    found: np.ndarray = maps.float().cpu().numpy()
    return found


@torch.no_grad()
def extract_features(
    segmenter: Segmenter,
    slices: Slices,
    *,
    rows: pd.DataFrame,
    block: str,
    out: Path,
    fabric: lightning_fabric.Fabric,
    batch: int = 16,
    outline: Outline = "predicted",
) -> FeatureStore:
    """Write the features after the ReLU of `block` for every slice to a store at `out`; of volumes,
    for every case.

    `rows` describes the samples, one a row, in the order of `slices`, and is kept with the store.
    Memory holds one batch, however many there are. `outline`: the mask under which `tumour`
    vectors are averaged, the network's own or, where a slice has one, the true one (what the
    features would be worth if tumours were outlined by hand; no other block hangs on it).
    """
    net = segmenter.net.channels_last()
    extractor = fabric.setup_module(_Extractor(net, block=block))
    extractor.eval()
    shape = feature_shape(net, block=block, sides=sides_of(slices))
    batch = 1 if isinstance(slices, Volumes) else batch
    known = rows["has_mask"].to_numpy(bool) if outline == "true" else np.zeros(len(rows), bool)
    with (
        FeatureStore.create(
            out, block=block, shape=shape, rows=rows, seen=sorted(segmenter.seen)
        ) as store,
        progress.task(f"features of {block}", total=len(rows)) as bar,
    ):
        parts = in_order(np.arange(len(rows)), size=batch)
        for part, (images, masks) in slices.batches(parts, device=fabric.device):
            given = fabric.to_device(torch.from_numpy(known[part]))
            maps = extractor(slices.ready(images, segmenter.normaliser), masks, given)
            store.write(int(part[0]), maps.float().cpu().numpy())
            bar.advance(len(part))
    return FeatureStore.open(out)
