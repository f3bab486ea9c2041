"""Batches of slices and masks from arrays that may lie on disk, in an order fixed by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rarecase.ahead import ahead
from rarecase.seeds import numpy_rng
from rarecase.segmenter.model import Normaliser


@dataclass(frozen=True)
class Slices:
    """Slices (n, c, h, w) float32 and masks (n, h, w) of 0/1, in memory or memory-mapped.

    `channels` says which channel of `images` feeds each channel of the network.
    """

    images: np.ndarray
    masks: np.ndarray
    channels: Sequence[int]

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (n, c, h, w) and masks (n, 1, h, w) of `rows`, both float32, not yet mapped."""
        # Sorted reads walk a memory-mapped file once; the order inside a batch does not matter.
        rows = np.sort(rows)
        images = torch.from_numpy(np.ascontiguousarray(self.images[rows], dtype=np.float32))
        masks = torch.from_numpy(np.ascontiguousarray(self.masks[rows], dtype=np.float32))
        return images, masks[:, None]

    def batches(
        self, parts: Iterable[np.ndarray], *, device: torch.device
    ) -> Iterator[tuple[np.ndarray, tuple[torch.Tensor, torch.Tensor]]]:
        """(rows, `batch` of them on `device`) one after another, the next one read by a thread
        while this one is used."""

        def read(rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
            images, masks = self.batch(rows)
            if device.type == "cuda":  # from pinned memory a batch travels while the GPU computes
                return images.pin_memory(), masks.pin_memory()
            return images, masks

        for rows, (images, masks) in ahead(read, parts):
            yield rows, (
                images.to(device, non_blocking=True), masks.to(device, non_blocking=True)
            )  # fmt: skip

    def ready(self, images: torch.Tensor, normaliser: Normaliser) -> torch.Tensor:
        """Lay the channels out as the network wants them, and normalise."""
        # Stacked, not indexed with a list: that would have a GPU wait for the list.
        mapped = normaliser(torch.stack([images[:, each] for each in self.channels], dim=1))
        return mapped.contiguous(memory_format=torch.channels_last)


def shuffled(rows: np.ndarray, *, size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of one epoch; a last batch of a single row joins the one before it."""
    order = numpy_rng(seed, "batches", epoch).permutation(rows)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def in_order(rows: np.ndarray, *, size: int) -> Iterator[np.ndarray]:
    """Consecutive batches of `rows`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
