"""Features of any rank on disk: a Zarr 3 array, one sample per chunk, sharded.

Writing goes through the zarr library. Reading random samples does not: zarr 3.1 resolves every
inner chunk of a shard on its event loop, 75 samples of (1024, 15, 15) a second on two cores;
`shards` reads the shard's own index and the wanted chunks, 1,700 a second, and the tests hold
the two equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import torch
import zarr
from numpy.typing import ArrayLike, NDArray
from zarr.codecs import ZstdCodec

from rarecase.checksums import check_file
from rarecase.errors import DataError
from rarecase.features.columns import Columns
from rarecase.features.samples import checked_rows
from rarecase.features.shards import ShardReader
from rarecase.files import read_json, read_parquet, replacing_file
from rarecase.imaging.formats.base import refusing
from rarecase.numbers import plainly
from rarecase.shown import brief, grid_of, html

SHARD_SAMPLES = 64
SHARD_BYTES = 64 * 2**20
LARGEST = 65504.0  # the largest float16
_FORMAT = "rarecase-features-1"


class FeatureStore:
    """Samples of one block or source, `(n, *shape)`, with a table of rows beside them.

    On disk: a Zarr group `PATH` with the array `features` (zstd level 1, a checksum in every chunk)
    and `PATH/rows.parquet`, one row per sample. Make one with `create` (append in order, then close
    it or use `with`), read one with `open`. Memory does not grow with n.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "bottleneck.zarr"
    >>> rows = pd.DataFrame({"case": ["a", "a", "b"]})
    >>> with FeatureStore.create(place, block="bottleneck", shape=(2, 1, 1), rows=rows) as store:
    ...     store.append(np.arange(6).reshape(3, 2, 1, 1))
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
        seen: Collection[str] = (),
        columns: Columns | None = None,
    ):
        """Use `create` or `open`."""
        self.path = path
        self.block = block
        self.seen = frozenset(seen)
        self.columns = columns
        self.shape: tuple[int, ...] = tuple(array.shape[1:])
        self.dtype = np.dtype(array.dtype)
        self.rows = rows
        self._array = array
        self._per_shard = int(array.shards[0])
        self._reader = ShardReader(
            path / "features", shape=self.shape, dtype=self.dtype, per_shard=self._per_shard
        )
        self._writing = writing
        self._done = 0 if writing else len(rows)  # samples on disk, whole shards of them
        self._begun = np.empty((0, *self.shape), self.dtype)  # the samples of a shard not yet full

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        block: str,
        shape: Sequence[int],
        rows: pd.DataFrame,
        seen: Collection[str] = (),
        dtype: Literal["float16", "float64"] = "float16",
        columns: Columns | None = None,
    ) -> FeatureStore:
        """A new store of `len(rows)` samples of `shape` ((d,), (c, h, w), (c, d, h, w), …).

        Parameters
        ----------
        seen: the patients whom the network behind the features has learnt from.
        dtype: float16 for what networks give; float64 for counts, sizes and what is measured, where
            NaN stands for what is missing.
        columns: what those of vectors are.

        Raises
        ------
        DataError: `path` exists (nothing is overwritten), `rows` is empty, or `shape` holds
        something below 1.
        """
        path = Path(path)
        sides = tuple(int(side) for side in shape)
        if path.exists():
            raise DataError(f"{path} exists; remove it or choose another place for {block!r}.")
        if not sides or min(sides) < 1:
            raise DataError(f"shape of block {block!r}: expected sides of at least 1, got {sides}.")
        if len(rows) == 0:
            raise DataError(f"rows of block {block!r}: expected one row per sample, got none.")
        sample_bytes = np.dtype(dtype).itemsize * int(np.prod(sides))
        shard = max(1, min(SHARD_SAMPLES, SHARD_BYTES // sample_bytes, len(rows)))
        about: dict[str, Any] = {
            "format": _FORMAT, "block": block, "complete": False, "seen": sorted(seen)
        }  # fmt: skip
        about |= {} if columns is None else {"columns": columns.as_json()}
        array = zarr.create_group(str(path), attributes=about).create_array(
            "features", shape=(len(rows), *sides), dtype=dtype, chunks=(1, *sides),
            shards=(shard, *sides), compressors=ZstdCodec(level=1, checksum=True),
            config={"write_empty_chunks": True},
        )  # fmt: skip
        store = cls(path, array, block=block, rows=rows, writing=True, seen=seen, columns=columns)
        store.set_rows(rows)
        return store

    @classmethod
    def open(cls, path: Path | str) -> FeatureStore:
        """Open a finished store for reading.

        Raises `DataError` when there is none, or when its writer did not finish.
        """
        path = Path(path)
        with refusing(path, "the store is damaged", "Make it anew."):
            return cls._opened(path)

    @classmethod
    def _opened(cls, path: Path) -> FeatureStore:
        attributes = read_json(path / "zarr.json").get("attributes", {})
        if attributes.get("format") != _FORMAT:
            raise DataError(f"{path}: not a feature store of this version of rarecase.")
        if not attributes["complete"]:
            raise DataError(f"{path}: was never finished (a killed run?); remove it, make it anew.")
        rows_file = path / "rows.parquet"
        if not rows_file.is_file():
            raise DataError(f"{rows_file}: no such file; the store is damaged, make it anew.")
        rows = read_parquet(rows_file)
        check_file(path / "features" / "zarr.json")
        array = zarr.open_array(str(path / "features"), mode="r")
        if len(rows) != array.shape[0]:
            raise DataError(f"{path}: {array.shape[0]} samples but {len(rows)} rows; make it anew.")
        return cls(
            path, array, block=attributes["block"], rows=rows, writing=False,
            seen=attributes.get("seen", ()),
            columns=Columns.from_json(attributes["columns"]) if "columns" in attributes else None,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return brief("FeatureStore", {"block": self.block, "n": len(self), "shape": self.shape})

    def _repr_html_(self) -> str:
        return html("Samples", grid_of(self.rows), above=[repr(self)], total=len(self))

    @property
    def nbytes(self) -> int:
        """Bytes on disk, rows included."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def append(self, batch: ArrayLike | torch.Tensor) -> None:
        """Write the next samples, `batch` `(k, *shape)` of any real type, in float16 finite and at
        most 65504 either way; in float64 NaN is missing. Whole shards (64 samples) go to disk, what
        is left is gathered.

        Raises `DataError` on a wrong shape, rows beyond the end, and values that do not fit.
        """
        if not self._writing:
            raise DataError(f"{self.path} is open for reading; make a new store to write.")
        values = self._checked(batch)
        there = self._done + len(self._begun)
        if there + len(values) > len(self):
            raise DataError(
                f"append of {len(values)} samples to {there}: {self.block!r} has {len(self)} rows."
            )
        waiting = np.concatenate([self._begun, values]) if len(self._begun) else values
        while len(waiting) and len(waiting) >= min(self._per_shard, len(self) - self._done):
            shard, waiting = waiting[: self._per_shard], waiting[self._per_shard :]
            self._array[self._done : self._done + len(shard)] = shard
            self._done += len(shard)
        self._begun = waiting.copy()  # and not a view, which would keep the batch

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

    def close(self) -> None:
        """Mark the store finished. `DataError` when samples are missing."""
        if not self._writing:
            return
        there = self._done + len(self._begun)
        if there < len(self):
            raise DataError(
                f"{self.path}: {len(self) - there} of {len(self)} samples were never written, "
                f"the first is {there}."
            )
        zarr.open_group(str(self.path), mode="r+").attrs["complete"] = True
        self._writing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.close()

    def read(self, indices: ArrayLike, *, stored: bool = False) -> NDArray[Any]:
        """Samples `indices` (in any order, repeats allowed), `(len(indices), *shape)`, as float32
        where they are held as float16, unless `stored` asks for them as they are held.

        Raises `DataError` when an index is out of range or a chunk is damaged.
        """
        wanted = checked_rows(indices, len(self), of=repr(self.block))
        if self._writing:
            raise DataError(f"{self.path} is being written; close it before reading.")
        values = self._reader.read(wanted)
        if stored or self.dtype != np.float16:
            return values
        # PyTorch's float16 conversion is vectorised, NumPy's is not: a tenth of the time.
        return torch.from_numpy(values).float().numpy()

    def read_all(self, *, stored: bool = False) -> NDArray[Any]:
        """Every sample, `(n, *shape)`. Memory: 4 bytes per value (2 with `stored`, of float16)."""
        return self.read(np.arange(len(self)), stored=stored)

    def batches(self, size: int = SHARD_SAMPLES) -> Iterator[NDArray[Any]]:
        """Go through all samples in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.read(np.arange(start, min(start + size, len(self))))

    def _checked(self, batch: ArrayLike | torch.Tensor) -> NDArray[Any]:
        if not isinstance(batch, torch.Tensor):
            array = np.asarray(batch)
            if array.dtype.kind not in "fiub":
                raise DataError(f"batch for {self.block!r}: expected numbers, got {array.dtype}.")
            whole = np.dtype("float32" if self.dtype == np.float16 else "float64")
            kind = array.dtype if array.dtype.kind == "f" else whole
            copied = array.dtype != kind or not array.flags.writeable
            batch = torch.from_numpy(array.astype(kind) if copied else array)
        if tuple(batch.shape[1:]) != self.shape:
            raise DataError(
                f"batch for {self.block!r}: expected samples of {self.shape}, "
                f"got {tuple(batch.shape)}."
            )
        values = batch.detach().to("cpu")
        most = LARGEST if self.dtype == np.float16 else float(np.finfo(np.float64).max)
        # |x| ≤ most is false for NaN too: one pass finds everything that cannot be held.
        fits = values.abs() <= most
        if self.dtype == np.float64:
            fits |= values.isnan()
        if values.numel() and not bool(fits.all()):
            largest = float(values.double().abs().max())
            raise DataError(
                f"block {self.block!r}: largest value {plainly(largest)} does not fit {self.dtype} "
                f"(at most {plainly(most)}, no NaN); scale the features or choose another block."
            )
        held: NDArray[Any] = values.to(getattr(torch, self.dtype.name)).numpy()
        return held
