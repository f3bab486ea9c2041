"""Runs of equal grey level in a line (GLRLM, IBSI 3.7)."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.features.radiomics.region import Merge, Offset, grouped, offsets
from rarecase.features.radiomics.sizes import NAMES, size_features

WORDS = {
    "small": "short_runs_emphasis", "large": "long_runs_emphasis",
    "low": "low_grey_level_run_emphasis", "high": "high_grey_level_run_emphasis",
    "small_low": "short_run_low_grey_level_emphasis",
    "small_high": "short_run_high_grey_level_emphasis",
    "large_low": "long_run_low_grey_level_emphasis",
    "large_high": "long_run_high_grey_level_emphasis",
    "level_non_uniformity": "grey_level_non_uniformity",
    "level_non_uniformity_normalised": "grey_level_non_uniformity_normalised",
    "size_non_uniformity": "run_length_non_uniformity",
    "size_non_uniformity_normalised": "run_length_non_uniformity_normalised",
    "percentage": "run_percentage", "level_variance": "grey_level_variance",
    "size_variance": "run_length_variance", "entropy": "run_entropy",
}  # fmt: skip


def run_features(levels: Ints, *, flat: bool = False, merge: Merge = "none") -> dict[str, float]:
    """Features of the runs of grey levels (z, y, x), 0: does not count.

    `flat`: runs within slices, in 4 directions; else in 13 of the volume.
    """
    at = np.argwhere(levels > 0)
    of = levels[tuple(at.T)]
    found = [_runs(at, of, offset) for offset in offsets(flat=flat)]
    plane, direction, level, size = (
        np.concatenate(each)
        for each in zip(
            *((z, np.full(len(z), k), i, j) for k, (z, i, j) in enumerate(found)), strict=True
        )
    )
    by_slice, by_direction = flat and merge in ("none", "directions"), merge in ("none", "slices")
    group = plane * by_slice * len(found) + direction * by_direction
    voxels = np.bincount(at[:, 0]) if by_slice else np.array([len(at)])
    times = 1 if by_direction else len(found)
    parts = [
        size_features(i, j, voxels=int(voxels[z[0] * by_slice]) * times)
        for _, z, i, j in grouped(group, plane, level, size)
    ]
    return _named(np.mean(parts, axis=0))


def _named(values: Floats) -> dict[str, float]:
    return {
        f"rlm_{WORDS[name]}": float(value)
        for name, value in zip(NAMES, values, strict=True)
        if name in WORDS
    }


def _runs(at: Ints, of: Ints, offset: Offset) -> tuple[Ints, Ints, Ints]:
    """Slice of the start, level and length of every run along a direction."""
    axis = int(np.flatnonzero(offset)[0])  # where one step is one step of the direction
    step = at[:, axis] * offset[axis]
    line = at - step[:, None] * np.array(offset)
    line -= line.min(axis=0)
    key = np.ravel_multi_index(tuple(line.T), tuple(line.max(axis=0) + 1))
    order = np.lexsort((step, key))
    key, step, of = key[order], step[order], of[order]
    goes_on = (np.diff(key) == 0) & (np.diff(step) == 1) & (np.diff(of) == 0)
    first = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    length = np.diff(np.concatenate([first, [len(of)]]))
    return at[order][first, 0], of[first], length
