"""Batches of slices and masks from arrays that may lie on disk, in an order fixed by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from rarecase.ahead import ahead
from rarecase.seeds import numpy_rng
from rarecase.segmenter.model import Normaliser
from rarecase.shown import Brief


@dataclass(frozen=True, repr=False)
class Slices(Brief):
    """Slices (n, c, h, w) float32 and masks (n, h, w) of 0/1, in memory or memory-mapped.

    `channels` says which channel of `images` feeds each channel of the network; for None it gets
    0. A slice is a sample; `Volumes` makes one of a case.
    """

    images: np.ndarray
    masks: np.ndarray
    channels: Sequence[int | None]

    def __len__(self) -> int:
        return len(self.images)

    def samples_of(self, rows: np.ndarray) -> np.ndarray:
        """The samples that these slices are part of."""
        return rows

    def slices_of(self, samples: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The slices of some samples, and what the network said of each of them (n, h, w), given
        what it said of the samples (n, …, h, w)."""
        return samples, said

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (n, c, h, w) and masks (n, 1, h, w) of samples, both float32, not yet mapped."""
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
        nothing = torch.zeros_like(images[:, 0])
        planes = [nothing if each is None else images[:, each] for each in self.channels]
        return laid_out(normaliser(torch.stack(planes, dim=1)))


@dataclass(frozen=True, repr=False)
class Volumes(Slices):
    """The same slices, a case a sample: (n, c, planes, h, w), for a network that looks in 3-D.

    `cases`: the slices of each case, in order. They are brought to `planes` by linear
    interpolation, and what the network says of those back to the slices.
    """

    cases: tuple[np.ndarray, ...]
    planes: int

    def __len__(self) -> int:
        return len(self.cases)

    def samples_of(self, rows: np.ndarray) -> np.ndarray:
        wanted = set(rows.tolist())
        found = [place for place, mine in enumerate(self.cases) if wanted & set(mine.tolist())]
        return np.array(found, dtype=np.int64)

    def slices_of(self, samples: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mine = [self.cases[sample] for sample in samples]
        there = [
            stretched(torch.from_numpy(each)[None], planes=len(rows))[0].numpy()
            for each, rows in zip(said, mine, strict=True)
        ]
        return np.concatenate(mine), np.concatenate(there)

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        parts = [Slices.batch(self, self.cases[place]) for place in np.sort(rows)]
        images = [stretched(part.movedim(0, 1), planes=self.planes) for part, _ in parts]
        masks = [stretched(part.movedim(0, 1), planes=self.planes) for _, part in parts]
        return torch.stack(images), (torch.stack(masks) >= 0.5).float()


def stretched(volume: torch.Tensor, *, planes: int) -> torch.Tensor:
    """A volume (c, d, h, w) with so many planes, by linear interpolation.

    >>> stretched(torch.tensor([0.0, 2.0]).reshape(1, 2, 1, 1), planes=4).flatten().tolist()
    [0.0, 0.5, 1.5, 2.0]
    """
    size = (planes, *volume.shape[2:])
    return functional.interpolate(volume[None], size, mode="trilinear", align_corners=False)[0]


def shrunk(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Maps (n, c, h, w), or (n, c, d, h, w), at `size`, its last two or three sides, by averaging.

    Samples and channels go as one axis: an axis of a single channel has whatever stride it was born
    with (0 from NumPy), and where CUDA's kernel trusts it, every sample gets what is the first's.

    >>> shrunk(torch.tensor([0.0, 2.0, 4.0, 4.0]).reshape(1, 1, 1, 4), (1, 2)).flatten().tolist()
    [1.0, 4.0]
    """
    pool: Any = functional.adaptive_avg_pool3d if len(size) == 3 else functional.adaptive_avg_pool2d
    small: torch.Tensor = pool(maps.flatten(0, 1), tuple(size))
    return small.reshape(*maps.shape[:2], *small.shape[1:])


def laid_out(images: torch.Tensor) -> torch.Tensor:
    """Channels last, as 2-D convolutions want them; volumes as they are."""
    if images.ndim != 4:
        return images.contiguous()
    return images.contiguous(memory_format=torch.channels_last)


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
