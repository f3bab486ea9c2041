"""Layout `tcga-lgg`: the public LGG segmentation set (Buda et al. 2019), one folder per patient."""

from __future__ import annotations

import re
from pathlib import Path

from rarecase.cohort.case import Case, Dropped, SliceFiles
from rarecase.cohort.layouts.base import Layout, RawCohort, Source
from rarecase.cohort.layouts.label_tables import labelled

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
    return labelled("tcga-lgg", source, cases, channels=_PLANES, dropped=dropped, own=())


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


LAYOUT = Layout(
    "tcga-lgg",
    "folders TCGA_<site>_<patient>_<date>/ of …_<number>.tif with …_<number>_mask.tif, and "
    "data.csv with a column Patient",
    _recognise,
    _read,
)
