"""Each voxel beside the mean of its neighbours, and how many of them are like it (NGTDM, NGLDM;
IBSI 3.10, 3.11)."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.features.radiomics.region import offsets, paired
from rarecase.features.radiomics.sizes import NAMES, size_features

FLAT_COARSENESS = 1e6  # what IBSI gives a region without any difference
WORDS = {
    "small": "low_dependence_emphasis", "large": "high_dependence_emphasis",
    "low": "low_grey_level_count_emphasis", "high": "high_grey_level_count_emphasis",
    "small_low": "low_dependence_low_grey_level_emphasis",
    "small_high": "low_dependence_high_grey_level_emphasis",
    "large_low": "high_dependence_low_grey_level_emphasis",
    "large_high": "high_dependence_high_grey_level_emphasis",
    "level_non_uniformity": "grey_level_non_uniformity",
    "level_non_uniformity_normalised": "grey_level_non_uniformity_normalised",
    "size_non_uniformity": "dependence_count_non_uniformity",
    "size_non_uniformity_normalised": "normalised_dependence_count_non_uniformity",
    "percentage": "dependence_count_percentage", "level_variance": "grey_level_variance",
    "size_variance": "dependence_count_variance", "entropy": "dependence_count_entropy",
    "energy": "dependence_count_energy",
}  # fmt: skip


def neighbour_features(
    levels: Ints, *, flat: bool = False, merged: bool = False
) -> dict[str, float]:
    """NGTDM and NGLDM of grey levels (z, y, x), 0: does not count; neighbours touch at least at a
    corner. `flat`: neighbours within slices; features of each slice averaged, or (`merged`) of all
    slices together."""
    count, total, alike = _around(levels, flat=flat)
    at = np.argwhere(levels > 0)
    where = tuple(at.T)
    level, count, total, alike = (each[where] for each in (levels, count, total, alike))
    plane = at[:, 0] if flat and not merged else np.zeros(len(at), dtype=np.int64)
    tones, dependences = [], []
    for z in np.unique(plane):
        mine = plane == z
        tones.append(_tones(level[mine], count[mine], total[mine]))
        dependences.append(size_features(level[mine], alike[mine] + 1, voxels=int(mine.sum())))
    found = {
        f"ngldm_{WORDS[n]}": v for n, v in zip(NAMES, np.mean(dependences, axis=0), strict=True)
    }
    words = ("coarseness", "contrast", "busyness", "complexity", "strength")
    found |= {f"ngtdm_{n}": v for n, v in zip(words, np.mean(tones, axis=0), strict=True)}
    return {name: float(value) for name, value in found.items()}


def _around(levels: Ints, *, flat: bool) -> tuple[Ints, Ints, Ints]:
    """For each voxel the number of neighbours that count, the sum of their levels, and how many
    have its own level."""
    count, total, alike = (np.zeros(levels.shape, dtype=np.int64) for _ in range(3))
    for offset in offsets(flat=flat):
        here, there = paired(levels, offset)
        both = (here > 0) & (there > 0)
        same = both & (here == there)
        for target, ours, theirs in (
            (count, both, both), (total, both * there, both * here), (alike, same, same),
        ):  # fmt: skip
            one, other = paired(target, offset)
            one += ours
            other += theirs
    return count, total, alike


def _tones(level: Ints, count: Ints, total: Ints) -> Floats:
    """Coarseness, contrast, busyness, complexity, strength."""
    known = count > 0
    level, mean = level[known], total[known] / count[known]
    if not len(level):
        return np.full(5, np.nan)
    i, which, n = np.unique(level, return_inverse=True, return_counts=True)
    s = np.bincount(which, weights=np.abs(level - mean))
    p, i = n / n.sum(), i.astype(np.float64)
    coarse = float(p @ s)
    coarseness = 1 / coarse if coarse > 0 else FLAT_COARSENESS
    if len(i) < 2:
        return np.array([coarseness, 0.0, 0.0, 0.0, 0.0])
    apart = i[:, None] - i
    both = p[:, None] + p
    contrast = (np.outer(p, p) * apart**2).sum() / (len(i) * (len(i) - 1)) * s.sum() / n.sum()
    busy = np.abs(np.subtract.outer(i * p, i * p)).sum()
    complexity = (np.abs(apart) * np.add.outer(p * s, p * s) / both).sum() / n.sum()
    strength = (both * apart**2).sum() / s.sum() if s.sum() > 0 else 0.0
    return np.array(
        [coarseness, contrast, coarse / busy if busy > 0 else 0.0, complexity, strength]
    )
