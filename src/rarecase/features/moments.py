"""Statistics of samples, channel by channel: what generators and classifiers scale with."""

from __future__ import annotations

import hashlib
import logging
import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.features.samples import Samples
from rarecase.seeds import numpy_rng

log = logging.getLogger(__name__)
COARSE = 1e-6  # of a mean: float32 resolves 1e-7 of it, too little to tell a deviation from steps


@dataclass(frozen=True)
class Moments:
    """Per-channel statistics of samples: over all samples and positions of a channel (or feature).

    `mean`, `std` (population; exactly 0 where nothing varies) and `rms` are float32 (channels,);
    `nonnegative` says whether no value is below 0; `digest` is one for the same values in the same
    order, wherever they are held.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    rms: NDArray[np.float32]
    nonnegative: bool
    digest: str


@dataclass
class Sums:
    """Of each channel (channels,) the sum and the sum of squares, and both of what is left when
    `middle` is subtracted; the lowest value of all; a checksum per sample."""

    total: NDArray[np.float64]
    square: NDArray[np.float64]
    middle: NDArray[np.float32]
    rest: NDArray[np.float64]
    rest_square: NDArray[np.float64]
    lowest: float
    checks: list[NDArray[np.int64]]

    @classmethod
    def around(cls, middle: NDArray[np.float32]) -> Sums:
        """None yet."""
        total, square, rest, rest_square = np.zeros((4, len(middle)))
        return cls(total, square, middle, rest, rest_square, np.inf, [])


_KNOWN: WeakKeyDictionary[Samples, Moments] = WeakKeyDictionary()


def moments(samples: Samples) -> Moments:
    """Moments of `samples` in one pass, accumulated in float64; asked again, the same at once.

    Raises `DataError` on NaN or infinite values, naming the first sample with one.
    """
    if samples not in _KNOWN:
        _KNOWN[samples] = _moments(samples)
    return _KNOWN[samples]


def _moments(samples: Samples) -> Moments:
    found = (_sums_there if samples.away else _sums)(samples)
    count = len(samples) * math.prod(samples.shape[1:])
    # Around a value of the data: far from 0 the difference of plain squares has no digits left.
    checks = np.concatenate([*found.checks, np.empty(0, np.int64)])
    known = repr(samples.shape).encode() + checks.tobytes()
    variance = found.rest_square / count - (found.rest / count) ** 2
    return Moments(
        (found.total / count).astype(np.float32),
        np.sqrt(np.maximum(variance, 0)).astype(np.float32),
        np.sqrt(found.square / count).astype(np.float32),
        found.lowest >= 0,
        hashlib.blake2b(known, digest_size=16).hexdigest(),
    )


def _sums(samples: Samples) -> Sums:
    weights = _check_weights(samples)
    found: Sums | None = None
    for indices, batch in samples.batches():
        flat = np.ascontiguousarray(batch).reshape(len(batch), samples.shape[0], -1)
        sums = flat.sum(axis=(1, 2), dtype=np.float64)
        if not np.isfinite(sums).all():
            bad = indices[np.flatnonzero(~np.isfinite(sums))[0]]
            raise DataError(
                f"X: sample {bad} holds NaN or infinite values; drop such samples or fill them in."
            )
        if found is None:
            found = Sums.around(np.median(flat[:, :, 0], axis=0))
        bits = flat.reshape(len(flat), -1).view(np.int32)
        found.checks.append(np.einsum("nv,v->n", bits, weights, dtype=np.int64))
        found.total += flat.sum(axis=2, dtype=np.float64).sum(axis=0)
        found.square += np.einsum("ncp,ncp->c", flat, flat, dtype=np.float64)
        found.lowest = min(found.lowest, float(flat.min()))
        flat = flat - found.middle[:, None]
        found.rest += flat.sum(axis=2, dtype=np.float64).sum(axis=0)
        found.rest_square += np.einsum("ncp,ncp->c", flat, flat, dtype=np.float64)
    return Sums.around(np.zeros(samples.shape[0], np.float32)) if found is None else found


def _sums_there(samples: Samples) -> Sums:
    """The same for samples on a GPU, computed there: nothing but the sums comes back."""
    import torch

    found: Sums | None = None
    weights: torch.Tensor | None = None
    for start in range(0, len(samples), 256):
        batch = samples.tensor(np.arange(start, min(start + 256, len(samples)))).float()
        if weights is None:
            weights = torch.from_numpy(_check_weights(samples)).to(batch.device)
        flat = batch.reshape(len(batch), samples.shape[0], -1)
        if found is None:
            found = Sums.around(flat[:, :, 0].median(0).values.cpu().numpy())
            middle = torch.from_numpy(found.middle).to(batch.device)[:, None]
        bits = flat.reshape(len(flat), -1).view(torch.int32)
        found.checks.append((bits * weights).sum(1).cpu().numpy())
        found.lowest = min(found.lowest, float(flat.min()))
        for total, square, subtracted in (
            (found.total, found.square, torch.zeros_like(middle)),
            (found.rest, found.rest_square, middle),
        ):
            values = flat.double().sub_(subtracted)
            total += values.sum((0, 2)).cpu().numpy()
            square += values.square().sum((0, 2)).cpu().numpy()
    if found is None or not np.isfinite(found.total).all():
        return _sums(samples)  # which says where
    return found


def _check_weights(samples: Samples) -> NDArray[np.int64]:
    """What a sample's bits are weighted with in its checksum: whole numbers, so that the sum is the
    same in any order and on any machine."""
    return numpy_rng(0, "checksum").integers(2**63, size=math.prod(samples.shape))


def warn_of_coarse(samples: Samples) -> None:
    """Say once which columns of a float64 table (n, d) vary so little beside their mean that
    float32, in which networks compute, does not distinguish their values."""
    values = samples.array() if len(samples.shape) == 1 else np.empty((0, 0), np.float32)
    if values.dtype != np.float64:
        return
    with np.errstate(invalid="ignore", over="ignore"):  # `moments` says what is not finite
        spread, mean = values.std(axis=0), values.mean(axis=0)
    coarse = np.flatnonzero((spread > 0) & (spread < COARSE * np.abs(mean)))
    if coarse.size:
        log.warning(
            "X: columns %s (from 0) vary by less than a millionth of their mean, which float32 "
            "cannot resolve, and so cannot be learnt; subtract an offset from them first.",
            ", ".join(map(str, coarse)),
        )


def column_scale(spread: NDArray[np.float32]) -> NDArray[np.float32]:
    """What columns of a table with this rms or deviation are divided by: just that, 1 for 0.

    >>> column_scale(np.array([0.0, 1e-6, 2.0], dtype=np.float32)).tolist()
    [1.0, 9.999999974752427e-07, 2.0]
    """
    return np.where(spread > 0, spread, np.float32(1))


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
