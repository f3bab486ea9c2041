"""Layout `dicom`: a folder per patient with DICOM series in it, as archives hand them out, and a
CSV with the patients' classes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, channel_name, channels_in
from rarecase.cohort.layouts.label_tables import labelled
from rarecase.errors import DataError
from rarecase.imaging.formats import is_dicom

if TYPE_CHECKING:
    from rarecase.imaging.formats.dicom_series import Stack

_log = logging.getLogger(__name__)
_FEWEST = 3  # slices; less is a scout
_LOOKED = 20  # files of a folder that are looked at to see what it is


def _recognise(source: Source) -> bool:
    # A single folder is an archive's own, and looked into.
    folders = source.folders()
    if len(folders) < 2 or not any(_first_dicom(folder) for folder in folders[:3]):
        return False
    return bool(source.tables()) or not _one_patient(folders)


def _first_dicom(folder: Path) -> Path | None:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return next((path for path in islice(files, _LOOKED) if is_dicom(path)), None)


def _one_patient(folders: Sequence[Path]) -> bool:
    """Whether the folders are the series of one patient's study, and not a patient each."""
    from rarecase.imaging.formats.dicom_series import header_of

    try:
        firsts = [file for folder in folders if (file := _first_dicom(folder)) is not None]
        patients = {str(header_of(file).get("PatientID", "")) for file in firsts}
    except DataError:
        return False
    return len(patients) == 1 and "" not in patients


def series_by_channel(folder: Path) -> dict[str, Path]:
    """A file of one series of a patient's folder for each channel; empty without any series."""
    from rarecase.imaging.formats.dicom_series import stacks_in

    stacks = stacks_in(folder)
    _check_one_patient(folder, stacks)
    return _images(folder, _usable(stacks))


def _usable(stacks: Sequence[Stack]) -> list[Stack]:
    """Series of three slices and more in one folder: over several it would be read from one."""
    return [
        s for s in stacks
        if len(s.slices) >= _FEWEST and len({each.path.parent for each in s.slices}) == 1
    ]  # fmt: skip


def _read(source: Source) -> RawCohort:
    from rarecase.imaging.formats.dicom_series import stacks_in

    cases: list[Case] = []
    dropped: list[Dropped] = []
    for folder in source.folders():
        try:
            found_here = stacks_in(folder)
            _check_one_patient(folder, found_here)
            mask = _mask(folder)
        except (DataError, OSError) as error:
            dropped.append(Dropped(folder.name, str(error)))
            continue
        stacks = _usable(found_here)
        if not stacks:
            dropped.append(Dropped(folder.name, "no DICOM series of three slices in one folder"))
            continue
        images = _images(folder, stacks)
        cases.append(Case(folder.name, folder.name, images=images, mask=mask))
    if not cases:
        raise DataError(f"{source.root}: no folder there is a patient's: {dropped[0].reason}")
    return labelled("dicom", source, cases, channels=channels_in(cases), dropped=dropped)


def _check_one_patient(folder: Path, stacks: list[Stack]) -> None:
    """Refuse folders of several patients: HGG/ and LGG/, or train/ and test/."""
    patients = {each.patient for stack in stacks for each in stack.slices}
    if len(patients) > 1:
        raise DataError(
            f"{folder}: holds series of {len(patients)} patients; a folder per patient was "
            "expected. Give the folders below as DATA, or name the series in a manifest CSV."
        )


def _images(folder: Path, stacks: list[Stack]) -> dict[str, Path]:
    """A file of one series for each channel; axial before others, then the one with most slices."""
    named: dict[str, list[Stack]] = {}
    for stack in stacks:
        named.setdefault(channel_name(stack.name), []).append(stack)
    images = {}
    for name, several in named.items():
        best = max(several, key=lambda s: (s.plane == "axial", len(s.slices)))
        images[name] = best.slices[0].path
        if len(several) > 1:
            _log.warning("%s: of %d series for %s %s is taken", folder, len(several), name, best)
    return images


def _mask(folder: Path) -> Path | None:
    """The one DICOM-SEG in the folder."""
    from rarecase.imaging.formats.dicom_series import dicom_files, header_of

    kinds = {p: str(header_of(p).get("Modality", "")) for p in dicom_files(folder)}
    found = [path for path, kind in kinds.items() if kind == "SEG"]
    contours = [path.name for path, kind in kinds.items() if kind == "RTSTRUCT"]
    if contours and not found:
        _log.warning(
            "%s: the contours in %s (RTSTRUCT) are not read; convert them to a DICOM-SEG or a "
            "NIfTI mask, for instance with 3D Slicer", folder, ", ".join(contours),
        )  # fmt: skip
    if len(found) > 1:
        names = " and ".join(str(path.relative_to(folder)) for path in found)
        raise DataError(f"{folder}: {names} are segmentations. Keep one, the tumour's.")
    return found[0] if found else None


LAYOUT = Layout(
    "dicom",
    "a folder per patient with DICOM series (and a DICOM-SEG of the tumour) in it or below, and a "
    "CSV with the patients' folders and classes",
    _recognise,
    _read,
)
