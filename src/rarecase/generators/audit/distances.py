"""Euclidean distances between many samples, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from rarecase.arrays import Floats
from rarecase.errors import DataError

Samples = NDArray[np.floating]

BLOCK = 1024  # rows of either side in memory as float64 at a time


def checked_pair(
    real: Samples,
    synthetic: Samples,
    *,
    names: tuple[str, str] = ("real", "synthetic"),
    least: int = 2,
) -> tuple[Samples, Samples]:
    """Both as (n, d); `DataError` where they cannot be compared or are fewer than `least`."""
    flat = []
    for name, each in zip(names, (np.asarray(real), np.asarray(synthetic)), strict=True):
        if not each.ndim or len(each) < least:
            what = "samples (n, d)" if least == 1 else "two samples or more"
            raise DataError(f"{name}: expected {what}, got shape {each.shape}.")
        if not all(np.isfinite(each[part]).all() for part in gen_batches(len(each), BLOCK)):
            raise DataError(f"{name}: some values are missing or infinite.")
        flat.append(each.reshape(len(each), -1))
    first, second = flat
    if first.shape[1] != second.shape[1]:
        raise DataError(
            f"{' and '.join(names)}: expected as many features, "
            f"got {first.shape[1]} and {second.shape[1]}."
        )
    return first, second


def distance_blocks(
    a: Samples, b: Samples, *, once: bool = False
) -> Iterator[tuple[slice, slice, Floats]]:
    """Every pair of `a` (n, d) and `b` (m, d): rows, columns and their distances, block by block,
    all columns of a block of rows before the next. Memory does not grow with n and m. `once`: a and
    b are the same samples, and no block comes a second time with its sides swapped."""
    centre = b[: BLOCK * 8].mean(axis=0, dtype=np.float64)  # less is lost in the differences
    for rows in gen_batches(len(a), BLOCK):
        mine = a[rows].astype(np.float64) - centre
        lengths = np.einsum("ij,ij->i", mine, mine)
        for columns in gen_batches(len(b), BLOCK):
            if once and columns.start < rows.start:
                continue
            theirs = b[columns].astype(np.float64) - centre
            square = mine @ theirs.T
            square *= -2
            square += lengths[:, None]
            square += np.einsum("ij,ij->i", theirs, theirs)[None]
            np.maximum(square, 0, out=square)
            yield rows, columns, np.sqrt(square, out=square)


def nearest(a: Samples, b: Samples, *, k: int = 1, same: bool = False) -> Floats:
    """Distances from each of `a` to its `k` nearest of `b`, (n, k), the nearest first.

    `same`: a and b are the same samples, and nobody is a neighbour of itself. Computed again from
    the differences for the k that are nearest, so that copies are at distance 0 exactly, as long
    as no feature is so large (10⁷ times the others) that squares lose what tells samples apart.
    """
    limit = len(b) - same
    if not 1 <= k <= limit:
        raise DataError(f"k: expected 1 to {limit}, the neighbours there are, got {k}.")
    best = np.full((len(a), k), np.inf)
    who = np.zeros((len(a), k), dtype=np.int64)

    def meet(rows: slice, columns: slice, block: Floats) -> None:
        both = np.concatenate([best[rows], block], axis=1)
        places = np.arange(columns.start, columns.stop)
        names = np.concatenate([who[rows], np.broadcast_to(places, block.shape)], axis=1)
        kept = np.argpartition(both, k - 1, axis=1)[:, :k]
        best[rows] = np.take_along_axis(both, kept, axis=1)
        who[rows] = np.take_along_axis(names, kept, axis=1)

    for rows, columns, block in distance_blocks(a, b, once=same):
        if same and rows == columns:
            np.fill_diagonal(block, np.inf)
        meet(rows, columns, block)
        if same and rows != columns:
            meet(columns, rows, block.T)
    for rows in gen_batches(len(a), BLOCK // k or 1):
        apart = a[rows].astype(np.float64)[:, None] - b[who[rows]].astype(np.float64)
        best[rows] = np.sqrt(np.square(apart).sum(axis=2))
    return np.sort(best, axis=1)
