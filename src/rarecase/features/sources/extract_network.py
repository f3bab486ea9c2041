"""Features of a whole cohort from any network, slice by slice or volume by volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import lightning_fabric
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.cohort.cache import SliceCache, case_rows, slices_by_case
from rarecase.errors import DataError
from rarecase.features.sources.network import Tap, feeds, pooled
from rarecase.features.store import FeatureStore
from rarecase.features.writing import write_features
from rarecase.segmenter.batches import stretched

Pool = Literal["none", "mean", "mask"]


def matched(net: nn.Module, channels: Sequence[str]) -> list[int]:
    """Which of the cohort's channels feeds each input of the network: one is repeated; otherwise
    there must be as many as it takes."""
    order, *others = feeds(net, len(channels))
    if others:
        raise DataError(
            f"the network takes {len(order)} channel(s), the cohort has {len(channels)} "
            f"({', '.join(channels)}). Choose with --channels: as many, or one to be repeated."
        )
    return order


def example(cache: SliceCache, order: Sequence[int], *, depth: int | None) -> Tensor:
    """The first image as the network will see it."""
    return next(_batches(cache, order, depth=depth, size=1))[0]


@torch.no_grad()
def extract_from_network(
    net: nn.Module,
    cache: SliceCache,
    *,
    block: str,
    out: Path,
    fabric: lightning_fabric.Fabric,
    depth: int | None = None,
    pool: Pool = "none",
    batch: int = 8,
    seen: Sequence[str] = (),
) -> FeatureStore:
    """Write what layer `block` gives for every slice, or with `depth` for every case, to a store.

    A slice goes in as (c, h, w); with `depth` a case as (c, depth, h, w), its slices brought to
    that number by linear interpolation. `pool`: the maps themselves, their mean over space, or
    their mean under the case's own mask (over everything where there is none). `seen`: patients
    whom the network has learnt from. Rows of the store: those of the cache, one per slice or per
    case (with the sum of `tumour`). What was begun is removed when something goes wrong.
    """
    order = matched(net, cache.channels)
    tap = fabric.setup_module(Tap(net, block)).eval()
    rows = case_rows(cache.rows) if depth is not None else cache.rows
    pairs = _batches(cache, order, depth=depth, size=batch)
    found = (_features(tap, *fabric.to_device(pair), pool=pool) for pair in pairs)
    return write_features(out, found, block=block, rows=rows, seen=seen)


def _features(tap: nn.Module, images: Tensor, masks: Tensor, *, pool: Pool) -> NDArray[np.float32]:
    maps = tap(images)
    if pool != "none":
        maps = pooled(maps, masks if pool == "mask" else None)
    found: NDArray[np.float32] = maps.float().cpu().numpy()
    return found


def _batches(
    cache: SliceCache, order: Sequence[int], *, depth: int | None, size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (n, c, [depth,] h, w) and masks (n, 1, [depth,] h, w)."""
    if depth is None:
        for start in range(0, len(cache.rows), size):
            part = slice(start, start + size)
            images = torch.from_numpy(np.array(cache.images[part])[:, list(order)])
            yield images, torch.from_numpy(np.array(cache.masks[part])).float()[:, None]
        return
    for at in slices_by_case(cache.rows):
        images = torch.from_numpy(np.array(cache.images[at])[:, list(order)]).movedim(0, 1)
        masks = torch.from_numpy(np.array(cache.masks[at])).float()[None]
        yield stretched(images, planes=depth)[None], stretched(masks, planes=depth)[None]
