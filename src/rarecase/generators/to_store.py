"""Synthetic samples into a feature store, a few in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.files import replacing_directory

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore


def write_store(
    path: Path,
    pieces: Iterable[tuple[Any, NDArray[Any]]],
    *,
    agrees: Callable[[NDArray[Any], Any], NDArray[np.bool_]],
    counts: Mapping[Any, int],
    keep: Mapping[Any, NDArray[np.bool_]] | None,
    shape: tuple[int, ...],
    block: str,
    seen: Iterable[str],
) -> FeatureStore:
    """Write `pieces`, labels and samples of `counts` in order, where `keep` (counts[label],) wants
    them, with what `agrees` says of samples and label; see `Generator.sample_to_store`."""
    from rarecase.features.store import FeatureStore  # needs PyTorch and Zarr

    if path.exists():  # it would be replaced
        raise DataError(f"{path} exists; remove it or choose another place for {block!r}.")
    masks = [np.asarray(keep[a]) if keep else np.ones(n, bool) for a, n in counts.items()]
    for mask, (label, count) in zip(masks, counts.items(), strict=True):
        if mask.shape != (count,) or mask.dtype != np.bool_:
            raise DataError(f"keep of {label!r}: expected {count} of bool, got {mask.shape}.")
    mask = np.concatenate([*masks, np.empty(0, bool)])
    labels = np.repeat(np.array(list(counts), dtype=object), list(counts.values()))[mask]
    rows = pd.DataFrame({"label": labels.tolist(), "agrees": False})
    right: list[NDArray[np.bool_]] = [np.empty(0, bool)]
    with replacing_directory(path) as beside:
        beside.rmdir()  # the store makes it
        with FeatureStore.create(
            beside, block=block, shape=shape, rows=rows, seen=sorted(set(seen))
        ) as store:
            done = 0
            for label, samples in pieces:
                piece = samples[mask[done : done + len(samples)]]
                done += len(samples)
                if len(piece):
                    store.append(piece)
                    right.append(agrees(piece, label))
            store.set_rows(rows.assign(agrees=np.concatenate(right)))
    return FeatureStore.open(path)
