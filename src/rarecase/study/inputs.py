"""From what a user names on the command line to the cases that are meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rarecase.cohort import read_cohort
from rarecase.cohort.case import Case, Dropped, SliceFiles
from rarecase.cohort.layouts import find_layout
from rarecase.cohort.layouts.brats import channel_files
from rarecase.errors import DataError, SettingError
from rarecase.imaging.formats import is_dicom, suffix_of
from rarecase.imaging.pictures import PICTURE_SUFFIXES, count_planes

_NUMBERED = re.compile(r"(?!\.).*?(\d+)$")


def cases_named(texts: Sequence[str], channels: Sequence[str]) -> tuple[list[Case], list[Dropped]]:
    """The cases behind each of `texts`, for a model that takes `channels`, and those of a cohort
    that lack one:

    * a volume in any format, the folder of a DICOM series or of volumes, where the model takes one
      channel;
    * `flair=a.nii.gz,t1=b.nii.gz`, a volume for each channel;
    * a folder of one case in BraTS' names, or of numbered pictures, one a slice;
    * a cohort in a known layout, labelled or not, or a manifest: all of its cases.

    Masks that lie beside are left alone. Cases whose files would be called alike get a number.
    Raises `DataError` for a text that names none of these.
    """
    cases: list[Case] = []
    dropped: list[Dropped] = []
    taken: set[str] = set()
    for text in texts:
        try:
            found, lacking = _behind(text, tuple(channels))
        except (DataError, SettingError) as error:
            said = str(error)
            raise DataError(said if text in said else f"{text}: {said}") from None
        dropped += lacking
        for case in found:
            name, count = case.case, 1
            while file_name(name) in taken:
                count += 1
                name = f"{case.case}-{count}"
            taken.add(file_name(name))
            bare = tuple(replace(each, mask=None) for each in case.slices)
            cases.append(replace(case, case=name, mask=None, slices=bare))
    return cases, dropped


def file_name(case: str) -> str:
    """A case's name as part of a file's.

    >>> file_name("a/b c")
    'a_b_c'
    """
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in case) or "case"


def _behind(text: str, channels: tuple[str, ...]) -> tuple[list[Case], list[Dropped]]:
    path = Path(text)
    if not _exists(path):
        if "=" in text:
            return [_by_channel(text, channels)], []
        raise DataError(f"{path}: no such file or folder.")
    table = path.suffix.lower() == ".csv"
    if path.is_file() and not table:
        return [_single(path, channels)], []
    if find_layout(path):
        return _cohort(path, channels)
    if table:
        raise DataError(f"{path}: a table of no known layout; see 'rarecase inspect {path}'.")
    name = path.resolve().name
    pictures = _pictures(path)
    if pictures:
        return [_picture_case(path, pictures, channels)], []
    files = {n: f for n, f in channel_files(path).items() if n in channels}
    if set(files) == set(channels):
        return [Case(name, name, images=files)], []
    return _scans(path, channels), []


def _cohort(path: Path, channels: tuple[str, ...]) -> tuple[list[Case], list[Dropped]]:
    """The cases of a cohort; grey pictures and volumes that do not say of what sequence they are
    (channel `image`) are taken for the one that the model wants."""
    try:
        cohort = read_cohort(path, channels=channels, labels=False)
        return list(cohort.cases), list(cohort.dropped)
    except (DataError, SettingError):
        cohort = read_cohort(path, labels=False)
        if cohort.channels != ("image",) or len(channels) != 1:
            raise
    cases = [
        replace(case, planes=channels)
        if case.slices
        else replace(case, images=dict.fromkeys(channels, case.images["image"]))
        for case in cohort.cases
    ]
    return cases, list(cohort.dropped)


def _scans(folder: Path, channels: tuple[str, ...]) -> list[Case]:
    """Every volume of a folder, and the DICOM series in it."""
    files = [f for f in sorted(folder.rglob("*")) if f.is_file() and f.name[0] not in "._"]
    volumes = [f for f in files if f.parent == folder and suffix_of(f) and not is_dicom(f)]
    series = any(is_dicom(f) for f in files)
    if not volumes and not series:
        raise DataError(f"{folder}: no scan in this folder; expected volumes or a DICOM series.")
    return [_single(each, channels) for each in (*volumes, *([folder] if series else []))]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a long list of channels is no name of a file
        return False


def _single(path: Path, channels: tuple[str, ...]) -> Case:
    if len(channels) != 1:
        example = ",".join(f"{name}=…" for name in channels)
        raise DataError(
            f"{path}: the model takes the channels {', '.join(channels)}; name a file for each: "
            f"{example}"
        )
    name = _stem(path)
    return Case(name, name, images={channels[0]: path})


def _by_channel(text: str, channels: tuple[str, ...]) -> Case:
    images: dict[str, Path] = {}
    for part in text.split(","):
        name, sign, file = part.partition("=")
        if not sign or not file:
            raise DataError(f"{text}: expected CHANNEL=FILE,CHANNEL=FILE.")
        if not Path(file).exists():
            raise DataError(f"{file}: no such file or folder.")
        images[name.strip().lower()] = Path(file)
    missing = [name for name in channels if name not in images]
    if missing:
        raise DataError(f"{text}: no {', '.join(missing)}, which the model needs.")
    name = _stem(images[channels[0]])
    return Case(name, name, images={channel: images[channel] for channel in channels})


def _stem(path: Path) -> str:
    suffix = suffix_of(path) if path.is_file() else None
    return path.name[: -len(suffix)] if suffix else path.resolve().name


def _pictures(folder: Path) -> list[tuple[int, Path]]:
    """Numbered pictures of a folder, masks left out, in the order of their numbers."""
    if not folder.is_dir():
        return []
    found = []
    for file in folder.iterdir():
        match = _NUMBERED.fullmatch(file.stem)
        if file.suffix.lower() in PICTURE_SUFFIXES and match is not None:
            found.append((int(match.group(1)), file))
    return sorted(found)


def _picture_case(
    folder: Path, pictures: Sequence[tuple[int, Path]], channels: tuple[str, ...]
) -> Case:
    if len({number for number, _ in pictures}) < len(pictures):
        raise DataError(f"{folder}: two pictures end in one number, so their order is unknown.")
    planes = count_planes(pictures[0][1])
    known: tuple[str, ...]
    if planes == 3:
        # The public TCGA pictures hold three sequences; others are red, green, blue.
        known = ("t1", "flair", "t1gd") if "flair" in channels else ("red", "green", "blue")
    else:
        known = ("image",) if "image" in channels else channels[:1]
    missing = [name for name in channels if name not in known]
    if missing:
        raise DataError(
            f"{folder}: pictures of {planes} plane(s), and the model takes {', '.join(channels)}."
        )
    slices = tuple(SliceFiles(file, None, number) for number, file in pictures)
    name = folder.resolve().name
    return Case(name, name, slices=slices, planes=known)
