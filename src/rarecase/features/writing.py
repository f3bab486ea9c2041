"""Features that come batch by batch, into a new store."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray

from rarecase.features.columns import Columns
from rarecase.features.store import FeatureStore
from rarecase.progress import task


def write_features(
    out: Path,
    batches: Iterator[NDArray[Any]],
    *,
    block: str,
    rows: pd.DataFrame,
    seen: Collection[str] = (),
    dtype: Literal["float16", "float64"] = "float16",
    columns: Columns | None = None,
) -> FeatureStore:
    """A new store at `out` of what `batches` give, `(k, *shape)` at a time, for all `rows`; what
    was begun is removed when something goes wrong. See `FeatureStore.create`."""
    first = next(batches)
    begun = FeatureStore.create(
        out, block=block, shape=first.shape[1:], rows=rows, seen=seen, dtype=dtype, columns=columns
    )
    try:
        with begun as store, task(f"features of {block}", total=len(rows)) as bar:
            for batch in chain([first], batches):
                store.append(batch)
                bar.advance(len(batch))
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return FeatureStore.open(out)
