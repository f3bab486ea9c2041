"""Features of any rank on disk: a Zarr 3 array, float16, one sample a chunk, sharded.

Writing goes through the zarr library. Reading random samples does not: zarr 3.1 resolves every
inner chunk of a shard on its event loop, 75 samples of (1024, 15, 15) a second on two cores;
`_shards` reads the shard's own index and the asked chunks, 1,700 a second, and the tests hold
the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import zarr
from numpy.typing import ArrayLike, NDArray
from zarr.codecs import ZstdCodec

from rarecase.errors import DataError
from rarecase.features._shards import ShardReader
from rarecase.files import read_json, replacing_file

SHARD_SAMPLES = 64
SHARD_BYTES = 64 * 2**20
LARGEST = 65504.0  # the largest float16
_FORMAT = "rarecase-features-1"
_OPEN_SHARDS = 4  # partly written shards held in memory at a time


class FeatureStore:
    """Samples of one block, `(n, *shape)`, with a table of rows beside them.

    On disk: a Zarr group `PATH` with the array `features` (float16, zstd level 1) and
    `PATH/rows.parquet`, one row a sample. Make one with `create` (write, then close it or use
    `with`), read one with `open`. Memory does not grow with n.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "bottleneck.zarr"
    >>> rows = pd.DataFrame({"case": ["a", "a", "b"]})
    >>> with FeatureStore.create(place, block="bottleneck", shape=(2, 1, 1), rows=rows) as store:
    ...     store.write(0, np.arange(6).reshape(3, 2, 1, 1))
    >>> FeatureStore.open(place).read([2, 0])[:, :, 0, 0]
    array([[4., 5.],
           [0., 1.]], dtype=float32)
    """

    def __init__(
        self,
        path: Path,
        array: Any,
        *,
        block: str,
        rows: pd.DataFrame,
        writing: bool,
        seen: Sequence[str] = (),
    ):
        """Use `create` or `open`."""
        self.path = path
        self.block = block
        self.seen = frozenset(seen)
        self.shape: tuple[int, ...] = tuple(array.shape[1:])
        self.rows = rows
        self._array = array
        self._per_shard = int(array.shards[0])
        self._reader = ShardReader(path / "features", self.shape, self._per_shard)
        self._writing = writing
        self._written = np.full(len(rows), not writing)
        self._buffers: dict[int, tuple[NDArray[np.float16], NDArray[np.bool_]]] = {}

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        block: str,
        shape: Sequence[int],
        rows: pd.DataFrame,
        seen: Sequence[str] = (),
    ) -> FeatureStore:
        """A new store of `len(rows)` samples of `shape` ((d,), (c, h, w), (c, d, h, w), …).

        `seen`: the patients whom the network that makes the features has learnt from. Raises
        `DataError` when `path` exists (nothing is overwritten), when `rows` is empty or `shape`
        holds something below 1.
        """
        path = Path(path)
        sides = tuple(int(side) for side in shape)
        if path.exists():
            raise DataError(f"{path} exists; remove it or choose another place for {block!r}.")
        if not sides or min(sides) < 1:
            raise DataError(f"shape of block {block!r}: expected sides of at least 1, got {sides}.")
        if len(rows) == 0:
            raise DataError(f"rows of block {block!r}: expected one row a sample, got none.")
        sample_bytes = 2 * int(np.prod(sides))
        shard = max(1, min(SHARD_SAMPLES, SHARD_BYTES // sample_bytes, len(rows)))
        group = zarr.create_group(
            str(path),
            attributes={
                "format": _FORMAT, "block": block, "complete": False, "seen": sorted(seen)
            },
        )  # fmt: skip
        array = group.create_array(
            "features",
            shape=(len(rows), *sides),
            dtype="float16",
            chunks=(1, *sides),
            shards=(shard, *sides),
            compressors=ZstdCodec(level=1, checksum=True),
            config={"write_empty_chunks": True},
        )
        store = cls(path, array, block=block, rows=rows, writing=True, seen=seen)
        store.set_rows(rows)
        return store

    @classmethod
    def open(cls, path: Path | str) -> FeatureStore:
        """Open a finished store for reading.

        Raises `DataError` when there is none, or when its writer did not finish.
        """
        path = Path(path)
        attributes = read_json(path / "zarr.json").get("attributes", {})
        if attributes.get("format") != _FORMAT:
            raise DataError(f"{path}: not a feature store of this version of rarecase.")
        if not attributes["complete"]:
            raise DataError(f"{path}: was never finished (a killed run?); remove it, make it anew.")
        rows_file = path / "rows.parquet"
        if not rows_file.is_file():
            raise DataError(f"{rows_file}: no such file; the store is damaged, make it anew.")
        rows = pd.read_parquet(rows_file)
        array = zarr.open_array(str(path / "features"), mode="r")
        if len(rows) != array.shape[0]:
            raise DataError(f"{path}: {array.shape[0]} samples but {len(rows)} rows; make it anew.")
        return cls(
            path, array, block=attributes["block"], rows=rows, writing=False,
            seen=attributes.get("seen", ()),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"FeatureStore({self.block!r}, n={len(self)}, shape={self.shape}, {self.path})"

    @property
    def nbytes(self) -> int:
        """Bytes on disk, rows included."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def write(self, start: int, batch: ArrayLike | torch.Tensor) -> None:
        """Write samples `start …` from `batch` (k, *shape), any real type, finite, |x| ≤ 65504.

        Batches that are whole shards (64 samples) go straight to disk; other batches are gathered
        until a shard is full, so call `close` (or use `with`). Raises `DataError` on a wrong
        shape, rows beyond the end, NaN, and values that float16 cannot hold.
        """
        if not self._writing:
            raise DataError(f"{self.path} is open for reading; make a new store to write.")
        half = self._as_half(batch)
        if start < 0 or start + len(half) > len(self):
            raise DataError(
                f"write of {len(half)} samples at {start}: {self.block!r} has {len(self)} rows."
            )
        at = 0
        while at < len(half):
            shard, offset = divmod(start + at, self._per_shard)
            count = min(self._shard_length(shard) - offset, len(half) - at)
            self._put(shard, offset, half[at : at + count])
            at += count

    def set_rows(self, rows: pd.DataFrame) -> None:
        """Replace the table of rows (same length), for columns known only after writing."""
        if not self._writing or len(rows) != len(self):
            raise DataError(
                f"set_rows on {self.path}: expected a store being written and {len(self)} rows, "
                f"got {len(rows)} rows{'' if self._writing else ' and a store open for reading'}."
            )
        self.rows = rows.reset_index(drop=True)
        with replacing_file(self.path / "rows.parquet") as beside:
            self.rows.to_parquet(beside)

    def flush(self) -> None:
        """Put every gathered sample on disk."""
        for shard in list(self._buffers):
            self._flush_shard(shard)

    def close(self) -> None:
        """Flush and mark the store finished. `DataError` when rows were never written."""
        if not self._writing:
            return
        self.flush()
        missing = np.flatnonzero(~self._written)
        if len(missing):
            raise DataError(
                f"{self.path}: {len(missing)} of {len(self)} samples were never written, "
                f"the first is {missing[0]}."
            )
        zarr.open_group(str(self.path), mode="r+").attrs["complete"] = True
        self._writing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()

    def read(self, indices: ArrayLike, *, half: bool = False) -> NDArray[Any]:
        """Samples `indices` as float32 (float16 with `half`), (len(indices), *shape).

        In the order asked; an index may come twice. Raises `DataError` when one is out of range,
        was never written, or its chunk is damaged.
        """
        wanted = np.asarray(indices)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise DataError(
                f"indices: expected a list of integers, got {wanted.dtype} {wanted.shape}."
            )
        wanted = wanted.astype(np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise DataError(
                f"indices: {self.block!r} has samples 0 to {len(self) - 1}, "
                f"asked for {wanted.min()} to {wanted.max()}."
            )
        if self._writing:
            self.flush()
            if not self._written[wanted].all():
                raise DataError(f"{self.path}: some of the samples asked for were never written.")
        values = self._reader.read(wanted)
        if half:
            return values
        # PyTorch's float16 conversion is vectorised, NumPy's is not: a tenth of the time.
        return torch.from_numpy(values).float().numpy()

    def read_all(self, *, half: bool = False) -> NDArray[Any]:
        """Every sample, (n, *shape). Memory: 4 bytes a value (2 with `half`)."""
        return self.read(np.arange(len(self)), half=half)

    def batches(self, size: int = SHARD_SAMPLES) -> Iterator[NDArray[np.float32]]:
        """Go through all samples in order, `size` at a time, float32."""
        for start in range(0, len(self), size):
            yield self.read(np.arange(start, min(start + size, len(self))))

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return self.batches()

    def _shard_length(self, shard: int) -> int:
        return min(self._per_shard, len(self) - shard * self._per_shard)

    def _as_half(self, batch: ArrayLike | torch.Tensor) -> NDArray[np.float16]:
        if not isinstance(batch, torch.Tensor):
            array = np.asarray(batch)
            if array.dtype.kind not in "fiub":
                raise DataError(f"batch for {self.block!r}: expected numbers, got {array.dtype}.")
            copied = array.dtype.kind != "f" or not array.flags.writeable
            batch = torch.from_numpy(array.astype(np.float32) if copied else array)
        values = batch
        if tuple(values.shape[1:]) != self.shape:
            raise DataError(
                f"batch for {self.block!r}: expected samples of {self.shape}, "
                f"got {tuple(values.shape)}."
            )
        values = values.detach().to("cpu")
        # |x| ≤ 65504 is false for NaN too: one pass finds everything float16 cannot hold.
        if values.numel() and not bool((values.abs() <= LARGEST).all()):
            largest = float(values.double().abs().max())
            raise DataError(
                f"block {self.block!r}: largest value {largest:g} does not fit float16 "
                f"(at most {LARGEST:g}, no NaN); scale the features or choose another block."
            )
        return values.to(torch.float16).numpy()

    def _put(self, shard: int, offset: int, piece: NDArray[np.float16]) -> None:
        first, length = shard * self._per_shard, self._shard_length(shard)
        self._written[first + offset : first + offset + len(piece)] = True
        if len(piece) == length:
            self._buffers.pop(shard, None)
            self._store_shard(shard, piece)
            return
        if shard not in self._buffers:
            if len(self._buffers) == _OPEN_SHARDS:
                self._flush_shard(next(iter(self._buffers)))
            empty = np.zeros((length, *self.shape), np.float16)
            self._buffers[shard] = (empty, np.zeros(length, bool))
        values, filled = self._buffers[shard]
        values[offset : offset + len(piece)] = piece
        filled[offset : offset + len(piece)] = True
        if filled.all():
            self._flush_shard(shard)

    def _flush_shard(self, shard: int) -> None:
        values, filled = self._buffers.pop(shard)
        if not filled.all() and self._reader.has(shard):
            first = shard * self._per_shard
            others = np.flatnonzero(~filled)
            values[others] = self._reader.read(first + others)
        self._store_shard(shard, values)

    def _store_shard(self, shard: int, values: NDArray[np.float16]) -> None:
        first = shard * self._per_shard
        self._array[first : first + len(values)] = values
        self._reader.forget(shard)
