"""Which columns of a table are features, as what, and why others are none."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from rarecase.arrays import Floats
from rarecase.cohort.labels import plain_value
from rarecase.cohort.tables import numbers_rows
from rarecase.cohort.values import POINT, are_dates, as_days, as_numbers, present, shifted
from rarecase.errors import DataError
from rarecase.features.column_names import names_hashes

log = logging.getLogger(__name__)
DIAGNOSTICS = "diagnostics_"  # what PyRadiomics says of itself beside its features
NUMBERS = "they number the rows"
OF_PYRADIOMICS, OF_TEXT = "they are PyRadiomics' diagnostics", "they hold text"
OF_DATES = "they hold dates (--accept takes them as days)"
MOSTLY = 0.5  # of the values are numbers: the others look like slips


def pick_columns(
    table: pd.DataFrame,
    *,
    aside: Collection[str] = (),
    categorical: Collection[str] = (),
    dates: Collection[str] = (),
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The features of a table, numbers and categories, and why other columns are none.

    Parameters
    ----------
    aside
        Columns that are something else: label, patients, what is to be left out.
    categorical
        Columns whose values are names of categories; 2, 2.0 and "2" are one.
    dates
        Columns of dates that are wanted as features: days since 1970.

    Returns
    -------
    Columns of float64 or of categories, and name → reason.

    Raises
    ------
    DataError
        A value that looks as if the header had shifted, and numbers that can be read in two ways;
        rows are counted from 0, without the header.
    """
    if not table.index.is_unique:
        table = table.reset_index(drop=True)
    found: dict[str, Floats | pd.Series] = {}
    left_out: dict[str, str] = {}
    for name in (str(c) for c in table.columns if c not in aside):
        values = table[name]
        if numbers_rows(name, values):
            log.warning("column %r numbers the rows and is left out", name)
            left_out[name] = NUMBERS
        elif name.casefold().startswith(DIAGNOSTICS):
            left_out[name] = OF_PYRADIOMICS
        elif name in categorical:
            found[name] = as_categories(values)
        elif pd.api.types.is_numeric_dtype(values):
            found[name] = values.to_numpy(np.float64, na_value=np.nan)
        else:
            read = _of_words(values, name, wanted=name in dates)
            if isinstance(read, str):
                left_out[name] = read
            else:
                found[name] = read
    return pd.DataFrame(found, index=table.index), left_out


def as_categories(values: pd.Series, known: Collection[str] = ()) -> pd.Series:
    """Values as categories by name, after those `known`; missing ones, however they are written,
    are none."""
    words = present(values, none=True).map(plain_value)
    levels = [*known, *sorted(set(words.dropna()) - set(known))]
    return pd.Series(pd.Categorical(words, categories=levels), index=values.index)


def with_categories(X: pd.DataFrame, categorical: Collection[Any]) -> pd.DataFrame:
    """The features with these columns as categories."""
    X = X.copy(deep=False)
    for name in X.columns.intersection(list(categorical)):
        X[name] = as_categories(X[name])
    return X


def _of_words(values: pd.Series, name: str, *, wanted: bool) -> Floats | str:
    """A column of text, or of dates, as numbers; or why it is no feature."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d")
    words = present(values)
    numbers = as_numbers(words, name)
    if numbers is not None:
        return numbers
    odd = shifted(words)
    if odd is not None and (odd.startswith(("(", "[")) or not names_hashes(name)):
        refuse_shifted(odd, words.rename(name))
    if are_dates(words):
        return as_days(words, name) if wanted else OF_DATES
    some = words.dropna()
    slips = some[[not POINT.fullmatch(word) for word in some]]
    if len(slips) < MOSTLY * len(some):
        log.warning(
            "column %r is left out: %d of its %d values are no numbers, first %r in row %s",
            name, len(slips), len(some), slips.iloc[0], slips.index[0],
        )  # fmt: skip
    return OF_TEXT


def refuse_shifted(value: str, column: pd.Series) -> NoReturn:
    """Raise `DataError` for a value that no column of that name has."""
    name, row = column.name, column.eq(value).idxmax()
    raise DataError(
        f"Column {name!r} holds {value!r} in row {row}, which no such column does: has the header "
        f"shifted against the rows? Mend it, or leave the column out (--ignore {name})."
    )


def said_left_out(left_out: Mapping[str, str]) -> list[str]:
    """What was left out, a line for each reason."""
    lines = []
    for why in dict.fromkeys(left_out.values()):
        names = [name for name, each in left_out.items() if each == why]
        more = f", … ({len(names)} in all)" if len(names) > 5 else ""
        lines.append(f"Left out, as {why}: {', '.join(names[:5])}{more}.")
    return lines
