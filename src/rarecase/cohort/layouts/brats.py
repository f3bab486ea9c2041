"""Layout `brats`: BraTS 2017 to 2023, graded folders or flat folders with a table of labels."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import USUAL, Layout, RawCohort, Source
from rarecase.cohort.layouts.label_tables import labelled
from rarecase.cohort.layouts.rembrandt import graded_folders
from rarecase.errors import DataError
from rarecase.imaging.formats import suffix_of

_NAMES = {
    "flair": "flair", "t2f": "flair", "t1": "t1", "t1n": "t1", "t1ce": "t1gd", "t1gd": "t1gd",
    "t1c": "t1gd", "t2": "t2", "t2w": "t2", "seg": "mask",
}  # fmt: skip
_ENDS = r"\.(nii(\.gz)?|nrrd|mha)"
_FILE = re.compile(rf".+[-_]({'|'.join(_NAMES)}){_ENDS}", re.IGNORECASE)
# BraTS 2020 ships one segmentation under its working name, W39_1998.09.19_Segm.nii.
_ODD_MASK = re.compile(rf".*_segm(entation)?{_ENDS}", re.IGNORECASE)
# 2023: the last number is the visit. 2017 to 2019: the last digit is.
_VISIT = re.compile(r"(BraTS-[A-Za-z]+-\d+)-\d{3}|(Brats1[789]_.+)_\d", re.IGNORECASE)


def _recognise(source: Source) -> bool:
    graded = [folder for _, folder in graded_folders(source)]
    # A folder with a manifest is a cohort of its own, whatever its files are called.
    inside = [f for f in _case_folders(source) if not (f / "manifest.csv").is_file()]
    folders = [*graded, *inside][:50]
    return any(_candidates(folder).keys() & set(USUAL) for folder in folders)


def _case_folders(source: Source) -> list[Path]:
    """Folders of cases; one that is called like a file is the volume in it (`case_flair.nii/`)."""
    return [folder for folder in source.folders() if suffix_of(folder) is None]


def _read(source: Source) -> RawCohort:
    graded: list[tuple[str | None, Path]] = [*graded_folders(source)]
    folders = graded or [(None, folder) for folder in _case_folders(source)]
    cases: list[Case] = []
    grades: list[str | None] = []
    dropped: list[Dropped] = []
    for grade, folder in folders:
        files = channel_files(folder)
        images = {name: files[name] for name in USUAL if name in files}
        if not images:
            dropped.append(Dropped(folder.name, "no image (…_flair.nii.gz, …) in its folder"))
            continue
        patient = patient_of(folder.name)
        cases.append(Case(folder.name, patient, images=images, mask=files.get("mask")))
        grades.append(grade)
    own = ("grade", "label", "class")
    known = pd.DataFrame({"grade": grades}) if graded else None
    return labelled("brats", source, cases, channels=USUAL, dropped=dropped, own=own, known=known)


def patient_of(case: str) -> str:
    """The patient behind a BraTS case id: the id less the visit number.

    >>> patient_of("BraTS-GLI-00005-101"), patient_of("BraTS20_Training_001")
    ('BraTS-GLI-00005', 'BraTS20_Training_001')
    """
    match = _VISIT.fullmatch(case)
    return case if match is None else match.group(1) or match.group(2)


def channel_files(folder: Path) -> dict[str, Path]:
    """The file of each channel ('mask' for the segmentation).

    The case's own name and a channel wins (`<case>_flair.nii.gz`); another file of that channel
    beside it is derived from it and left alone. Two others for one channel are an error.
    """
    return {name: _own(files, folder) for name, files in _candidates(folder).items()}


def _candidates(folder: Path) -> dict[str, list[Path]]:
    """Every file that could be a channel or the mask, by its name alone."""
    candidates: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue  # the system's, such as macOS' ._case_flair.nii.gz
        match = _FILE.fullmatch(file.name)
        if match is not None:
            candidates.setdefault(_NAMES[match.group(1).lower()], []).append(file)
        elif _ODD_MASK.fullmatch(file.name):
            candidates.setdefault("odd mask", []).append(file)
    odd = candidates.pop("odd mask", [])
    if odd:
        candidates.setdefault("mask", odd)
    return candidates


def _own(files: list[Path], folder: Path) -> Path:
    """The case's own file of one channel; .nii.gz is taken before .nii."""
    named = [f for f in files if re.fullmatch(rf"{re.escape(folder.name)}[-_][^-_]+", _stem(f))]
    left = named or files
    if len({_stem(file) for file in left}) > 1:
        names = " and ".join(file.name for file in left)
        raise DataError(f"{folder}: {names} could be the same channel. Keep one, or rename it.")
    return max(left, key=lambda file: file.name.lower().endswith(".gz"))


def _stem(file: Path) -> str:
    return re.sub(rf"{_ENDS}$", "", file.name, flags=re.IGNORECASE)


LAYOUT = Layout(
    "brats",
    "folders of <id>_flair, _t1, _t1ce, _t2, _seg (2023: -t2f, -t1n, -t1c, -t2w, -seg) .nii or "
    ".nii.gz, in HGG/ and LGG/ or beside name_mapping.csv or another CSV with the case ids",
    _recognise,
    _read,
)
