"""From a table of slices to one of cases: what a network that looks in 3-D takes for a sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def case_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a case, in the order in which cases come, with the columns of `rows`: `tumour` and
    `predicted` are sums, `has_mask` says whether any slice has one, `slice` is 0, `row` counts."""
    each = rows.groupby("case", sort=False)
    table = each.first().reset_index()
    for name in {"tumour", "predicted"} & set(rows.columns):
        table[name] = each[name].sum().to_numpy()
    table["has_mask"] = each["has_mask"].any().to_numpy()
    table["slice"], table["row"] = 0, np.arange(len(table))
    return pd.DataFrame(table[rows.columns])


def slices_by_case(rows: pd.DataFrame) -> tuple[NDArray[np.int64], ...]:
    """For each of those cases the rows of its slices, from the first to the last."""
    return tuple(
        mine.sort_values("slice")["row"].to_numpy(dtype=np.int64)
        for _, mine in rows.groupby("case", sort=False)
    )
