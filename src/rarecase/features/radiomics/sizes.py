"""Features of grey levels and sizes: of runs, zones and dependences, which differ in what a size is
(IBSI 3.7, 3.8, 3.11)."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Floats, Ints

NAMES = (
    "small", "large", "low", "high", "small_low", "small_high", "large_low", "large_high",
    "level_non_uniformity", "level_non_uniformity_normalised", "size_non_uniformity",
    "size_non_uniformity_normalised", "percentage", "level_variance", "size_variance", "entropy",
    "energy",
)  # fmt: skip


def size_features(levels: Ints, sizes: Ints, *, voxels: int) -> Floats:
    """The features `NAMES` of items (runs, zones, …) with these levels and sizes (n,), found among
    so many `voxels`.

    >>> found = dict(zip(NAMES, size_features(np.array([1, 1, 2]), np.array([1, 2, 1]), voxels=4)))
    >>> float(found["percentage"]), float(found["large"])
    (0.75, 2.0)
    """
    n = len(levels)
    if not n:
        return np.full(len(NAMES), np.nan)
    i, j = levels.astype(np.float64), sizes.astype(np.float64)
    i2, j2 = i**2, j**2
    _, of_level = np.unique(levels, return_counts=True)
    _, of_size = np.unique(sizes, return_counts=True)
    _, both = np.unique(levels * (int(sizes.max()) + 1) + sizes, return_counts=True)
    p = both / n
    level_squares, size_squares = (
        float((each.astype(float) ** 2).sum()) for each in (of_level, of_size)
    )
    return np.array(
        [
            (1 / j2).mean(), j2.mean(), (1 / i2).mean(), i2.mean(),
            (1 / (i2 * j2)).mean(), (i2 / j2).mean(), (j2 / i2).mean(), (i2 * j2).mean(),
            level_squares / n, level_squares / n**2, size_squares / n, size_squares / n**2,
            n / voxels, i.var(), j.var(), -(p * np.log2(p)).sum(), (p**2).sum(),
        ]
    )  # fmt: skip
