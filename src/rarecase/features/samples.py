"""One way to go through samples, whether they lie in an array or in a store."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.ahead import ahead
from rarecase.errors import DataError

if TYPE_CHECKING:
    import torch

    from rarecase.features.store import FeatureStore

IN_MEMORY = 2**30  # bytes of float16 up to which a store's samples are held in memory
AT_ONCE = 2**18  # values of a batch that are there in 0.1 ms: handing them over takes as long
ON_DEVICE = 0.2  # share of a GPU's free memory that samples may take to be held there


def is_store(X: Any) -> TypeGuard[FeatureStore]:
    """Whether `X` is a FeatureStore, without importing what a store needs (PyTorch, Zarr)."""
    module = sys.modules.get("rarecase.features.store")
    return module is not None and isinstance(X, module.FeatureStore)


def _torch() -> Any:
    import torch  # the base install has none, and does without

    return torch


class Samples:
    """`n` samples of one shape, read as float32 by index; a store is read batch by batch.

    `rows` picks samples of `X` (and orders them); index 0 is then the first of them. What comes
    from a store is held in memory, as it is held there, when it takes at most `in_memory` bytes.

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
        self._held: torch.Tensor | None = None
        if is_store(X):
            self._rows = np.arange(len(X)) if rows is None else checked_rows(rows, len(X))
            self.shape = X.shape
            if X.dtype.itemsize * len(self._rows) * math.prod(self.shape) <= in_memory:
                self._array = X.read(self._rows, stored=True)
                self._rows = np.arange(len(self._rows))
            else:
                self._store = X
        else:
            self._array = np.asarray(X)
            if self._array.ndim < 2 or self._array.dtype.kind not in "fiub":
                raise DataError(
                    "X: expected numbers, one sample per row, (n, d) or (n, c, h, w); "
                    f"got {self._array.dtype} of shape {self._array.shape}."
                )
            n = len(self._array)
            self._rows = np.arange(n) if rows is None else checked_rows(rows, n)
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

    @property
    def away(self) -> bool:
        """Whether they are held on a device, and not in an array or a store."""
        return self._held is not None

    @property
    def in_memory(self) -> bool:
        """Whether nothing has to be read from a disk."""
        return self._store is None

    @property
    def half(self) -> bool:
        """Whether they are held as float16, as in a store."""
        if self._held is not None:
            return bool(self._held.dtype == _torch().float16)
        held = self._store if self._array is None else self._array
        return held is not None and held.dtype == np.float16

    def on(self, device: torch.device) -> Samples:
        """These samples in the memory of a GPU, if a fifth of what is free there holds them: then a
        training never waits for the disk. Otherwise, and on a CPU, these very ones."""
        if device.type != "cuda":
            return self
        free, _ = _torch().cuda.mem_get_info(device)
        size = (2 if self.half else 4) * len(self) * math.prod(self.shape)
        return self.held_on(device) if size <= ON_DEVICE * free else self

    def held_on(self, device: torch.device) -> Samples:
        """These samples in the memory of `device`, as they are held here (see `tensor`)."""
        if self._held is not None and self._held.device == device:
            return self
        kind = _torch().float16 if self.half else _torch().float32
        there = _torch().empty((len(self), *self.shape), dtype=kind, device=device)
        for at in range(0, len(self), 256):
            part = np.arange(at, min(at + 256, len(self)))
            there[at : at + len(part)] = self.tensor(part).to(device)
        moved = copy.copy(self)
        moved._store = moved._array = None
        moved._held, moved._rows = there, np.arange(len(self))
        return moved

    def read(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Samples `indices` (k,) as float32, (k, *shape)."""
        if self._held is not None:
            return self.tensor(indices).float().cpu().numpy()
        values = self._stored(indices)
        if values.dtype == np.float16 and "torch" in sys.modules:  # a tenth of NumPy's time
            return _torch().from_numpy(values).float().numpy()  # type: ignore[no-any-return]
        return values.astype(np.float32, copy=False)

    def tensor(self, indices: ArrayLike) -> torch.Tensor:
        """Samples `indices` (k, *shape), float16 if they are held so, else float32: half the bytes
        to move to another device, and `.float()` there gives what `read` gives."""
        if self._held is not None:
            rows = self._rows[np.asarray(indices, dtype=np.int64)]
            wanted = _torch().from_numpy(rows).to(self._held.device, non_blocking=True)
            return self._held[wanted]
        values = self._stored(indices)
        if values.dtype != np.float16:
            values = values.astype(np.float32, copy=False)
        return _torch().from_numpy(values)  # type: ignore[no-any-return]

    def _stored(self, indices: ArrayLike) -> NDArray[Any]:
        """Samples `indices` from memory or disk, of the type they are held in there."""
        rows = self._rows[np.asarray(indices, dtype=np.int64)]
        if self._store is not None:
            return self._store.read(rows, stored=True)
        assert self._array is not None
        return np.asarray(self._array[rows])

    def array(self) -> NDArray[Any]:
        """All samples at once, float64 if that is what they are, else float32."""
        if self._array is not None and self._array.dtype not in (np.float16, np.float32):
            return self._array[self._rows].astype(np.float64, copy=False)
        return self.read(np.arange(len(self)))

    def batches(self, size: int = 64) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """(indices, samples) in order, `size` at a time."""
        for start in range(0, len(self), size):
            indices = np.arange(start, min(start + size, len(self)))
            yield indices, self.read(indices)


def samples_of(X: ArrayLike | FeatureStore | Samples, *, rows: ArrayLike | None = None) -> Samples:
    """Samples `rows` of `X`, which may be samples already."""
    if not isinstance(X, Samples):
        return Samples(X, rows=rows)
    return X if rows is None else X.only(checked_rows(rows, len(X)))


def read_ahead(
    samples: Samples | Joined, batches: Sequence[NDArray[np.int64]], *, device: torch.device
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
    """(indices, samples on `device` as `tensor` gives them) batch by batch, the next one read by a
    thread while this one is used; small ones that lie in memory without a thread."""

    def read(batch: NDArray[np.int64]) -> torch.Tensor:
        found = samples.tensor(batch)
        # From pinned memory a batch travels while the GPU computes.
        away = device.type == "cuda" and found.device.type == "cpu"
        return found.pin_memory() if away else found

    largest = max((len(batch) for batch in batches), default=0) * math.prod(samples.shape)
    at_once = samples.in_memory and largest <= AT_ONCE
    for batch, values in ahead(read, batches, workers=0 if at_once else 1):
        yield batch, values.to(device, non_blocking=True)


class Joined:
    """Samples of the same shape one after the other: the real ones, then the synthetic."""

    def __init__(self, first: Samples, second: Samples):
        if first.shape != second.shape:
            raise DataError(f"samples to add: expected shape {first.shape}, got {second.shape}.")
        self.shape = first.shape
        self.first, self.second = first, second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    @property
    def in_memory(self) -> bool:
        """Whether nothing has to be read from a disk."""
        return self.first.in_memory and self.second.in_memory

    def tensor(self, indices: ArrayLike) -> torch.Tensor:
        """Samples `indices` (k, *shape), float16 if both are held so, else float32; on a GPU if one
        of them is."""
        wanted = np.asarray(indices, dtype=np.int64)
        early = wanted < len(self.first)
        parts = (wanted[early], wanted[~early] - len(self.first))
        found = [self.first.tensor(parts[0]), self.second.tensor(parts[1])]
        device = max(found, key=lambda part: part.device.type != "cpu").device
        both = _torch().cat([part.to(device, non_blocking=True) for part in found])
        place = np.argsort(np.concatenate([np.flatnonzero(early), np.flatnonzero(~early)]))
        order = _torch().from_numpy(place).to(device, non_blocking=True)
        return both[order]  # type: ignore[no-any-return]


def epoch_batches(n: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """A shuffled pass over `n` samples without replacement; nothing is dropped.

    A last batch of a single sample joins the one before it (batch norm needs two).

    >>> [len(batch) for batch in epoch_batches(9, 4, np.random.default_rng(0))]
    [4, 5]
    """
    return np.split(rng.permutation(n), _cuts(n, size))


def epoch_length(n: int, size: int) -> int:
    """How many batches `epoch_batches` makes.

    >>> epoch_length(9, 4), epoch_length(10, 4)
    (2, 3)
    """
    return 1 + len(_cuts(n, size))


def _cuts(n: int, size: int) -> list[int]:
    cuts = list(range(size, n, size))
    return cuts[:-1] if cuts and n - cuts[-1] < 2 else cuts


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
        elif kinds and all(issubclass(kind, bool | np.bool_) for kind in kinds):
            labels = labels.astype(bool)
        elif all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
            labels = labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and not np.mod(labels, 1).any():
        labels = labels.astype(np.int64)
    if labels.shape != (n,):
        raise DataError(f"y: expected one label per sample ({n}), got shape {labels.shape}.")
    if labels.dtype.kind not in "Uiub":
        raise DataError(
            f"y: expected classes as strings, integers or booleans, got {labels.dtype}."
        )
    return labels


def checked_rows(rows: ArrayLike, n: int, *, of: str = "X") -> NDArray[np.int64]:
    """Indices into `n` samples, in any order, repeats allowed; `DataError` otherwise."""
    wanted = np.asarray(rows)
    if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
        raise DataError(f"rows: expected integers, got {wanted.dtype} {wanted.shape}.")
    if wanted.size and (wanted.min() < 0 or wanted.max() >= n):
        raise DataError(
            f"rows: {of} has samples 0 to {n - 1}, got {wanted.min()} to {wanted.max()}."
        )
    return wanted.astype(np.int64)
