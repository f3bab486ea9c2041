"""The cells of a table, as they come from text, Parquet or Excel."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from rarecase.cohort.tables.contents import contents
from rarecase.cohort.tables.dialect import (
    FEWEST_BELOW_TITLE,
    find_separator,
    mark_quoted,
    rows_of,
    said_separator,
)
from rarecase.cohort.tables.numbers import transposed
from rarecase.cohort.tables.words import clean, header
from rarecase.errors import DataError
from rarecase.files import decode_text

log = logging.getLogger(__name__)
_BATCH = 2**18  # cells
_END = "\x02"  # a last row of our own, which an unclosed quote swallows


@dataclass(frozen=True)
class Cells:
    """Columns by name: words as they are written, trimmed, or values with a type.

    `index`: names of rows, where the table has them and they are no column; `semicolons`: whether
    these separate columns, so that commas may be in numbers.
    """

    columns: dict[str, pa.Array | pd.Series]
    index: pd.Index | None = None
    semicolons: bool = False


def read_cells(path: Path, *, most: int | None = None) -> Cells:
    """The cells of a file. `most`: columns that a table may have. Raises `DataError` for what is no
    table, for rows that do not fit the header and for columns of one name."""
    kind, data = contents(path)
    if kind == "text":
        cells = _of_text(decode_text(data, path), path, most)
    else:
        cells = (_of_parquet if kind == "parquet" else _of_excel)(data, path)
    if not cells.columns:
        raise DataError(f"{path}: not a CSV table (there are no columns in it).")
    return cells


def _of_text(text: str, path: Path, most: int | None) -> Cells:
    try:
        said, text = said_separator(text)
        separator = said or find_separator(text)
        rows = rows_of(mark_quoted(text.rstrip("\0\x1a\r\n") + f"\n{_END}", separator), separator)
        head, rows = _headed(rows, path)
        if most is not None and len(head) > most:
            raise DataError(
                f"{path}: {len(head)} columns; a table of cases, labels or slices has {most} at "
                "most. Save the columns with labels as a table of their own."
            )
        if head == [_END]:
            return Cells({})
        parts, width = _body(rows, len(head), text, separator, path)
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV table ({error}).") from None
    columns = transposed(parts, width)
    index = None
    if width > len(head):
        if not _holds_any(columns[-1]):
            raise _too_long(text, separator, len(head), path)
        index = _index(clean(columns.pop(0).to_pylist()))
    return Cells(_named(head, columns, path), index, separator == ";")


def _headed(rows: Iterator[list[str]], path: Path) -> tuple[list[str], Iterator[list[str]]]:
    """The header, and the rows below it; a title above it is left out, and said."""
    filled = (row for row in rows if any(row))
    first: list[str] = next(filled, [])
    told = [cell for cell in first if cell.strip()]
    if len(told) != 1 or first == [_END]:
        return first, rows
    second: list[str] = next(filled, [])
    if len([cell for cell in second if cell.strip()]) < FEWEST_BELOW_TITLE:
        return first, chain([second] if second else [], rows)
    _say_title(path, told[0])
    return second, rows


def _say_title(path: Path, title: str) -> None:
    log.warning("%s: %r stands above the header and is left out", path, title[:40])


def _index(names: Sequence[str | None]) -> pd.Index:
    """Names of rows; R numbers them where they have none."""
    numbered = all(name is not None and name.isdecimal() for name in names)
    return pd.Index(list(map(int, map(str, names))) if numbered else list(names))


def _body(
    rows: Iterator[list[str]], names: int, text: str, separator: str, path: Path
) -> tuple[list[pa.Array], int]:
    """The rows below a header of so many names, a batch one after the other as text of Python's own
    takes much room; and how wide they are: all may have a name in front, as R writes them.

    Fills up short rows, which is said; refuses long ones, which could be anything.
    """
    parts: list[pa.Array] = []
    short: list[int] = []
    width, count, closed = names, 0, False
    while batch := [*islice(rows, max(1, _BATCH // names))]:
        closed = batch[-1] == [_END]
        batch = [row for row in (batch[:-1] if closed else batch) if row]
        if not parts and {*map(len, batch)} == {names + 1}:
            width = names + 1
        for at, row in enumerate(batch, start=count):
            if len(row) > width or (width > names and len(row) < width):
                raise _too_long(text, separator, names, path)
            if len(row) < width:
                short.append(at)
                row += [""] * (width - len(row))
        count += len(batch)
        filled = [row for row in batch if width == 1 or any(map(str.strip, row))]
        parts.append(pa.array([*chain.from_iterable(filled)], pa.large_string()))
    if not closed:
        raise DataError(f"{path}: not a CSV table (a quote is opened and not closed).")
    if short:
        log.warning(
            "%s: %d rows have fewer values than the header has names (first row %d); the others "
            "count as missing", path, len(short), short[0],
        )  # fmt: skip
    return parts, width


def _too_long(text: str, separator: str, names: int, path: Path) -> DataError:
    rows = rows_of(text, separator)
    row = next(row for row in rows if len(row) > names)
    return DataError(
        f"{path}: line {rows.line_num} has {len(row)} values, the header {names} names. Mend the "
        "line (a stray separator at its end?) or the header."
    )


def _named(names: Sequence[Any], columns: Sequence[Any], path: Path) -> dict[str, Any]:
    """Columns by their tidy names; one without name and value is none."""
    found: dict[str, Any] = {}
    twice: dict[str, None] = {}
    for was, name, column in zip(names, header(names), columns, strict=True):
        if not str(was).strip() and not _holds_any(column):
            continue
        if name in found:
            twice[name] = None
        found[name] = column
    if twice:
        raise DataError(f"{path}: two columns are called {', '.join(sorted(twice))}. Rename one.")
    return found


def _holds_any(column: pa.Array | pd.Series) -> bool:
    if isinstance(column, pd.Series):
        return bool(column.notna().any())
    return any(column.to_pylist())


def _of_parquet(data: bytes, path: Path) -> Cells:
    try:
        table = pd.read_parquet(io.BytesIO(data))
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be read as parquet ({error}).") from None
    if not isinstance(table.index, pd.RangeIndex) and None not in table.index.names:
        table = table.reset_index(allow_duplicates=True)  # columns that were set as index
    columns = [table.iloc[:, i] for i in range(table.shape[1])]
    return Cells(_named(list(table.columns), columns, path), table.index)


def _of_excel(data: bytes, path: Path) -> Cells:
    """The first sheet with cells; its first row is the header, or the one below a title."""
    try:
        sheets = pd.read_excel(
            io.BytesIO(data), sheet_name=None, header=None, dtype=object, engine="openpyxl",
            keep_default_na=False, na_values=[""],
        )  # fmt: skip
    except Exception as error:  # openpyxl raises whatever it stumbles over
        raise DataError(f"{path}: cannot be read as Excel ({error}). Save it as CSV.") from None
    filled = {str(name): t.dropna(how="all") for name, t in sheets.items() if t.notna().any().any()}
    if not filled:
        raise DataError(f"{path}: every sheet is empty.")
    (name, table), *others = filled.items()
    if others:
        log.warning(
            "%s: of %d sheets with cells the first, %r, is read; not %s",
            path, len(filled), name, ", ".join(repr(each) for each, _ in others),
        )  # fmt: skip
    cells = table.notna().sum(axis=1).tolist()
    top = next((at for at, count in enumerate(cells) if count > 1), 0)
    if top:
        _say_title(path, str(table.iloc[0].dropna().iloc[0]))
    head = ["" if pd.isna(cell) else cell for cell in table.iloc[top]]
    body = table.iloc[top + 1 :].reset_index(drop=True)
    columns = [body.iloc[:, i].infer_objects() for i in range(body.shape[1])]
    return Cells(_named(head, columns, path))
