"""What the columns of vectors are, and vectors as numbers without gaps: imputed and encoded within
a fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from rarecase.arrays import Bools, Floats, Ints
from rarecase.shown import Brief


@dataclass(frozen=True, eq=False, repr=False)
class Columns(Brief):
    """What the columns of vectors (n, d) are.

    Parameters
    ----------
    names
        What they are called; numbered where nobody said.
    part
        Which part of a join each is of (d,), from 0.
    levels
        Column → its categories, whose places in this tuple are its values; a value below 0 is a
        category that is not among them.
    """

    names: tuple[str, ...]
    part: Ints
    levels: dict[int, tuple[str, ...]]

    @staticmethod
    def of(
        width: int,
        *,
        names: Sequence[str] | None = None,
        levels: Mapping[int, tuple[str, ...]] | None = None,
    ) -> Columns:
        """So many columns, all of one part; numbers but for those with `levels`."""
        found = tuple(str(i) for i in range(width)) if names is None else tuple(names)
        return Columns(found, np.zeros(width, dtype=np.int64), dict(levels or {}))

    @property
    def numeric(self) -> Ints:
        """Columns that are numbers, and no categories (k,)."""
        return np.array([i for i in range(len(self.names)) if i not in self.levels], dtype=np.int64)

    def taken(self, at: Ints) -> Columns:
        """Some of the columns, all of one part."""
        levels = {i: self.levels[k] for i, k in enumerate(at.tolist()) if k in self.levels}
        return Columns.of(at.size, names=[self.names[k] for k in at], levels=levels)

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it; `from_json` reads it."""
        levels = {str(i): list(values) for i, values in self.levels.items()}
        return {"names": list(self.names), "part": self.part.tolist(), "levels": levels}

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Columns:
        """What `as_json` wrote."""
        levels = {int(i): tuple(values) for i, values in said["levels"].items()}
        return Columns(tuple(said["names"]), np.array(said["part"], dtype=np.int64), levels)

    @staticmethod
    def joined(each: Sequence[Columns]) -> Columns:
        """The columns of several sets side by side, each a part of its own (or several)."""
        parts = [0, *accumulate(int(c.part.max(initial=-1)) + 1 for c in each)]
        starts = [0, *accumulate(len(c.names) for c in each)]
        return Columns(
            tuple(name for c in each for name in c.names),
            np.concatenate([c.part + at for c, at in zip(each, parts, strict=False)]),
            {at + i: v for c, at in zip(each, starts, strict=False) for i, v in c.levels.items()},
        )


@dataclass(frozen=True, eq=False)
class Encoder:
    """Vectors with gaps and categories as plain numbers; learnt from training rows alone.

    A gap becomes the median of the column, and a column of its own says which rows had gaps: one
    for each set of columns that have them in the same rows, since a case that could not be measured
    at all would otherwise count as often as it has columns. Categories become a column each, those
    that training rows have; another one is none of them.

    Parameters
    ----------
    numeric
        Columns that are numbers (k,).
    fill
        What their gaps become (k,); NaN: gaps stay.
    flags
        Columns whose gaps are flagged, one of each set.
    categories
        Pairs of column and value that have a column of their own.
    part
        Which part of a join each column that comes out is of.
    """

    numeric: Ints
    fill: Floats
    flags: Ints
    categories: tuple[tuple[int, int], ...]
    part: Ints

    @staticmethod
    def fit(X: Floats, columns: Columns, *, fill: bool = True) -> Encoder:
        """Learn from training rows `X` (n, d); without `fill` gaps stay and none is flagged."""
        numeric = columns.numeric
        gaps = np.isnan(X[:, numeric])
        value: Floats = np.full(numeric.size, np.nan)
        flags: Ints = np.empty(0, dtype=np.int64)
        if fill:
            value = np.zeros(numeric.size)  # of a column that training rows do not know at all
            known = ~gaps.all(axis=0)
            value[known] = _medians(X[:, numeric[known]])
            some = np.flatnonzero(gaps.any(axis=0) & known)
            rows = np.packbits(gaps[:, some].T, axis=1)
            alike: dict[tuple[bytes, int], int] = {}
            for at, bits in zip(numeric[some].tolist(), rows, strict=True):
                alike.setdefault((bits.tobytes(), int(columns.part[at])), at)
            flags = np.array([*alike.values()], dtype=np.int64)
        categories = tuple(
            (i, int(code))
            for i in columns.levels
            for code in np.unique(X[:, i][~np.isnan(X[:, i])])
            if code >= 0
        )
        source = [*numeric, *flags, *(i for i, _ in categories)]
        return Encoder(numeric, value, flags, categories, columns.part[source])

    def __call__(self, X: Floats) -> Floats:
        """Rows (n, d) as numbers (n, e)."""
        numbers, flagged = self.numeric.size, self.numeric.size + self.flags.size
        found = np.empty((len(X), self.part.size))
        found[:, :numbers] = X[:, self.numeric]
        np.copyto(found[:, :numbers], self.fill, where=np.isnan(found[:, :numbers]))
        found[:, numbers:flagged] = np.isnan(X[:, self.flags])
        for place, (i, code) in enumerate(self.categories, start=flagged):
            found[:, place] = X[:, i] == code
        return found

    def decoded(self, made: Floats, width: int) -> Floats:
        """Numbers (n, e) like those that come out as rows (n, width): of a column's categories the
        one with the largest number. Gaps that were flagged stay filled in."""
        found = np.empty((len(made), width))
        found[:, self.numeric] = made[:, : self.numeric.size]
        start = self.numeric.size + self.flags.size
        for at in dict.fromkeys(i for i, _ in self.categories):
            mine = [(start + k, code) for k, (i, code) in enumerate(self.categories) if i == at]
            codes = np.array([code for _, code in mine])
            found[:, at] = codes[made[:, [place for place, _ in mine]].argmax(axis=1)]
        return found

    @property
    def trivial(self) -> bool:
        """Whether rows without gaps come out as they are."""
        return not self.flags.size and not self.categories


def _medians(X: Floats) -> Floats:
    """Of the values of each column that are there, at least one: `np.nanmedian`, several times as
    fast on many columns."""
    rows = np.sort(X.T, axis=1)  # gaps come last
    counts = rows.shape[1] - np.isnan(rows).sum(axis=1)
    each = np.arange(len(rows))
    return np.asarray((rows[each, (counts - 1) // 2] + rows[each, counts // 2]) / 2)


def empty_columns(X: Floats) -> Bools:
    """Which columns of rows (n, d) hold nothing at all (d,)."""
    return np.asarray(np.isnan(X).all(axis=0))
