"""Layout `rembrandt`: HGG/<id>/<id>.nii.gz (FLAIR) with <id>_seg.nii.gz beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, volume_named
from rarecase.cohort.layouts.label_tables import labelled

GRADES = ("HGG", "LGG")


def graded_folders(source: Source) -> list[tuple[str, Path]]:
    """(grade, case folder) for every folder in HGG/ and LGG/, sorted."""
    found = []
    for grade in GRADES:
        if (source.root / grade).is_dir():
            found += [(grade, folder) for folder in Source(source.root / grade).folders()]
    return found


def _recognise(source: Source) -> bool:
    return any(volume_named(folder, folder.name) for _, folder in graded_folders(source))


def _read(source: Source) -> RawCohort:
    cases: list[Case] = []
    grades: list[str] = []
    dropped: list[Dropped] = []
    for grade, folder in graded_folders(source):
        name = folder.name
        image = volume_named(folder, name)
        if image is None:
            dropped.append(Dropped(name, f"no {name}.nii.gz in {grade}/{name}"))
            continue
        mask = volume_named(folder, f"{name}_seg")
        cases.append(Case(name, name, images={"flair": image}, mask=mask))
        grades.append(grade)
    return labelled(
        "rembrandt", source, cases, channels=("flair",), dropped=dropped, own=("grade",),
        known=pd.DataFrame({"grade": grades}),
    )  # fmt: skip


LAYOUT = Layout(
    "rembrandt",
    "HGG/<id>/<id>.nii.gz and LGG/<id>/<id>.nii.gz with <id>_seg.nii.gz beside them",
    _recognise,
    _read,
)
