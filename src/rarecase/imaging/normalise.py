"""Intensity normalisation: per case (robust, background exactly 0), or one mean for a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A value must fill this part of a case to be its background.
_BACKGROUND_SHARE = 0.10
# Foreground begins at this part of the 99.5th percentile above the background.
_FOREGROUND = 0.05
# Values are signed (a z-scored volume) if they reach below the background by more than this part
# of their reach above it, extremes aside; noise around the background does not reach so far.
_SIGNED = 0.25
# Tissue begins at this part of the foreground's median above the background: voxels at the edge of
# the head, half tissue and half air, lie below.
_TISSUE = 0.5
# The most common value is looked for in about so many voxels, then counted in all of them.
_SAMPLE = 200_000
_CHUNK = 64


@dataclass(frozen=True)
class Scale:
    """How one channel of one case is normalised; made by `fit_scale`, used by `apply_scale`.

    background: the value that becomes 0. mean, std: of the foreground or tissue. ramp: how far
    above the background the foreground begins; None for signed values, where all but the background
    counts.
    """

    background: float
    mean: float
    std: float
    ramp: float | None


def fit_scale(values: NDArray[np.float32], *, tissue: bool = False) -> Scale:
    """The scale of one channel of one case, from all its voxels (any shape, finite).

    The background is the most common value if it fills at least 10 % of the voxels, else the
    minimum. The foreground lies more than 5 % of the 99.5th percentile above the background.

    tissue: mean and deviation of the foreground that lies more than half the foreground's median
    above the background. At the edge of the head voxels are half tissue and half air, the more of
    them the larger they are: they widen the foreground's deviation, but not the tissue's, and a
    scan of voxels twice as long has nearly the scale of the fine one. Signed values (z-scored ones)
    have no such edge and are scaled by their foreground.
    """
    flat = values.ravel()
    background = _background(flat)
    above = flat - np.float32(background)
    low, high = (float(q) for q in np.percentile(above, (0.5, 99.5)))
    if -low > _SIGNED * max(high, 0.0):
        ramp = None
        foreground = flat[above != 0]
    else:
        ramp = _FOREGROUND * high
        if ramp <= 0:  # fewer than 0.5 % of the voxels rise above the background
            ramp = _FOREGROUND * float(above.max(initial=0))
        foreground = flat[above > ramp]
        if tissue and foreground.size:
            middle = float(np.median(foreground)) - background
            foreground = foreground[foreground - np.float32(background) > _TISSUE * middle]
    if foreground.size == 0:
        return Scale(background, background, 1.0, ramp)
    std = float(foreground.std(dtype=np.float64))
    return Scale(background, float(foreground.mean(dtype=np.float64)), std or 1.0, ramp)


def apply_scale(values: NDArray[np.float32], scale: Scale) -> NDArray[np.float32]:
    """Normalised values in 0 to 3: the background is 0, the mean of the foreground or tissue 1.

    y = clip(1 + z / 3, 0, 3) with z = (x - mean) / std of the scale. Between background
    and foreground y rises from 0 without a jump, so that noise in the air stays near 0.
    """
    y = (values - np.float32(scale.mean)) * np.float32(1 / (3 * scale.std))
    y += 1
    np.clip(y, 0, 3, out=y)
    if scale.ramp is None:
        y[values == np.float32(scale.background)] = 0
    elif scale.ramp > 0:
        weight = (values - np.float32(scale.background)) * np.float32(1 / scale.ramp)
        y *= np.clip(weight, 0, 1, out=weight)
    else:  # the channel is constant
        y[:] = 0
    return np.asarray(y, dtype=np.float32)


def fit_mean_std(
    images: NDArray[np.float32], rows: Sequence[int] | NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel over `rows` of `images` (n, c, h, w).

    This is the paper's normalisation (one mean and standard deviation for the cohort), but fitted
    on the rows given, which should be the training patients'. `images` may be a memory map: it is
    read 64 slices at a time. Sums are combined as in Chan et al. 1979, exact for any offset.

    >>> mean, std = fit_mean_std(np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2), [0, 1])
    >>> float(mean[0]), round(float(std[0]), 4)
    (3.5, 2.2913)
    """
    order = np.sort(np.asarray(rows, dtype=np.int64))
    channels = images.shape[1]
    count, mean, squares = 0, np.zeros(channels), np.zeros(channels)
    for start in range(0, len(order), _CHUNK):
        part = np.asarray(images[order[start : start + _CHUNK]], dtype=np.float64)
        part = np.moveaxis(part, 1, 0).reshape(channels, -1)
        size = part.shape[1]
        part_mean = part.mean(axis=1)
        part_squares = ((part - part_mean[:, None]) ** 2).sum(axis=1)
        delta = part_mean - mean
        total = count + size
        mean = mean + delta * size / total
        squares = squares + part_squares + delta**2 * count * size / total
        count = total
    std = np.sqrt(squares / max(count, 1))
    return mean, np.where(std > 0, std, 1.0)


def _background(flat: NDArray[np.float32]) -> float:
    # A prime stride does not fall in step with rows or slices.
    stride = max(1, flat.size // _SAMPLE)
    while stride > 1 and any(stride % k == 0 for k in range(2, int(stride**0.5) + 1)):
        stride += 1
    found, counts = np.unique(flat[::stride], return_counts=True)
    candidate = found[counts.argmax()]
    if np.count_nonzero(flat == candidate) >= _BACKGROUND_SHARE * flat.size:
        return float(candidate)
    return float(flat.min())
