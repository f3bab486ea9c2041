"""Two views of one table: text as it is written, and values with their types."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rarecase.arrays import Floats, Ints
from rarecase.cohort.tables.cells import Cells, read_cells
from rarecase.cohort.tables.numbers import quick_numbers, without_gaps
from rarecase.cohort.tables.words import as_word, clean, unsure
from rarecase.cohort.values import decimal_comma, number_values
from rarecase.errors import DataError

log = logging.getLogger(__name__)
MOST_COLUMNS = 20_000
"""Of a table that is read as text: one of features, which may lie beside it, is no such table."""

# Columns of a cohort's table that say who, where and which file, and never a class.
_ROLES = frozenset(("case", "patient", "site", "fold", "image", "mask", "participant_id"))


def read_table(path: Path) -> pd.DataFrame:
    """A table as text: every value as it is written, without blanks around it; NaN where it is
    missing, however that is written (see `clean`).

    Raises `DataError` for what is no table, rows longer than the header, columns of one name.
    """
    cells = read_cells(path, most=MOST_COLUMNS)
    if cells.index is not None and not _typed(cells):
        raise DataError(
            f"{path}: every row has a value more than the header has names. Name the first column."
        )
    quick = _quick(cells, [*cells.columns])
    plain = {c: w for c, (w, v) in quick.items() if v is not None and _stay(w, v)}
    others = {name: column for name, column in cells.columns.items() if name not in plain}
    said = _texts(others, path, classes=others.keys() - _ROLES)
    words = plain | {name: pa.array(each, pa.large_string()) for name, each in said.items()}
    table: pd.DataFrame = pa.table({name: words[name] for name in cells.columns}).to_pandas()
    return _with_rows(table, path)


def read_values(
    path: Path,
    *,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
    asked: Collection[str] = (),
    whole: Collection[str] = (),
    only: Collection[str] | None = None,
) -> pd.DataFrame:
    """A table with typed values: numbers as numbers, but for columns that stay text as it is
    written, such as patients called 007.

    A comma may stand for the point where the table writes numbers so. A column of lists becomes a
    column for each place, `NAME_0`, `NAME_1`, …

    Parameters
    ----------
    names
        Columns of ids.
    classes
        Columns of classes or categories, which may be called None (see `clean`); what the file says
        are numbers, stay so.
    asked
        Words that are classes there, whatever else they mean.
    whole
        Columns of lists that stay as they are.
    only
        Columns that are wanted as values, where all others are to stay text.

    Raises
    ------
    DataError
        A file that cannot be read, or has a header alone.
    """
    cells = read_cells(path)
    text = {*names, *(name for name in classes if not _is_number(cells.columns.get(name)))}
    if only is not None:
        text |= {c for c in cells.columns if c not in only and f"{c}_0" not in only}
    said = _texts({c: v for c, v in cells.columns.items() if c in text}, path, classes=classes,
                  asked=asked)  # fmt: skip
    quick = _quick(cells, [name for name in cells.columns if name not in text])
    columns: dict[str, Any] = {}
    for name, column in cells.columns.items():
        if name in text:
            columns[name] = np.array(said[name], dtype=object)
        elif name in quick and quick[name][1] is not None:
            columns[name] = quick[name][1]
        elif name not in whole and _lists(column):
            columns |= _expanded(name, column, path, taken=cells.columns)
        else:
            columns[name] = _values(column)
    words = {c: v for c, v in columns.items() if c not in text and _is_text(v)}
    truth = {c: v == "True" for c, v in words.items() if len(v) and set(v) <= {"True", "False"}}
    numbers = _as_numbers({c: v for c, v in words.items() if c not in truth}, columns, cells)
    return _with_rows(pd.DataFrame(columns | truth | numbers, index=cells.index), path)


def stored_types(path: Path) -> dict[str, Any]:
    """The types of columns by name, where the file says some (Parquet, Excel)."""
    columns = read_cells(path).columns
    return {name: each.dtype for name, each in columns.items() if isinstance(each, pd.Series)}


def _with_rows(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if table.empty:
        raise DataError(f"{path}: the table has a header and no rows.")
    return table


def _as_numbers(
    words: Mapping[str, Any], columns: Mapping[str, Any], cells: Cells
) -> dict[str, Floats]:
    """Which of the words are numbers, as the table writes them, but for a comma that could be of
    thousands."""
    floats = (v for v in columns.values() if isinstance(v, np.ndarray) and v.dtype.kind == "f")
    points = any(np.mod(v[np.isfinite(v)], 1).any() for v in floats)
    comma = decimal_comma(words.values(), sure=cells.semicolons, points=points)
    found = {name: number_values(each, comma=comma) for name, each in words.items()}
    return {name: numbers for name, numbers in found.items() if numbers is not None}


def _texts(
    columns: Mapping[str, pa.Array | pd.Series],
    path: Path,
    *,
    classes: Collection[str],
    asked: Collection[str] = (),
) -> dict[str, list[str | None]]:
    """Clean words of columns; says where a word that may be a class is taken for missing."""
    said = {name: _words(column) for name, column in columns.items()}
    found = {name: clean(said[name], classes=name in classes, asked=asked) for name in said}
    doubted = [n for n in said if n in classes and unsure(said[n]) and not unsure(found[n])]
    if doubted:
        log.warning(
            "%s: None, nil or - counts as missing in %s; where it is a class, write it in quotes",
            path, ", ".join(doubted[:3]) + (", …" if len(doubted) > 3 else ""),
        )  # fmt: skip
    return found


def _quick(cells: Cells, names: Sequence[str]) -> dict[str, tuple[pa.Array, Floats | Ints | None]]:
    """Columns of words by name: null where they mean missing, and as numbers where they are."""
    words = {c: column for c in names if isinstance(column := cells.columns[c], pa.Array)}
    some = without_gaps([*words.values()])
    return dict(zip(words, zip(some, quick_numbers(some), strict=True), strict=True))


def _stay(words: pa.Array, values: Floats | Ints) -> bool:
    """Whether words that are these numbers need no cleaning: all gaps are known, and they were not
    written as 1.0, 2.0, …"""
    missing = np.isnan(values)
    floats = values.dtype.kind != "f" or bool((np.mod(values[~missing], 1) != 0).any())
    return floats and int(missing.sum()) == words.null_count


def _typed(cells: Cells) -> bool:
    return any(isinstance(column, pd.Series) for column in cells.columns.values())


def _words(column: pa.Array | pd.Series) -> list[str | None]:
    if isinstance(column, pd.Series):
        return [as_word(value) for value in column]
    found: list[str | None] = column.to_pylist()
    return found


def _is_number(column: pa.Array | pd.Series | None) -> bool:
    """Whether a file says that its values are numbers or truth values."""
    return isinstance(column, pd.Series) and pd.api.types.is_numeric_dtype(column)


def _is_text(values: Any) -> bool:
    return isinstance(values, pd.Series | np.ndarray) and values.dtype == object


def _values(column: pa.Array | pd.Series) -> Any:
    """Numbers (n,), or another type that a file says its values are of, or else clean words."""
    if isinstance(column, pa.Array):
        return np.array(clean(_words(column)), dtype=object)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
    some = column.dropna()
    if len(some) and all(isinstance(value, Decimal) for value in some):
        return column.map(float, na_action="ignore").to_numpy(np.float64)
    return np.array(clean([as_word(value) for value in column]), dtype=object)


def _lists(column: pa.Array | pd.Series) -> bool:
    if isinstance(column, pa.Array) or column.dtype != object:
        return False
    some = column.dropna()
    listed = len(some) and all(isinstance(value, list | np.ndarray) for value in some)
    return bool(listed) and not any(np.asarray(value).dtype.kind in "OUS" for value in some)


def _expanded(name: str, column: Any, path: Path, *, taken: Collection[str]) -> dict[str, Floats]:
    """A column of lists as columns of numbers; a row without one has none."""
    there = column.notna().to_numpy()
    try:
        values = np.array([np.ravel(each) for each in column[there]], dtype=np.float64)
    except (ValueError, TypeError):
        raise DataError(
            f"{path}: column {name!r} holds lists that are not all of one length, or not of "
            f"numbers. Write a column for each place, or leave it out (--ignore {name})."
        ) from None
    found = np.full((len(column), values.shape[1]), np.nan)
    found[there] = values
    parts = {f"{name}_{i}": found[:, i] for i in range(found.shape[1])}
    both = next((part for part in parts if part in taken), None)
    if both is not None:
        raise DataError(f"{path}: column {both!r} and the list {name!r} are in each other's way.")
    return parts
