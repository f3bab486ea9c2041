"""Masks for every slice, kept as packed bits: one eighth of a byte a pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lightning_fabric
import numpy as np
import torch

from rarecase import progress
from rarecase.files import map_array
from rarecase.segmenter.batches import Slices, Volumes, in_order, laid_out
from rarecase.segmenter.model import Segmenter

MIRRORS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))  # axes of (n, c, …, h, w)


def predict_masks(
    segmenter: Segmenter,
    slices: Slices,
    *,
    rows: np.ndarray,
    fabric: lightning_fabric.Fabric,
    batch: int = 16,
    flips: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows, predicted masks (n, h, w) of 0/1 uint8): tumour where the probability exceeds
    the segmenter's threshold (see `predict_chances`)."""
    found = predict_chances(segmenter, slices, rows=rows, fabric=fabric, batch=batch, flips=flips)
    return ((part, (chance > segmenter.threshold).astype(np.uint8)) for part, chance in found)


@torch.no_grad()
def predict_chances(
    segmenter: Segmenter,
    slices: Slices,
    *,
    rows: np.ndarray,
    fabric: lightning_fabric.Fabric,
    batch: int = 16,
    flips: bool = False,
    name: str = "predicting masks",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows, probability of tumour (n, h, w) float32) batch by batch, rows rising. Of volumes
    a batch is a case, with all of its slices.

    With `flips` the mean over the slice and its mirror images, left and right, up and down, and
    both (test-time augmentation): four times the work, and steadier masks from a network that
    has not learnt for long.
    """
    net = fabric.setup_module(segmenter.net.channels_last())
    net.eval()
    sides = MIRRORS if flips else MIRRORS[:1]
    samples = np.sort(slices.samples_of(rows))
    with progress.task(name, total=len(samples)) as bar:
        parts = in_order(samples, size=1 if isinstance(slices, Volumes) else batch)
        for part, (images, _) in slices.batches(parts, device=fabric.device):
            ready = slices.ready(images, segmenter.normaliser)
            chance = torch.stack([_mirrored(net, ready, over) for over in sides]).mean(0)
            yield slices.slices_of(part, chance.cpu().numpy())
            bar.advance(len(part))


def _mirrored(net: torch.nn.Module, images: torch.Tensor, over: tuple[int, ...]) -> torch.Tensor:
    """Probabilities (n, …, h, w), predicted on the images mirrored over these axes and turned
    back."""
    if not over:
        return net(images)[:, 0].float().sigmoid()  # type: ignore[no-any-return]
    logits = net(laid_out(images.flip(over)))
    return logits.flip(over)[:, 0].float().sigmoid()  # type: ignore[no-any-return]


class PackedMasks:
    """Binary masks (n, h, w) on disk as packed bits (n, h, ceil(w / 8)) in one `.npy` file."""

    def __init__(self, path: Path, *, width: int) -> None:
        self._bits: np.ndarray = map_array(path)
        self._width = width

    @staticmethod
    def create(path: Path, *, samples: int, height: int, width: int) -> np.memmap:
        """A new file of zeros to write packed rows into (`np.packbits(mask, axis=-1)`)."""
        shape = (samples, height, -(-width // 8))
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)

    def __len__(self) -> int:
        return len(self._bits)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Masks (len(rows), h, w) of 0/1 uint8."""
        return np.unpackbits(self._bits[rows], axis=-1, count=self._width)


class HeldMasks:
    """Binary masks (n, h, w) in memory, read as `PackedMasks` are."""

    def __init__(self, masks: np.ndarray) -> None:
        self._masks: np.ndarray = masks.astype(np.uint8)

    def __len__(self) -> int:
        return len(self._masks)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Masks (len(rows), h, w) of 0/1 uint8."""
        return np.asarray(self._masks[rows])
