"""Which columns of a table are features, and what looks as if it were none."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

log = logging.getLogger(__name__)
INDEX = re.compile(r"Unnamed: \d+|index|level_0|")  # what a saved index is called
FEWEST = 10  # names that a column must hold to look like one of patients


def feature_columns(
    table: pd.DataFrame, *, aside: Sequence[str | None], label: str, grouped: bool
) -> tuple[list[str], tuple[str, ...]]:
    """Columns that are features, and those left out as they hold text, of all but `aside`.

    A saved index is left out with a warning. What looks like a column of patients (`grouped`: one
    was named) is warned of: their rows would be split between training and test.
    """
    columns = [c for c in table.columns if c not in aside]
    for name in [c for c in columns if numbers_rows(str(c), table[c])]:
        log.warning("column %r numbers the rows and is left out", name)
        columns.remove(name)
    text = tuple(str(c) for c in columns if not pd.api.types.is_numeric_dtype(table[c]))
    numeric = [c for c in columns if str(c) not in text]
    if not grouped:
        _warn_of_patients(table, columns, label=label, text=text)
    return numeric, text


def numbers_rows(name: str, values: pd.Series) -> bool:
    """Whether a column is an index that was saved with the table: 0, 1, 2, … in some order.

    >>> numbers_rows("Unnamed: 0", pd.Series([2, 0, 1])), numbers_rows("age", pd.Series([2, 0, 1]))
    (True, False)
    """
    if not INDEX.fullmatch(name) or not pd.api.types.is_integer_dtype(values):
        return False
    found = np.sort(values.to_numpy())
    return bool(found.size and (np.diff(found) == 1).all())


def _warn_of_patients(
    table: pd.DataFrame, columns: Sequence[str], *, label: str, text: Sequence[str]
) -> None:
    for name in columns:
        used = "is used as a feature" if name not in text else "is left out"
        kind = _like_patients(table[name], table[label])
        if kind == "repeated":
            log.warning(
                "column %r %s, but looks like one of patients with several rows each, which would "
                "be split between training and test: --groups %s keeps them together",
                name, used, name,
            )  # fmt: skip
        elif kind == "distinct" and name not in text:
            log.warning(
                "column %r %s, but looks like one that numbers patients: --groups %s, or --ignore "
                "%s", name, used, name, name,
            )  # fmt: skip


def _like_patients(values: pd.Series, label: pd.Series) -> str | None:
    """'repeated': names of whom most have several rows, all of one class; 'distinct': whole numbers
    one after the other, a row each; None: neither."""
    whole = pd.api.types.is_integer_dtype(values)
    if pd.api.types.is_bool_dtype(values) or not (whole or values.dtype.kind in "OUT"):
        return None
    counts = values.value_counts()
    if len(counts) < FEWEST:
        return None
    if counts[counts > 1].sum() > len(values) / 2:
        one_class = label.groupby(values, observed=True).nunique().max() == 1
        return "repeated" if one_class else None
    if whole and len(counts) == len(values):
        spread = int(values.max()) - int(values.min()) + 1
        return "distinct" if spread <= 2 * len(values) else None
    return None
