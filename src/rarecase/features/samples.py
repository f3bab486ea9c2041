"""One way to go through samples, whether they lie in an array or in a store."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError

if TYPE_CHECKING:
    import torch

    from rarecase.features.store import FeatureStore

IN_MEMORY = 2**30  # bytes of float16 up to which a store's samples are held in memory


def is_store(X: Any) -> TypeGuard[FeatureStore]:
    """Whether `X` is a FeatureStore; asks without importing what a store needs (PyTorch, Zarr): if
    nobody has, there is none."""
    module = sys.modules.get("rarecase.features.store")
    return module is not None and isinstance(X, module.FeatureStore)


class Samples:
    """`n` samples of one shape, read as float32 by index; a store is read batch by batch.

    `rows` picks samples of `X` (and orders them); index 0 is then the first of them. What comes
    from a store is held in memory as float16 when it takes at most `in_memory` bytes.

    >>> samples = Samples(np.arange(8.0).reshape(4, 2), rows=[3, 1])
    >>> len(samples), samples.shape, samples.read([0])
    (2, (2,), array([[6., 7.]], dtype=float32))
    """

    def __init__(
        self,
        X: ArrayLike | FeatureStore,
        *,
        rows: ArrayLike | None = None,
        in_memory: int = IN_MEMORY,
    ):
        self._store: FeatureStore | None = None
        self._array: NDArray[Any] | None = None
        if is_store(X):
            self._rows = _checked_rows(rows, len(X))
            self.shape = X.shape
            if 2 * len(self._rows) * math.prod(self.shape) <= in_memory:
                self._array = X.read(self._rows, half=True)
                self._rows = np.arange(len(self._rows))
            else:
                self._store = X
        else:
            self._array = np.asarray(X)
            if self._array.ndim < 2 or self._array.dtype.kind not in "fiub":
                raise DataError(
                    "X: expected numbers, one sample a row, (n, d) or (n, c, h, w); "
                    f"got {self._array.dtype} of shape {self._array.shape}."
                )
            self._rows = _checked_rows(rows, len(self._array))
            self.shape = tuple(self._array.shape[1:])
        if min(self.shape) < 1:
            raise DataError(f"X: expected samples with at least one value, got {self.shape}.")

    def __len__(self) -> int:
        return len(self._rows)

    def only(self, rows: NDArray[np.int64]) -> Samples:
        """The samples `rows` of these, in that order; nothing is copied."""
        chosen = copy.copy(self)
        chosen._rows = self._rows[rows]
        return chosen

    def read(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Samples `indices` (k,) as float32, (k, *shape)."""
        rows = self._rows[np.asarray(indices, dtype=np.int64)]
        if self._store is not None:
            return self._store.read(rows)
        assert self._array is not None
        values = self._array[rows]
        if values.dtype == np.float16 and "torch" in sys.modules:  # a tenth of NumPy's time
            return self._torch().from_numpy(values).float().numpy()  # type: ignore[no-any-return]
        return values.astype(np.float32, copy=False)

    def tensor(self, indices: ArrayLike) -> torch.Tensor:
        """Samples `indices` (k, *shape) as they are held: float16 from a store, else float32.

        Half the bytes to carry to another device; `.float()` there gives what `read` gives.
        """
        rows = self._rows[np.asarray(indices, dtype=np.int64)]
        values: NDArray[Any]
        if self._store is not None:
            values = self._store.read(rows, half=True)
        else:
            assert self._array is not None
            values = self._array[rows]
            if values.dtype != np.float16:
                values = values.astype(np.float32, copy=False)
        held: torch.Tensor = self._torch().from_numpy(values)
        return held

    def array(self) -> NDArray[Any]:
        """All samples at once, float64 if that is what they are, else float32."""
        if self._array is not None and self._array.dtype.kind != "f":
            return self._array[self._rows].astype(np.float64)
        if self._array is not None and self._array.dtype == np.float64:
            return self._array[self._rows]
        return self.read(np.arange(len(self)))

    @staticmethod
    def _torch() -> Any:
        import torch  # the base install has none, and does without

        return torch

    def batches(self, size: int = 64) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """(indices, samples) in order, `size` at a time."""
        for start in range(0, len(self), size):
            indices = np.arange(start, min(start + size, len(self)))
            yield indices, self.read(indices)


def read_ahead(
    samples: Samples, batches: Iterable[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
    """(indices, samples) batch by batch, the next one read by a thread while this one is used."""
    with ThreadPoolExecutor(1) as reader:
        waiting: tuple[NDArray[np.int64], Future[torch.Tensor]] | None = None
        for batch in batches:
            following = (batch, reader.submit(samples.tensor, batch))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following
        if waiting is not None:
            yield waiting[0], waiting[1].result()


class Joined:
    """Samples of the same shape one after the other: the real ones, then the synthetic."""

    def __init__(self, first: Samples, second: Samples):
        if first.shape != second.shape:
            raise DataError(f"samples to add: expected shape {first.shape}, got {second.shape}.")
        self.shape = first.shape
        self.first, self.second = first, second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def read(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Samples `indices` (k,) as float32, (k, *shape)."""
        wanted = np.asarray(indices, dtype=np.int64)
        out = np.empty((len(wanted), *self.shape), np.float32)
        early = wanted < len(self.first)
        out[early] = self.first.read(wanted[early])
        out[~early] = self.second.read(wanted[~early] - len(self.first))
        return out


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


def moments(samples: Samples) -> Moments:
    """Moments of `samples` in one pass, accumulated in float64.

    Raises `DataError` on NaN or infinite values, naming the first sample with one.
    """
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


def epoch_batches(
    n: int, size: int, rng: np.random.Generator, *, smallest: int = 2
) -> list[NDArray[np.int64]]:
    """A shuffled pass over `n` samples without replacement; nothing is dropped.

    A last batch of fewer than `smallest` samples joins the one before it (batch norm needs two).

    >>> [len(batch) for batch in epoch_batches(9, 4, np.random.default_rng(0))]
    [4, 5]
    """
    order = rng.permutation(n)
    cuts = list(range(size, n, size))
    if cuts and n - cuts[-1] < smallest:
        cuts.pop()
    return np.split(order, cuts)


def checked_labels(y: ArrayLike, n: int) -> NDArray[Any]:
    """`y` as an array of strings or integers of length `n`; `DataError` otherwise.

    Whole numbers that come as floats are taken as integers.

    >>> checked_labels(["HGG", "LGG"], 2)
    array(['HGG', 'LGG'], dtype='<U3')
    """
    labels = np.asarray(y)
    if labels.dtype == object or isinstance(labels.dtype, np.dtypes.StringDType):
        kinds = {type(label) for label in labels.ravel()}
        if all(issubclass(kind, str) for kind in kinds):
            labels = labels.astype(str)
        elif all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
            labels = labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and not np.mod(labels, 1).any():
        labels = labels.astype(np.int64)
    if labels.shape != (n,):
        raise DataError(f"y: expected one label a sample ({n}), got shape {labels.shape}.")
    if labels.dtype.kind not in "Uiu":
        raise DataError(f"y: expected classes as strings or integers, got {labels.dtype}.")
    return labels


def _checked_rows(rows: ArrayLike | None, n: int) -> NDArray[np.int64]:
    if rows is None:
        return np.arange(n)
    wanted = np.asarray(rows)
    if wanted.ndim != 1 or wanted.dtype.kind not in "iu":
        raise DataError(f"rows: expected integer indices, got {wanted.dtype} {wanted.shape}.")
    wanted = wanted.astype(np.int64)
    if len(wanted) and (wanted.min() < 0 or wanted.max() >= n):
        raise DataError(f"rows: X has samples 0 to {n - 1}, got {wanted.min()} to {wanted.max()}.")
    return wanted
