"""Zones of equal grey level that hang together (GLSZM, IBSI 3.8)."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Ints
from rarecase.features.radiomics.sizes import NAMES, size_features

WORDS = {
    "small": "small_zone_emphasis", "large": "large_zone_emphasis",
    "low": "low_grey_level_zone_emphasis", "high": "high_grey_level_zone_emphasis",
    "small_low": "small_zone_low_grey_level_emphasis",
    "small_high": "small_zone_high_grey_level_emphasis",
    "large_low": "large_zone_low_grey_level_emphasis",
    "large_high": "large_zone_high_grey_level_emphasis",
    "level_non_uniformity": "grey_level_non_uniformity",
    "level_non_uniformity_normalised": "grey_level_non_uniformity_normalised",
    "size_non_uniformity": "zone_size_non_uniformity",
    "size_non_uniformity_normalised": "zone_size_non_uniformity_normalised",
    "percentage": "zone_percentage", "level_variance": "grey_level_variance",
    "size_variance": "zone_size_variance", "entropy": "zone_size_entropy",
}  # fmt: skip


def zone_features(levels: Ints, *, flat: bool = False, merged: bool = False) -> dict[str, float]:
    """Features of zones of grey levels (z, y, x), 0: does not count. Neighbours touch at least at a
    corner. `flat`: zones within slices; features of each slice averaged, or (`merged`) of the zones
    of all slices together."""
    parts = [_zones(plane) for plane in levels if plane.any()] if flat else [_zones(levels)]
    if merged:
        parts = [tuple(np.concatenate(each) for each in zip(*parts, strict=True))]  # type: ignore[list-item]
    found = np.mean([size_features(i, j, voxels=int(j.sum())) for i, j in parts], axis=0)
    return {
        f"szm_{WORDS[name]}": float(value)
        for name, value in zip(NAMES, found, strict=True)
        if name in WORDS
    }


def _zones(levels: Ints) -> tuple[Ints, Ints]:
    """Level and voxels of every zone."""
    from skimage.measure import label  # of the extra `imaging`

    zones = label(levels, background=0, connectivity=levels.ndim)  # type: ignore[no-untyped-call]
    of, first, size = np.unique(zones, return_index=True, return_counts=True)
    real = of > 0
    return levels.ravel()[first[real]], size[real]
