"""Layout `brats`: BraTS 2017 to 2023, graded folders or flat folders with a table of labels."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, read_table
from rarecase.cohort.layouts.rembrandt import graded_folders

_CHANNELS = ("flair", "t1", "t1gd", "t2")
_NAMES = {
    "flair": "flair",
    "t2f": "flair",
    "t1": "t1",
    "t1n": "t1",
    "t1ce": "t1gd",
    "t1gd": "t1gd",
    "t1c": "t1gd",
    "t2": "t2",
    "t2w": "t2",
    "seg": "mask",
}
_FILE = re.compile(rf".+[-_]({'|'.join(_NAMES)})\.nii(\.gz)?", re.IGNORECASE)
# BraTS 2020 ships one segmentation under its working name, W39_1998.09.19_Segm.nii.
_ODD_MASK = re.compile(r".*_segm(entation)?\.nii(\.gz)?", re.IGNORECASE)
# 2023: the last number is the visit. 2017 to 2019: the last digit is.
_VISIT = re.compile(r"(BraTS-[A-Za-z]+-\d+)-\d{3}|(Brats1[789]_.+)_\d", re.IGNORECASE)
_OWN = ("grade", "label", "class")


def _recognise(source: Source) -> bool:
    graded = [folder for _, folder in graded_folders(source)]
    folders = [*graded, *source.folders()][:50]
    return any(_files(folder).keys() & set(_CHANNELS) for folder in folders)


def _read(source: Source) -> RawCohort:
    graded: list[tuple[str | None, Path]] = [*graded_folders(source)]
    folders = graded or [(None, folder) for folder in source.folders()]
    cases: list[Case] = []
    grades: list[str | None] = []
    dropped: list[Dropped] = []
    for grade, folder in folders:
        files = _files(folder)
        images = {name: files[name] for name in _CHANNELS if name in files}
        if not images:
            dropped.append(Dropped(folder.name, "no image (…_flair.nii.gz, …) in its folder"))
            continue
        patient = patient_of(folder.name)
        cases.append(Case(folder.name, patient, images=images, mask=files.get("mask")))
        grades.append(grade)
    labels = pd.DataFrame({"case": [c.case for c in cases], "patient": [c.patient for c in cases]})
    if graded:
        labels["grade"] = grades
    for path in source.tables():
        labels = _join(labels, read_table(path))
    own = next((str(name) for name in labels.columns if str(name).lower() in _OWN), None)
    return RawCohort("brats", _CHANNELS, tuple(cases), labels, own, tuple(dropped))


def patient_of(case: str) -> str:
    """The patient behind a BraTS case id: the id less the visit number.

    >>> patient_of("BraTS-GLI-00005-101"), patient_of("BraTS20_Training_001")
    ('BraTS-GLI-00005', 'BraTS20_Training_001')
    """
    match = _VISIT.fullmatch(case)
    return case if match is None else match.group(1) or match.group(2)


def _files(folder: Path) -> dict[str, Path]:
    """Files by channel ('mask' for the segmentation); .nii.gz is taken before .nii."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir(), reverse=True):
        match = _FILE.fullmatch(file.name)
        if match is not None:
            name = _NAMES[match.group(1).lower()]
            if name not in found or file.name.lower().endswith(".gz"):
                found[name] = file
        elif _ODD_MASK.fullmatch(file.name):
            found.setdefault("mask", file)
    return found


def _join(labels: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Add a table's columns by the column that holds the case ids; leave others' tables out."""
    keys = _key_columns(labels["case"], table)
    if keys is None:
        return labels
    name, case_of = keys
    table = table.assign(case=table[name].map(case_of)).dropna(subset="case")
    # An id that is in the table twice with two labels must stay visible as a conflict.
    new = [c for c in table.columns if c not in labels.columns and c != name]
    return labels.merge(table[["case", *new]].drop_duplicates(), on="case", how="left")


def _key_columns(cases: pd.Series, table: pd.DataFrame) -> tuple[str, dict[str, str]] | None:
    """The column that names the most cases (at least half), and case id by its value.

    Ids fit as written, or as the number at the end (MGMT tables write 00005 for BraTS2021_00005).
    """
    exact = {case: case for case in cases}
    ends = {case: match.group(1) for case in cases if (match := re.search(r"(\d+)$", case))}
    by_end = {end: case for case, end in ends.items()}
    numbers = {int(end): case for case, end in ends.items()}
    best: tuple[int, str, dict[str, str]] | None = None
    for name in table.columns:
        values = [str(value) for value in table[name].dropna()]
        known = {value: exact[value] for value in values if value in exact}
        if not known and len(numbers) == len(exact) and all(v.isdigit() for v in values):
            padded = any(len(v) > 1 and v.startswith("0") for v in values)
            known = {
                v: case
                for v in values
                if (case := by_end.get(v) if padded else numbers.get(int(v))) is not None
            }
        hits = len(set(known.values()))
        if hits * 2 >= len(exact) and (best is None or hits > best[0]):
            best = (hits, str(name), known)
    return None if best is None else best[1:]


LAYOUT = Layout(
    "brats",
    "folders of <id>_flair, _t1, _t1ce, _t2, _seg (2023: -t2f, -t1n, -t1c, -t2w, -seg) .nii or "
    ".nii.gz, in HGG/ and LGG/ or beside name_mapping.csv or another CSV with the case ids",
    _recognise,
    _read,
)
