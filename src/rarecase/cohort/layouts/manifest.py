"""Layout `manifest`: a CSV file with one row per case and one column of volumes per channel.

A volume is a file of any known format, or the folder of a DICOM series.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, listed
from rarecase.cohort.paths import Places
from rarecase.cohort.roles import together, with_roles
from rarecase.cohort.tables import fold_number, need_columns, need_files, read_table, text
from rarecase.errors import DataError
from rarecase.imaging.formats import suffix_of

_TABLE = "manifest.csv"
_OURS = ("case", "patient", "mask", "site", "fold")
# Columns that hold a segmentation under another name: fed to a network they give the answer away.
_MASKS = re.compile(
    r"(.*[\W_])?(seg|segmentation|mask|labels?|roi|tumou?r)(\d|[\W_].*)?|tumou?r.*", re.IGNORECASE
)


def _channel_columns(table: pd.DataFrame, places: Places) -> list[str]:
    """Columns whose values name volumes, the mask's left out."""
    return [
        str(name)
        for name in table.columns
        if name not in _OURS and any(_names_volume(value, places) for value in table[name].dropna())
    ]


def _names_volume(value: str, places: Places) -> bool:
    """A file name with a known suffix, or a folder that is there."""
    if suffix_of(Path(value)) is not None:
        return True
    return ("/" in value or "\\" in value) and places.find(value).is_dir()


def _recognise(source: Source) -> bool:
    path = source.table(_TABLE)
    if path is None or source.csv is None:
        return path is not None
    return bool(_channel_columns(read_table(path), Places(path)))


def _read(source: Source) -> RawCohort:
    path = source.csv or source.root / _TABLE
    table, places = with_roles(read_table(path), path, _OURS), Places(path)
    need_columns(table, path, "patient")
    if "case" not in table.columns and table["patient"].is_unique:
        table["case"] = table["patient"]
    need_columns(table, path, "case")
    together(table, path)
    columns = _channel_columns(table, places)
    if not columns:
        raise DataError(
            f"{path}: no column names volumes (.nii.gz, .nrrd, .mha, .dcm, …, or folders of DICOM "
            "series). Add one column per channel, such as 'flair', with paths relative to the "
            "table."
        )
    masks = [name for name in columns if _MASKS.fullmatch(name)]
    if masks:
        raise DataError(
            f"{path}: column {', '.join(masks)} names images by what looks like a mask. Rename the "
            "mask's column to 'mask', and take other segmentations out of the table."
        )
    channels = tuple(name.lower() for name in columns)
    if len(set(channels)) < len(channels):
        raise DataError(f"{path}: two channel columns differ only in upper and lower case.")
    cases = tuple(_case(row, columns, path, places) for row in table.to_dict("records"))
    need_files([file for case in cases for file in case.files], path, folders=True)
    places.say()
    return listed("manifest", table, cases, channels=channels, ours=(*_OURS, *columns), path=path)


def _case(row: dict, columns: list[str], path: Path, places: Places) -> Case:
    def file(name: str) -> Path | None:
        value = text(row.get(name))
        return places.find(value) if value is not None else None

    images = {name.lower(): found for name in columns if (found := file(name)) is not None}
    return Case(
        case=str(row["case"]),
        patient=str(row["patient"]),
        site=text(row.get("site")),
        fold=fold_number(row.get("fold"), path),
        images=images,
        mask=file("mask"),
    )


LAYOUT = Layout(
    "manifest",
    "manifest.csv (or any such CSV file) with the columns case, patient, label, one column of "
    "volumes per channel, mask (optional site, fold)",
    _recognise,
    _read,
)
