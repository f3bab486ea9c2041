"""Tables as generators see them, numbers alone, and what these draw in the types of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Bools, Floats
from rarecase.cohort.labels import plain_value
from rarecase.features.columns import Columns, Encoder
from rarecase.generators.validation import held_values


@dataclass(frozen=True, eq=False)
class TableTypes:
    """What the real columns of a table hold.

    Parameters
    ----------
    columns, encoder
        What they are, and how their categories become numbers.
    dtypes
        The types that the file has.
    low, high
        The least and the largest real value of each (d,).
    whole
        Whether its real values are whole numbers (d,).
    codes
        The real values of those columns of numbers that the file itself calls categories.
    """

    columns: Columns
    encoder: Encoder
    dtypes: tuple[Any, ...]
    low: Floats
    high: Floats
    whole: Bools
    codes: Mapping[int, Floats]

    @staticmethod
    def of(X: Floats, columns: Columns, dtypes: Mapping[str, Any]) -> TableTypes:
        """Those of real rows `X` (n, d) without gaps; `dtypes`: by the name of the column."""
        types = tuple(dtypes[name] for name in columns.names)
        coded = {i for i, each in enumerate(types) if isinstance(each, pd.CategoricalDtype)}
        return TableTypes(
            columns, Encoder.fit(X, columns), types, X.min(axis=0), X.max(axis=0),
            (np.rint(X) == X).all(axis=0),
            {i: np.unique(X[:, i]) for i in coded - columns.levels.keys()},
        )  # fmt: skip

    def frame(self, made: Floats) -> pd.DataFrame:
        """What was drawn (n, e) as the columns of the table, none beyond its real values: whole
        numbers are the nearest, truth is what is 0.5 or more, a category is the likeliest."""
        values = self.encoder.decoded(np.asarray(made, dtype=np.float64), len(self.dtypes))
        return pd.DataFrame(
            {name: self._column(i, values[:, i]) for i, name in enumerate(self.columns.names)}
        )

    def _column(self, i: int, values: Floats) -> Any:
        dtype = self.dtypes[i]
        if i in self.columns.levels:
            return _named(np.asarray(self.columns.levels[i])[values.astype(np.int64)], dtype)
        if i in self.codes:
            known = self.codes[i]
            return _named(known[np.abs(values[:, None] - known).argmin(axis=1)], dtype)
        values = np.clip(values, self.low[i], self.high[i])
        if dtype.kind in "biu":
            return pd.Series(held_values(values, dtype)).astype(dtype)
        values = np.rint(values) if self.whole[i] else values
        return (
            pd.Series(values).astype(dtype) if dtype.kind == "f" else values
        )  # text stays numbers


def _named(values: Any, dtype: Any) -> Any:
    """Categories by name, or their codes, as the file holds them."""
    if isinstance(dtype, pd.CategoricalDtype):
        known = {plain_value(each): each for each in dtype.categories}
        return pd.Categorical([known[plain_value(each)] for each in values], dtype=dtype)
    if dtype.kind == "b":
        return pd.Series(np.char.lower(values) == "true").astype(dtype)
    return pd.Series(pd.to_numeric(values) if dtype.kind in "iuf" else values).astype(dtype)
