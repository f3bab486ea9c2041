"""Columns of words, all at once: tables of features have very many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rarecase.arrays import Floats, Ints
from rarecase.cohort.values import MISSING

_GAPS = pa.array(
    sorted({how(word) for word in MISSING for how in (str, str.upper, str.capitalize)}),
    pa.large_string(),
)


def transposed(parts: Sequence[pa.Array], width: int) -> list[pa.Array]:
    """Columns of cells that come row by row, so many a row, without blanks around words."""
    words = pa.concat_arrays(parts) if parts else pa.array([], pa.large_string())
    order = np.arange(len(words)).reshape(-1, width).T.ravel()
    words = pc.utf8_trim_whitespace(words.take(pa.array(order)))
    n = len(words) // width
    return [words.slice(at * n, n) for at in range(width)]


def without_gaps(columns: Sequence[pa.Array]) -> list[pa.Array]:
    """The same with null for words that mean missing in the usual spellings."""
    if not columns:
        return []
    words = pa.concat_arrays(columns)
    words = pc.if_else(pc.is_in(words, value_set=_GAPS), None, words)
    n = len(columns[0])
    return [words.slice(at * n, n) for at in range(len(columns))]


def quick_numbers(columns: Sequence[pa.Array]) -> list[Floats | Ints | None]:
    """Each column `without_gaps` as numbers (n,), NaN where there is none; whole where they are
    written so. None: a word is none that every program takes for a number, and deserves a closer
    look."""
    if not columns:
        return []
    try:
        found = [*_cast(pa.concat_arrays(columns)).reshape(len(columns), -1)]
    except pa.ArrowInvalid:
        found = [_try(column) for column in columns]
    return [
        None if values is None else _whole(values, words)
        for values, words in zip(found, columns, strict=True)
    ]


def _cast(words: pa.Array) -> Floats:
    found: Floats = words.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _try(words: pa.Array) -> Floats | None:
    try:
        return _cast(words)
    except pa.ArrowInvalid:
        return None


def _whole(values: Floats, words: pa.Array) -> Floats | Ints:
    if not len(values) or not float(values[0]).is_integer() or np.isnan(values).any():
        return values
    try:
        found: Ints = words.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return values
    return found
