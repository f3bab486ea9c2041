"""Columns that number rows or name patients, whatever they are called."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

INDEX = re.compile(r"Unnamed: \d+|index|level_0|")  # what a saved index is called
FEWEST = 10  # names that a column must hold to look like one of patients


def numbers_rows(name: str, values: pd.Series) -> bool:
    """Whether a column is an index that was saved with the table: 0, 1, 2, … in some order.

    >>> numbers_rows("Unnamed: 0", pd.Series([2, 0, 1])), numbers_rows("age", pd.Series([2, 0, 1]))
    (True, False)
    """
    if not INDEX.fullmatch(name) or not pd.api.types.is_integer_dtype(values):
        return False
    found = np.sort(values.to_numpy())
    return bool(found.size and (np.diff(found) == 1).all())


def like_patients(values: pd.Series, label: pd.Series) -> str | None:
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
