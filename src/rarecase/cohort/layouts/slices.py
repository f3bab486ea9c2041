"""Layout `slices`: slices.csv with one row a picture."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, SliceFiles
from rarecase.cohort.layouts.base import (
    Layout,
    RawCohort,
    Source,
    fold_number,
    missing_files_error,
    need_columns,
    read_table,
    text,
)
from rarecase.errors import DataError, LeakError
from rarecase.imaging.pictures import PICTURE_SUFFIXES, count_planes

_OURS = ("image", "mask", "patient", "case", "site", "fold")


def _table(source: Source) -> Path | None:
    path = source.csv or source.root / "slices.csv"
    return path if path.is_file() else None


def _recognise(source: Source) -> bool:
    path = _table(source)
    if path is None:
        return False
    if source.csv is None:
        return True
    table = read_table(path)
    if "image" not in table.columns:
        return False
    return bool(table["image"].str.lower().str.endswith(PICTURE_SUFFIXES).any())


def _read(source: Source) -> RawCohort:
    path = _table(source)
    if path is None:
        raise DataError(f"{source.root}: no slices.csv.")
    table = read_table(path)
    need_columns(table, path, ("image", "patient"))
    if "case" in table.columns:
        need_columns(table, path, ("case",))
    else:
        table["case"] = table["patient"]
    twice = table.loc[table["image"].duplicated(), "image"].unique()
    if len(twice):
        raise DataError(
            f"{path}: {len(twice)} picture(s) are listed twice, first {twice[0]}. Keep one line."
        )
    root = path.parent
    cases = tuple(_case(str(name), rows, path) for name, rows in table.groupby("case"))
    missing = [f for case in cases for f in case.files if not f.is_file()]
    if missing:
        raise missing_files_error(path, missing)
    first = root / str(table["image"].iloc[0])
    planes = ("image",) if count_planes(first) == 1 else ("red", "green", "blue")
    cases = tuple(
        Case(c.case, c.patient, site=c.site, fold=c.fold, slices=c.slices, planes=planes)
        for c in cases
    )
    candidates = [name for name in table.columns if name not in _OURS]
    labels = table[["case", "patient", *candidates]]
    own = "label" if "label" in candidates else None
    return RawCohort("slices", planes, cases, labels, own)


def _case(name: str, rows: pd.DataFrame, path: Path) -> Case:
    def only(column: str) -> str | None:
        if column not in rows.columns:
            return None
        found = rows[column].dropna().unique()
        if len(found) > 1 and column == "fold":
            raise LeakError(
                f"{path}: slices of case {name!r} are in the folds {' and '.join(found)}. All "
                "slices of a patient belong in one: mend the column 'fold', or rename it to "
                "have folds made."
            )
        if len(found) > 1:
            raise DataError(
                f"{path}: case {name!r} has two values of {column!r}: {', '.join(found[:4])}. "
                "Give each its own case id in a column 'case'."
            )
        return text(found[0]) if len(found) else None

    masks = rows["mask"] if "mask" in rows.columns else pd.Series([None] * len(rows))
    files = tuple(
        SliceFiles(path.parent / str(image), path.parent / mask if mask else None, number)
        for number, (image, mask) in enumerate(
            zip(rows["image"], (text(m) for m in masks), strict=True)
        )
    )
    patient = only("patient")
    return Case(
        case=name,
        patient=str(patient),
        site=only("site"),
        fold=fold_number(only("fold"), path),
        slices=files,
    )


LAYOUT = Layout(
    "slices",
    "slices.csv with the columns image, mask, patient, label (optional fold, case, site)",
    _recognise,
    _read,
)
