"""The one reader of tables: labels, participants, manifests, slices and features."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.bounds import check_parquet, check_regular
from rarecase.cohort.values import MISSING
from rarecase.errors import DataError
from rarecase.files import text_encoding

SUFFIXES = (".csv", ".tsv", ".parquet")
GAPS = sorted({how(word) for word in MISSING for how in (str, str.upper, str.capitalize)})
INDEX = re.compile(r"Unnamed: \d+|index|level_0|")  # what a saved index is called
FEWEST = 10  # names that a column must hold to look like one of patients


def read_table(path: Path) -> pd.DataFrame:
    """A table of words (comma, semicolon or tab): every value as text, NaN where empty.

    Raises `DataError` for what is no such table, rows longer than the header, columns of one name.
    """
    check_regular(path)
    try:
        encoding, separator = _dialect(path, ",;\t")
        names = _check_width(path, separator, encoding)
        table = pd.read_csv(
            path, dtype=str, sep=separator, encoding=encoding, skipinitialspace=True,
            index_col=False,
        )  # fmt: skip
    except (UnicodeDecodeError, csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as e:
        raise DataError(f"{path}: not a CSV table ({e}).") from None
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: two columns are called {', '.join(twice)}. Rename one.")
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    if table.empty:
        raise DataError(f"{path}: the table has a header and no rows.")
    for name in table.columns:
        table[name] = table[name].str.strip()
    return table


def read_values(path: Path, *, names: Sequence[str]) -> pd.DataFrame:
    """A table of numbers (CSV, TSV, Parquet), but for columns `names`, which stay as they are
    written: patients called 007, classes called 1 or NA.

    Only an empty cell is missing in those, and where all are whole numbers that once were floats
    (1.0, 2.0) they are those numbers. Semicolons between columns, and then commas in numbers, are
    seen. Raises `DataError` for a file that cannot be read.
    """
    check_regular(path)
    try:
        if path.suffix.lower() == ".parquet":
            check_parquet(path)
            return pd.read_parquet(path)
        return _read_values(path, names)
    except DataError:
        raise
    except (ValueError, OSError, MemoryError) as error:
        kind = path.suffix.lower()[1:]
        raise DataError(f"{path}: cannot be read as {kind} ({error}).") from None


def _read_values(path: Path, names: Sequence[str]) -> pd.DataFrame:
    encoding, sep = _dialect(path, "\t" if path.suffix.lower() == ".tsv" else ",;")
    start = pd.read_csv(
        path, sep=sep, dtype=str, keep_default_na=False, nrows=100, encoding=encoding
    )
    comma = sep == ";" and any(start[c].str.fullmatch(r"-?\d+,\d+").any() for c in start)
    table = pd.read_csv(
        path, sep=sep, decimal="," if comma else ".", encoding=encoding, na_values=GAPS
    )
    known = [name for name in names if name in table.columns]
    # Whole where the head lacks the index's name, as R writes it, and columns cannot be counted.
    chosen = known if isinstance(table.index, pd.RangeIndex) else None
    written = pd.read_csv(
        path, sep=sep, dtype=str, keep_default_na=False, usecols=chosen, encoding=encoding
    )
    for name in known:
        values = written[name].str.strip()
        values = values.where(values != "")
        if values.dropna().str.fullmatch(r"-?\d+\.0").all():
            values = values.str.removesuffix(".0")
        table[name] = values.to_numpy()
    return table


def _dialect(path: Path, separators: str) -> tuple[str, str]:
    """Encoding, and which of the separators (of equals the first) the header has most of."""
    encoding = text_encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        return encoding, max(separators, key=file.readline().count)


def _check_width(path: Path, separator: str, encoding: str) -> list[str]:
    """The header. Refuses rows longer than it, which pandas would cut or shift without a word."""
    with path.open(encoding=encoding, newline="") as file:
        rows = csv.reader(file, delimiter=separator, skipinitialspace=True)
        names = next(rows, [])
        for row in rows:
            if names and len(row) > len(names):
                raise DataError(
                    f"{path}: line {rows.line_num} has {len(row)} values, the header {len(names)} "
                    "names. Mend the line (a stray separator at its end?) or the header."
                )
    return [name.strip() for name in names]


def need_columns(table: pd.DataFrame, path: Path, *names: str) -> None:
    """Refuse a table that lacks one of `names` or has an empty value in it."""
    for name in names:
        if name not in table.columns:
            raise DataError(
                f"{path}: no column {name!r}. Columns: {', '.join(map(str, table.columns))}."
            )
        empty = table.index[table[name].isna()]
        if len(empty):
            raise DataError(f"{path}: column {name!r} is empty in line {int(empty[0]) + 2}.")


def need_distinct(values: pd.Series, path: Path, *, what: str) -> None:
    """Refuse a table that names one of `values` twice."""
    twice = values[values.duplicated()].unique()
    if len(twice):
        more = f" ({len(twice)} such)" if len(twice) > 1 else ""
        raise DataError(f"{path}: {what} {twice[0]} is listed twice{more}. Keep one line.")


def need_files(files: Sequence[Path], path: Path, *, folders: bool = False) -> None:
    """Refuse a table that names files (or with `folders` folders) which are not there."""
    missing = [file for file in files if not (file.exists() if folders else file.is_file())]
    if missing:
        shown = ", ".join(str(p) for p in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataError(
            f"{path}: names {len(missing)} missing file(s): {shown}{more}. Paths are taken from "
            "the table's own folder; mend them or remove the lines."
        )


def text(value: object) -> str | None:
    """A table's value as text, None where it is missing."""
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]


def fold_number(value: object, path: Path) -> int | None:
    """A table's fold as a whole number from 0 on, or -1 for patients who only train."""
    found = text(value)
    if found is None:
        return None
    try:
        number = float(found)
    except ValueError:
        number = math.nan
    if not number.is_integer() or number < -1:
        raise DataError(f"{path}: fold {found!r}, a whole number was expected (-1: only trains).")
    return int(number)


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
