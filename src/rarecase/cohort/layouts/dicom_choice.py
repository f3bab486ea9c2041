"""Which of a patient's DICOM series and segmentations are taken: by rule, or by asking."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rarecase.cohort.layouts.base import USUAL
from rarecase.cohort.layouts.dicom_sequences import is_derived, sequence_of
from rarecase.errors import DataError
from rarecase.imaging.formats.dicom.headers import items, words
from rarecase.imaging.formats.dicom.kinds import RTSTRUCT, SEG
from rarecase.imaging.formats.dicom.series import Found, Stack

_log = logging.getLogger(__name__)
_FEWEST = 3  # slices; less is a scout
# What is another in another person; a name is written in many ways.
_PERSON = ("PatientName", "PatientBirthDate", "PatientSex")


class UndecidedError(DataError):
    """What only the user can decide."""


@dataclass(frozen=True)
class Chosen:
    """What a patient's folder gives. images: a file of one series for each channel. mask: the one
    segmentation drawn on them. undecided: channels for which the user must choose, with the
    question. notes: what was chosen by rule, and what was left alone."""

    images: dict[str, Path] = field(default_factory=dict)
    mask: Path | None = None
    undecided: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose(folder: Path, found: Found, *, masks: bool = True) -> Chosen:
    """The series, and with `masks` the segmentation, of a patient's folder.

    Of several series of a channel axial ones go before others, and as they were acquired before
    derived ones; what that leaves open is asked. Pictures in colour and computed maps are never
    taken. DataError where there are several patients, or a file that cannot be read could belong to
    a series that is taken; UndecidedError for several segmentations of what is taken.
    """
    _check_one_patient(folder, found)
    named: dict[str, list[Stack]] = defaultdict(list)
    doubtful: dict[str, list[tuple[Stack, str]]] = defaultdict(list)
    maps = []
    for stack in usable(found):
        sequence = sequence_of(stack.header)
        if not sequence.channels:
            maps.append(stack)
        for channel in sequence.channels:
            if sequence.doubt:
                doubtful[channel].append((stack, sequence.doubt))
            else:
                named[channel].append(stack)
    notes = _left_alone(folder, found, maps)
    if not named and not doubtful:
        notes += [f"{path.name} is {why}" for path, _, why in found.others[:5]]
    taken: dict[str, Stack] = {}
    undecided: dict[str, str] = {}
    for channel in dict.fromkeys([*named, *doubtful]):
        best = _best(named[channel])
        if len(best) == 1:
            taken[channel] = best[0]
            notes += _said(folder, channel, best[0], named[channel], doubtful[channel])
        else:
            undecided[channel] = _question(folder, channel, best, doubtful[channel])
    _check_readable(found, taken.values())
    notes += _of_studies(taken)
    drawn_on = list(taken.values()) or [s for stacks in named.values() for s in stacks]
    mask, about = _mask(folder, found, drawn_on) if masks else (None, [])
    for note in [*notes, *about]:
        _log.warning("%s: %s", folder, note)
    images = {channel: stack.path for channel, stack in taken.items()}
    return Chosen(images, mask, undecided, (*notes, *about))


def usable(found: Found) -> list[Stack]:
    """Series in grey of three slices and more that one file leads to."""
    return [stack for stack in found.stacks if stack.grey and _enough(stack) and _one_file(stack)]


def _enough(stack: Stack) -> bool:
    return len(stack.slices) >= _FEWEST


def _one_file(stack: Stack) -> bool:
    """Whether naming one file is naming the stack: its slices lie in one folder, or its frames are
    all of their file."""
    if stack.slices[0].frame is not None:
        return stack.of == 1 and len(stack.slices) == len(
            stack.header.PerFrameFunctionalGroupsSequence
        )
    return len({each.path.parent for each in stack.slices}) == 1


def _best(stacks: Sequence[Stack]) -> list[Stack]:
    def rank(stack: Stack) -> tuple[bool, bool]:
        return stack.plane == "axial", not is_derived(stack.header)

    highest = max(map(rank, stacks), default=None)
    return [stack for stack in stacks if rank(stack) == highest]


def _said(
    folder: Path,
    channel: str,
    taken: Stack,
    stacks: Sequence[Stack],
    doubtful: Sequence[tuple[Stack, str]],
) -> list[str]:
    others = [stack.described(folder) for stack in stacks if stack is not taken]
    others += [f"{stack.described(folder)}, of which {why}" for stack, why in doubtful]
    this = taken.described(folder)
    notes = []
    if others:
        notes.append(
            f"of {len(others) + 1} series for {channel} {this} is taken, axial and as acquired "
            f"before others; left: {'; '.join(others)}"
        )
    if is_derived(taken.header):
        notes.append(f"{channel}: {this} is derived from other images, by its ImageType")
    return notes


def _question(
    folder: Path, channel: str, best: Sequence[Stack], doubtful: Sequence[tuple[Stack, str]]
) -> str:
    could = [stack.described(folder) for stack in best]
    could += [f"{stack.described(folder)}: {why}" for stack, why in doubtful]
    many = "series could be" if len(could) > 1 else "series may or may not be"
    return (
        f"{folder}: {len(could)} {many} {channel}: {'; '.join(could)}. Say which: name its file "
        f"(predict: {channel}=FILE; a cohort: a manifest CSV), keep only that one in the folder, "
        f"or do without {channel} (--cohort.channels)"
    )


def _left_alone(folder: Path, found: Found, maps: list[Stack]) -> list[str]:
    notes = []
    for why, stacks in (
        ("in colour", [s for s in found.stacks if not s.grey]),
        ("computed from others", maps),
        ("not all in one folder or file", [
            s for s in found.stacks if s.grey and _enough(s) and not _one_file(s)
        ]),
    ):  # fmt: skip
        if stacks:
            names = ", ".join(dict.fromkeys(repr(stack.name) for stack in stacks))
            notes.append(f"left alone, being {why}: {names}")
    if found.unreadable:
        listed = [str(path.relative_to(folder)) for path in found.unreadable]
        more = ", …" if len(listed) > 5 else ""
        notes.append(
            f"{len(listed)} file(s) cannot be read and are left out: {', '.join(listed[:5])}{more}"
        )
    return notes


def _check_readable(found: Found, stacks: Any) -> None:
    for stack in stacks:
        if missed := found.doubtful(stack, sure=False):
            raise DataError(
                f"{found.unreadable[missed[0]]} It may be a slice of {stack.name!r}, beside which "
                "it lies: move it away if it is not."
            )


def _check_one_patient(folder: Path, found: Found) -> None:
    """Refuse folders of several patients: HGG/ and LGG/, or train/ and test/; several under one
    anonymous id have other names, birthdays or sexes in other studies."""
    headers = {words(s.header, "StudyInstanceUID"): s.header for s in found.stacks}
    ids = {words(s.header, "PatientID") for s in found.stacks}
    people = {
        name: {"".join(filter(str.isalnum, words(h, name))).lower() for h in headers.values()}
        for name in _PERSON
    }
    differ = [name for name, values in people.items() if len(values - {""}) > 1]
    if len(ids) < 2 and not differ:
        return
    count = len(ids) if len(ids) > 1 else max(len(people[name] - {""}) for name in differ)
    under = "" if len(ids) > 1 else f" under one PatientID, who differ in {', '.join(differ)}"
    raise DataError(
        f"{folder}: holds series of {count} patients{under}; a folder per patient was "
        "expected. Give the folders below as DATA, or name the series in a manifest CSV."
    )


def _of_studies(taken: dict[str, Stack]) -> list[str]:
    studies: dict[str, list[str]] = defaultdict(list)
    for channel in [name for name in taken if name in USUAL] or taken:
        studies[words(taken[channel].header, "StudyInstanceUID")].append(channel)
    if len(studies) < 2:
        return []
    listed = " and ".join(", ".join(channels) for channels in studies.values())
    return [f"its channels are of {len(studies)} studies ({listed}): see that they belong together"]


def _mask(folder: Path, found: Found, stacks: Sequence[Stack]) -> tuple[Path | None, list[str]]:
    """The one DICOM-SEG that refers to the series that are taken, or, if none does, to their frame
    of reference; and what is said of others, and of contours."""
    series = {stack.uid for stack in stacks}
    frames = {words(stack.header, "FrameOfReferenceUID") for stack in stacks} - {""}

    def fits(header: Any) -> int:
        about, frame = refers_to(header)
        return 2 if about & series else 1 if frame & frames else 0

    drawn = [(path, fits(header)) for path, header in found.of_kind(SEG)]
    contours = [path.name for path, header in found.of_kind(RTSTRUCT) if fits(header)]
    highest = max((fit for _, fit in drawn), default=0)
    best = [path for path, fit in drawn if fit == highest > 0]
    if len(best) > 1:
        names = " and ".join(str(path.relative_to(folder)) for path in best)
        raise UndecidedError(f"{folder}: {names} are segmentations. Keep one, the tumour's.")
    notes = []
    if others := [str(path.relative_to(folder)) for path, _ in drawn if path not in best]:
        notes.append(
            f"left alone, being segmentations of other series or frames of reference: "
            f"{', '.join(others)}"
        )
    if contours and not best:
        notes.append(
            f"the contours in {', '.join(contours)} (RTSTRUCT) are not read; convert them to a "
            "DICOM-SEG or a NIfTI mask, for instance with 3D Slicer"
        )
    return (best[0] if best else None), notes


def refers_to(header: Any) -> tuple[set[str], set[str]]:
    """The series, and the frames of reference, that a segmentation or contours refer to."""
    series = {
        words(each, "SeriesInstanceUID") for each in items(header, "ReferencedSeriesSequence")
    }
    frames = {words(header, "FrameOfReferenceUID")}
    for frame in items(header, "ReferencedFrameOfReferenceSequence"):
        frames.add(words(frame, "FrameOfReferenceUID"))
        for study in items(frame, "RTReferencedStudySequence"):
            for each in items(study, "RTReferencedSeriesSequence"):
                series.add(words(each, "SeriesInstanceUID"))
    return series - {""}, frames - {""}
