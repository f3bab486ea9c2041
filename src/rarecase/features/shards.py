"""Random samples out of Zarr 3 shards, straight from the files.

A shard (Zarr extension "sharding_indexed", version 1.0) is the compressed chunks and, at its end,
an index: offset and length of every chunk as little-endian uint64, then a crc32c of 4 bytes.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numcodecs.zstd import Zstd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from rarecase.checksums import refusal

_THREADS = min(4, os.cpu_count() or 1)
_AT_ONCE = 4  # samples a thread takes at a time


class ShardReader:
    """Reads samples of `shape` and `dtype`, one per chunk, `per_shard` per shard, of a Zarr array.

    Zstd compares every chunk with the checksum that was written with it, and so does this with the
    index: whatever changed is refused.
    """

    def __init__(self, array: Path, *, shape: tuple[int, ...], dtype: Any, per_shard: int):
        self._array = array
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._per_shard = per_shard
        self._tail = "/".join("0" for _ in shape)
        self._indexes: dict[int, NDArray[np.uint64]] = {}
        self._codec = Zstd()

    def read(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Samples `indices` (any order, repeats allowed), (len(indices), *shape)."""
        out = np.empty((len(indices), *self._shape), self._dtype)
        order = np.argsort(indices, kind="stable")  # neighbours in a shard are read together
        pieces = [order[at : at + _AT_ONCE] for at in range(0, len(order), _AT_ONCE)]
        if len(pieces) < 2 or _THREADS == 1:
            for piece in pieces:
                self._fill(out, piece, indices)
        else:
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(lambda piece: self._fill(out, piece, indices), pieces))
        return out

    def _fill(
        self, out: NDArray[Any], places: NDArray[np.intp], indices: NDArray[np.int64]
    ) -> None:
        shards = indices[places] // self._per_shard
        for shard in np.unique(shards):
            file = self._array / "c" / str(shard) / self._tail
            try:
                with file.open("rb", buffering=0) as stream:
                    index = self._index(int(shard), stream.fileno())
                    for place in places[shards == shard]:
                        start, length = index[int(indices[place]) % self._per_shard]
                        chunk = os.pread(stream.fileno(), int(length), int(start))
                        self._codec.decode(chunk, out=out[place])
            except FileNotFoundError:
                raise refusal(file, "no such file") from None
            except (OSError, RuntimeError, ValueError, OverflowError) as error:
                raise refusal(file, str(error)) from None

    def _index(self, shard: int, descriptor: int) -> NDArray[np.uint64]:
        if shard not in self._indexes:
            size = 16 * self._per_shard
            end = os.fstat(descriptor).st_size
            raw = os.pread(descriptor, size + 4, end - size - 4)
            if google_crc32c.value(raw[:size]).to_bytes(4, "little") != raw[size:]:
                raise ValueError("its index is not what was written")
            raw = raw[:size]
            self._indexes[shard] = np.frombuffer(raw, "<u8").reshape(self._per_shard, 2)
        return self._indexes[shard]
