"""Statistics of samples, channel by channel: what generators and classifiers scale with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.features.samples import Samples


@dataclass(frozen=True)
class Moments:
    """Per-channel statistics of samples: over all samples and positions of a channel (or feature).

    `mean`, `std` (population) and `rms` are float32 (channels,); `nonnegative` says whether no
    value is below 0.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    rms: NDArray[np.float32]
    nonnegative: bool


Sums = tuple[NDArray[np.float64], NDArray[np.float64], float]
_KNOWN: WeakKeyDictionary[Samples, Moments] = WeakKeyDictionary()


def moments(samples: Samples) -> Moments:
    """Moments of `samples` in one pass, accumulated in float64; asked again, the same at once.

    Raises `DataError` on NaN or infinite values, naming the first sample with one.
    """
    if samples not in _KNOWN:
        _KNOWN[samples] = _moments(samples)
    return _KNOWN[samples]


def _moments(samples: Samples) -> Moments:
    total, square, lowest = (_sums_there if samples.away else _sums)(samples)
    count = len(samples) * math.prod(samples.shape[1:])
    mean, power = total / count, square / count
    # For data far from 0 the difference of squares loses digits; float64 sums keep enough of them.
    std = np.sqrt(np.maximum(power - mean**2, 0))
    return Moments(
        mean.astype(np.float32),
        std.astype(np.float32),
        np.sqrt(power).astype(np.float32),
        lowest >= 0,
    )


def _sums(samples: Samples) -> Sums:
    """Of each channel the sum and the sum of squares, and the lowest value of all."""
    channels = samples.shape[0]
    total, square, lowest = np.zeros(channels), np.zeros(channels), np.inf
    for indices, batch in samples.batches():
        flat = batch.reshape(len(batch), channels, -1)
        sums = flat.sum(axis=(1, 2), dtype=np.float64)
        if not np.isfinite(sums).all():
            bad = indices[np.flatnonzero(~np.isfinite(sums))[0]]
            raise DataError(
                f"X: sample {bad} holds NaN or infinite values; drop such samples or fill them in."
            )
        total += flat.sum(axis=2, dtype=np.float64).sum(axis=0)
        square += np.einsum("ncp,ncp->c", flat, flat, dtype=np.float64)
        lowest = min(lowest, float(flat.min()))
    return total, square, lowest


def _sums_there(samples: Samples) -> Sums:
    """The same for samples on a GPU, computed there: nothing but the sums comes back."""
    total, square = np.zeros(samples.shape[0]), np.zeros(samples.shape[0])
    lowest = np.inf
    for start in range(0, len(samples), 256):
        batch = samples.tensor(np.arange(start, min(start + 256, len(samples))))
        flat = batch.double().reshape(len(batch), samples.shape[0], -1)
        total += flat.sum((0, 2)).cpu().numpy()
        square += flat.square().sum((0, 2)).cpu().numpy()
        lowest = min(lowest, float(flat.min()))
    if not np.isfinite(total).all():
        return _sums(samples)  # which says where
    return total, square, lowest


def safe_scale(spread: NDArray[np.float32]) -> NDArray[np.float32]:
    """What channels of this rms or deviation are divided by: never 0, nor next to it.

    A channel that is all but dead in training (one pixel, say) would otherwise blow a test
    sample's value up a thousandfold; the floor is a hundredth of the live channels' median.

    >>> safe_scale(np.array([0.0, 1e-6, 2.0, 4.0], dtype=np.float32)).tolist()
    [0.019999999552965164, 0.019999999552965164, 2.0, 4.0]
    >>> safe_scale(np.zeros(1, dtype=np.float32)).tolist()
    [1.0]
    """
    live = spread[spread > 0]
    if not live.size:
        return np.ones_like(spread)
    return np.maximum(spread, np.float32(0.01) * np.median(live))
