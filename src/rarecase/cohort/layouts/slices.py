"""Layout `slices`: slices.csv with one row per picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, SliceFiles
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, listed
from rarecase.cohort.paths import Places
from rarecase.cohort.roles import has_role, together, with_roles
from rarecase.cohort.tables import (
    fold_number,
    need_columns,
    need_distinct,
    need_files,
    read_table,
    text,
)
from rarecase.errors import DataError, LeakError
from rarecase.imaging.formats import PICTURE_SUFFIXES
from rarecase.imaging.pictures import count_planes

_TABLE = "slices.csv"
_OURS = ("image", "mask", "patient", "case", "site", "fold")


def _recognise(source: Source) -> bool:
    path = source.table(_TABLE)
    if path is None or source.csv is None:
        return path is not None
    table = read_table(path)
    named = [name for name in table.columns if has_role(name, "image")]
    return any(table[n].str.lower().str.endswith(PICTURE_SUFFIXES).any() for n in named)


def _read(source: Source) -> RawCohort:
    path = source.csv or source.root / _TABLE
    table = with_roles(read_table(path), path, _OURS)
    need_columns(table, path, "image", "patient")
    together(table, path)
    if "case" not in table.columns:
        table["case"] = table["patient"]
    need_columns(table, path, "case")
    need_distinct(table["image"], path, what="picture")
    places = Places(path)
    cases = [_case(str(name), rows, path, places) for name, rows in table.groupby("case")]
    need_files([file for case in cases for file in case.files], path)
    places.say()
    first = places.find(str(table["image"].iloc[0]))
    planes = ("image",) if count_planes(first) == 1 else ("red", "green", "blue")
    cases = [replace(case, planes=planes) for case in cases]
    return listed("slices", table, cases, channels=planes, ours=_OURS, path=path)


def _case(name: str, rows: pd.DataFrame, path: Path, places: Places) -> Case:
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
        SliceFiles(places.find(str(image)), places.find(mask) if mask else None, number)
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
