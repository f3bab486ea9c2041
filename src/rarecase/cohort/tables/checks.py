"""What a table of a cohort must hold; what it lacks is refused by column, line and file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rarecase.errors import DataError


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
