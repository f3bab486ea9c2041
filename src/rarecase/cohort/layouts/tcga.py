"""Layout `tcga-lgg`: the public LGG segmentation set (Buda et al. 2019), one folder per patient."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped, SliceFiles
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, case_table
from rarecase.cohort.tables import need_columns, need_distinct, read_table

# The three planes of every picture; a missing sequence was replaced by FLAIR by the authors.
_PLANES = ("t1", "flair", "t1gd")
_FOLDER = re.compile(r"(TCGA_([A-Za-z0-9]+)_[A-Za-z0-9]+)_(\d+)")
_PICTURE = re.compile(r"[^.].*_(\d+)\.tiff?", re.IGNORECASE)


def _recognise(source: Source) -> bool:
    folders = (folder for folder in source.folders() if _FOLDER.fullmatch(folder.name))
    return any(any(_PICTURE.fullmatch(p.name) for p in folder.iterdir()) for folder in folders)


def _read(source: Source) -> RawCohort:
    cases: list[Case] = []
    dropped: list[Dropped] = []
    for folder in source.folders():
        match = _FOLDER.fullmatch(folder.name)
        if match is None:
            continue
        slices = _slices(folder)
        if slices:
            patient, site = match.group(1), match.group(2)
            cases.append(Case(folder.name, patient, site=site, slices=slices, planes=_PLANES))
        else:
            dropped.append(Dropped(folder.name, "no slices (…_<number>.tif) in its folder"))
    labels, path = case_table(cases), source.table("data.csv")
    if path is not None:
        labels = labels.merge(_clinical(path), on="patient", how="left")
    return RawCohort("tcga-lgg", _PLANES, tuple(cases), labels, None, tuple(dropped))


def _slices(folder: Path) -> tuple[SliceFiles, ...]:
    files = {file.name.lower(): file for file in folder.iterdir()}
    found = []
    for image in files.values():
        match = _PICTURE.fullmatch(image.name)
        if match is not None:
            names = (f"{image.stem}_mask{suffix}".lower() for suffix in (".tif", ".tiff"))
            mask = next((files[name] for name in names if name in files), None)
            found.append(SliceFiles(image, mask, int(match.group(1))))
    return tuple(sorted(found, key=lambda files: files.number))


def _clinical(path: Path) -> pd.DataFrame:
    """The label table by patient, ids written as in the folder names."""
    table = read_table(path)
    need_columns(table, path, "Patient")
    table = table.rename(columns={"Patient": "patient"})
    table["patient"] = table["patient"].str.replace("-", "_")
    need_distinct(table["patient"], path, what="patient")
    return table


LAYOUT = Layout(
    "tcga-lgg",
    "folders TCGA_<site>_<patient>_<date>/ of …_<number>.tif with …_<number>_mask.tif, and "
    "data.csv with a column Patient",
    _recognise,
    _read,
)
