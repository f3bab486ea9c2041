"""Masks for every slice, kept as packed bits: one eighth of a byte a pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lightning_fabric
import numpy as np
import torch

from rarecase import progress
from rarecase.segmenter.batches import Slices, in_order
from rarecase.segmenter.model import Segmenter


@torch.no_grad()
def predict_masks(
    segmenter: Segmenter,
    slices: Slices,
    *,
    rows: np.ndarray,
    fabric: lightning_fabric.Fabric,
    batch: int = 16,
    name: str = "predicting masks",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows, predicted masks (n, h, w) of 0/1 uint8) batch by batch, in the order of `rows`.

    A pixel is tumour where the probability exceeds one half.
    """
    net = fabric.setup_module(segmenter.net.channels_last())
    net.eval()
    with progress.task(name, total=len(rows)) as bar:
        for part in in_order(rows, size=batch):
            images, _ = slices.batch(part)
            images = fabric.to_device(images)
            logits = net(slices.ready(images, segmenter.normaliser))
            yield part, (logits[:, 0] > 0).to(torch.uint8).cpu().numpy()
            bar.advance(len(part))


class PackedMasks:
    """Binary masks (n, h, w) on disk as packed bits (n, h, ceil(w / 8)) in one `.npy` file."""

    def __init__(self, path: Path, *, width: int) -> None:
        self._bits: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
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
