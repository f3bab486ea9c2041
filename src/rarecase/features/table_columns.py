"""Which columns of a table are features, as what, and why others are none."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from rarecase.arrays import Floats
from rarecase.cohort.labels import plain_value
from rarecase.cohort.tables import INDEX, numbers_rows
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
    names = [str(c) for c in table.columns if c not in aside]
    plain = set(_plain(table)) - {*aside, *categorical}
    found: dict[str, Floats | pd.Series] = {}
    left_out: dict[str, str] = {}
    for name in names:
        if name.casefold().startswith(DIAGNOSTICS):
            left_out[name] = OF_PYRADIOMICS
            plain.discard(name)
        elif name not in plain or INDEX.fullmatch(name):
            plain.discard(name)
            read = _read(table[name], name, categorical=categorical, wanted=name in dates)
            if isinstance(read, str):
                left_out[name] = read
            else:
                found[name] = read
    numbers = table[[name for name in names if name in plain]].astype(np.float64)
    if not found:
        return numbers, left_out
    both = pd.concat([numbers, pd.DataFrame(found, index=table.index)], axis=1)
    return both[[name for name in names if name not in left_out]], left_out


def _plain(table: pd.DataFrame) -> list[str]:
    """Columns of NumPy's own numbers, which need no second look; there may be very many."""
    kinds = {kind: isinstance(kind, np.dtype) and kind.kind in "fiub" for kind in {*table.dtypes}}
    return [str(name) for name, kind in zip(table.columns, table.dtypes, strict=True)
            if kinds[kind]]  # fmt: skip


def _read(
    values: pd.Series, name: str, *, categorical: Collection[str], wanted: bool
) -> Floats | pd.Series | str:
    """One column as numbers or categories; or why it is no feature."""
    if numbers_rows(name, values):
        log.warning("column %r numbers the rows and is left out", name)
        return NUMBERS
    if name in categorical:
        return as_categories(values)
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    return _of_words(values, name, wanted=wanted)


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
