"""Layout `dicom`: a folder per patient with DICOM series in it, as archives hand them out, and a
CSV with the patients' classes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import USUAL, Layout, RawCohort, Source
from rarecase.cohort.layouts.label_tables import labelled
from rarecase.errors import DataError
from rarecase.imaging.formats import is_dicom
from rarecase.imaging.formats.below import folders_below, packed_below

if TYPE_CHECKING:
    from rarecase.cohort.layouts.dicom_choice import Chosen

_log = logging.getLogger(__name__)
_LOOKED = 20  # files, or folders, of a folder that are looked at to see what it is


def _recognise(source: Source) -> bool:
    # A single folder is an archive's own, and looked into.
    folders = source.folders()
    if len(folders) < 2 or not any(map(has_dicom, folders[:3])):
        return False
    return bool(source.tables()) or not _one_case(folders)


def has_dicom(folder: Path) -> bool:
    """Whether there is DICOM among the first files in a folder and below it."""
    files = (path for _, inside in folders_below(folder) for path in inside)
    return any(is_dicom(path) for path in islice(files, _LOOKED))


def _samples(folder: Path) -> Iterator[Any]:
    """The header of the first DICOM file of each folder."""
    from rarecase.imaging.formats.dicom.headers import header_of

    for _, inside in islice(folders_below(folder), _LOOKED):
        path = next((p for p in inside if p.name != "DICOMDIR" and is_dicom(p)), None)
        if path is not None:
            yield header_of(path)


def _one_case(folders: Sequence[Path]) -> bool:
    """Whether the folders are the series of one patient's study, and not a case each: they bear one
    id, and either one study or no sequence twice. Anonymous patients may all bear one id."""
    from rarecase.cohort.layouts.dicom_sequences import sequence_of
    from rarecase.imaging.formats.dicom.headers import words

    patients: set[str] = set()
    studies: dict[Path, set[str]] = defaultdict(set)
    channels: dict[Path, set[str]] = defaultdict(set)
    try:
        for folder in folders:
            for header in _samples(folder):
                patients.add(words(header, "PatientID"))
                if len(patients) > 1:
                    return False
                studies[folder].add(words(header, "StudyInstanceUID"))
                channels[folder].update(sequence_of(header).channels)
    except DataError:
        return False
    every = set().union(*studies.values())
    if len(every) == 1 and "" not in every:
        return True
    times = sum(len(found) for found in channels.values())
    return "" not in patients and times == len(set().union(*channels.values()))


def chosen_in(folder: Path, *, masks: bool = True) -> Chosen:
    """What a patient's folder gives; DataError as `choose`."""
    from rarecase.cohort.layouts.dicom_choice import choose
    from rarecase.imaging.formats.dicom.series import look_into

    return choose(folder, look_into(folder), masks=masks)


def _read(source: Source) -> RawCohort:
    from rarecase.cohort.layouts.dicom_choice import UndecidedError

    cases: list[Case] = []
    dropped: list[Dropped] = []
    for folder in source.folders():
        try:
            chosen = chosen_in(folder)
        except (DataError, OSError) as error:
            dropped.append(Dropped(folder.name, str(error), asks=isinstance(error, UndecidedError)))
            continue
        if not chosen.images and not chosen.undecided:
            packed = packed_below(folder)
            what = ["no DICOM series of three slices in one folder", packed, *chosen.notes]
            dropped.append(Dropped(folder.name, "; ".join(filter(None, what))))
            continue
        cases.append(
            Case(
                folder.name, folder.name, images=chosen.images, mask=chosen.mask,
                notes=chosen.notes, undecided=chosen.undecided,
            )
        )  # fmt: skip
    if not cases:
        raise DataError(f"{source.root}: no folder there is a patient's: {dropped[0].reason}")
    raw = labelled("dicom", source, cases, channels=_channels(cases), dropped=dropped)
    return replace(raw, cases=_said_of_ids(source.root, raw.cases))


def _channels(cases: Sequence[Case]) -> tuple[str, ...]:
    """The channels of any case, those to be decided too, the usual ones first."""
    found = {name for case in cases for name in (*case.images, *case.undecided)}
    return tuple(n for n in USUAL if n in found) + tuple(sorted(found - set(USUAL)))


def _said_of_ids(root: Path, cases: Sequence[Case]) -> tuple[Case, ...]:
    """The cases, with a word where folders that count as patients bear one id."""
    from rarecase.imaging.formats.dicom.headers import header_of, words

    bearing: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.images:
            number = words(header_of(next(iter(case.images.values()))), "PatientID")
            bearing[number].append(case)
    notes: dict[str, str] = {}
    for number, same in bearing.items():
        names = sorted({case.patient for case in same})
        if number and len(names) > 1:
            shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            notes[same[0].case] = (
                f"{len(names)} folders bear one PatientID ({shown}): each counts as a patient, as "
                "of anonymous ones; where they are one, say so in a column 'patient' of the table"
            )
    for name, note in notes.items():
        _log.warning("%s: %s: %s", root, name, note)
    return tuple(
        replace(case, notes=(*case.notes, notes[case.case])) if case.case in notes else case
        for case in cases
    )


LAYOUT = Layout(
    "dicom",
    "a folder per patient with DICOM series (and a DICOM-SEG of the tumour) in it or below, and a "
    "CSV with the patients' folders and classes",
    _recognise,
    _read,
)
