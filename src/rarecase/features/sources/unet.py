"""The blocks of the fold's U-Net as features, streamed to a store: maps, or `tumour` vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, cast

import lightning_fabric
import numpy as np
import torch

from rarecase.features.sources.contract import Source, SourceData
from rarecase.segmenter.batches import Slices, Volumes, in_order, shrunk
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.unet import UNet

TUMOUR = "tumour"


class Block(Source):
    """Maps (c, h, w) of one block after its ReLU, of volumes (c, d, h, w)."""

    kind: ClassVar[Literal["maps", "vectors"]] = "maps"

    def __init__(self, name: str) -> None:
        self.name = name

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        """The shape of one sample; an unknown block is an error.

        >>> Block("bottleneck").shape(UNet(in_channels=4), sides=(240, 240))
        (1024, 15, 15)
        """
        found = net.block(self.name)
        return (found.channels, *(side // found.reduction for side in sides))

    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        slices = replace(data.slices, masks=cast(np.ndarray, _MasksOf(data)))
        return feature_batches(data.segmenter, slices, block=self.name, fabric=data.fabric)


@dataclass(frozen=True)
class _MasksOf:
    """The masks of slices as the data says, read as an array of them is indexed."""

    data: SourceData

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return self.data.read_masks(rows)


class Tumour(Block):
    """Vectors (d,): every block's features averaged over the mask, and joined."""

    kind: ClassVar[Literal["maps", "vectors"]] = "vectors"
    version: ClassVar[int] = 2

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        """The channels of all blocks.

        >>> Tumour("tumour").shape(UNet(in_channels=1, width=8, depth=2), sides=(32, 32))
        (80,)
        """
        return (sum(each.channels for each in net.blocks()),)


class _Extractor(torch.nn.Module):
    """Images in, features of one block out, computing no further than that block."""

    def __init__(self, net: UNet, *, block: str) -> None:
        super().__init__()
        self.net, self.block = net, block

    def forward(self, images: torch.Tensor, masks: torch.Tensor | None) -> torch.Tensor:
        if self.block != TUMOUR:
            return self.net.features(images, block=self.block)
        blocks = [maps for _, maps in self.net.walk(images)]
        return tumour_vectors(blocks, self.net.head(blocks[-1]), masks=masks)


def sides_of(slices: Slices) -> tuple[int, ...]:
    """Sides of a sample as the network sees it."""
    planes = (slices.planes,) if isinstance(slices, Volumes) else ()
    return (*planes, *slices.images.shape[-2:])


@torch.no_grad()
def features_of_samples(
    segmenter: Segmenter,
    slices: Slices,
    samples: np.ndarray,
    *,
    block: str,
    fabric: lightning_fabric.Fabric,
) -> np.ndarray:
    """Features of `block` for a few samples at once, `(n, *shape)` float32; `tumour` vectors under
    the network's own mask."""
    extractor = fabric.setup_module(_Extractor(segmenter.net.channels_last(), block=block)).eval()
    images = fabric.to_device(slices.batch(samples)[0])
    maps = extractor(slices.ready(images, segmenter.normaliser), None)
    found: np.ndarray = maps.float().cpu().numpy()
    return found


@torch.no_grad()
def feature_batches(
    segmenter: Segmenter,
    slices: Slices,
    *,
    block: str,
    fabric: lightning_fabric.Fabric,
    batch: int = 16,
) -> Iterator[np.ndarray]:
    """The features after the ReLU of `block` of every sample in turn, `(k, *shape)` float32, or
    `tumour` vectors under the masks of `slices`. Memory holds one batch, however many there are.
    """
    net = segmenter.net.channels_last()
    extractor = fabric.setup_module(_Extractor(net, block=block)).eval()
    batch = 1 if isinstance(slices, Volumes) else batch
    parts = in_order(np.arange(len(slices)), size=batch)
    for _, (images, masks) in slices.batches(parts, device=fabric.device):
        maps = extractor(slices.ready(images, segmenter.normaliser), masks)
        yield maps.float().cpu().numpy()


def masked_mean(maps: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of `maps` (n, c, h, w) under `weights` (n, 1, H, W) ≥ 0, as (n, c); also of maps of one
    more axis.

    The weights are brought to the block's size by averaging. Where a slice's weights are all 0 the
    plain mean is taken.
    """
    small, space = shrunk(weights.float(), maps.shape[2:]), tuple(range(2, maps.ndim))
    total = small.sum(dim=space)
    weighted = (maps.float() * small).sum(dim=space) / total.clamp(min=1e-12)
    return torch.where(total > 0, weighted, maps.float().mean(dim=space))


def tumour_vectors(
    blocks: list[torch.Tensor], logits: torch.Tensor, *, masks: torch.Tensor | None = None
) -> torch.Tensor:
    """Join the masked means of all blocks: (n, Σ channels); of volumes too.

    The mask is that of `masks` (n, 1, h, w), without them where the probability exceeds one half; a
    slice without tumour in it is averaged under its probabilities instead, which point at the most
    suspicious place.
    """
    probabilities = logits.float().sigmoid()
    mask = (probabilities > 0.5).float() if masks is None else masks
    empty = mask.sum(dim=tuple(range(1, mask.ndim)), keepdim=True) == 0
    weights = torch.where(empty, probabilities, mask)
    return torch.cat([masked_mean(maps, weights) for maps in blocks], dim=1)
