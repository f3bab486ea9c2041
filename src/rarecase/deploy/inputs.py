"""From what a user names on the command line to the cases that are meant."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rarecase.cohort import read_cohort
from rarecase.cohort.case import Case, Dropped, SliceFiles
from rarecase.cohort.clinical import clinical_values
from rarecase.cohort.layouts import find_layout
from rarecase.cohort.layouts.base import USUAL, channel_name
from rarecase.cohort.layouts.brats import channel_files
from rarecase.cohort.layouts.dicom import chosen_in, has_dicom
from rarecase.cohort.layouts.label_tables import of_cases
from rarecase.cohort.unreadable import within
from rarecase.errors import DataError, SettingError
from rarecase.imaging.formats import PICTURE_SUFFIXES, inside, is_dicom, suffix_of
from rarecase.imaging.pictures import count_planes
from rarecase.imaging.volumes import probe_volume

log = logging.getLogger(__name__)
_MASK = re.compile(r"(^|[_\-. ])(segm?|segmentation|mask|labels?|roi|lesion)$", re.IGNORECASE)
_CHANNEL_NUMBER = re.compile(r"(.+)_(\d{4})")
_NUMBERED = re.compile(r"(?!\.).*?(\d+)$")


def cases_named(
    texts: Sequence[str], channels: Sequence[str], *, clinical: Sequence[str] = ()
) -> tuple[list[Case], list[Dropped]]:
    """The cases behind each of `texts`, for a model that takes `channels` and the columns
    `clinical` of a cohort's table, and those of a cohort that lack a channel:

    * a volume, where the model takes one channel; one of as many volumes as it takes channels, in
      their order;
    * `flair=a.nii.gz,t1=b.nii.gz`, a volume for each channel;
    * a folder of one case in BraTS' names, or of numbered pictures, one a slice, or of a patient's
      DICOM series, distinguished by headers and descriptions;
    * a folder of volumes, where the model takes one channel: those whose name says that they are
      masks or another sequence are left alone, and that is said;
    * a cohort in a known layout, labelled or not, or a manifest: all of its cases.

    Masks that lie beside are left alone. Cases whose files would be called alike get a number. Of
    several texts one that names none of these is among the dropped; alone it is a `DataError`.
    """
    cases: list[Case] = []
    dropped: list[Dropped] = []
    taken: set[str] = set()
    for text in texts:
        try:
            found, lacking = _behind(text, tuple(channels), clinical)
        except (DataError, SettingError) as error:
            said = str(error) if text in str(error) else f"{text}: {error}"
            if len(texts) == 1:
                raise DataError(said) from None
            named = [Path(part.rpartition("=")[2]) for part in text.split(",")]
            said = within(said, *(each.parent for each in named))
            dropped.append(Dropped(named[0].name or text, said))
            continue
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


def with_clinical(cases: Sequence[Case], table: Path, clinical: Sequence[str]) -> list[Case]:
    """The cases with the columns `clinical` of a table that names them, as far as it has them,
    besides what is known of them. Raises `DataError` where it names none of the cases, or has none
    of the columns."""
    rows = of_cases(cases, table)
    if not set(clinical) & set(rows):
        raise DataError(f"{table}: has none of the columns {', '.join(clinical)}.")
    known = clinical_values(rows, wanted=clinical, strict=False)
    found = []
    for case in cases:
        mine = {
            n: v for n, v in known.get(case.case, {}).items() if n in clinical and v is not None
        }
        found.append(replace(case, clinical={**case.clinical, **mine}))
    return found


def _behind(
    text: str, channels: tuple[str, ...], clinical: Sequence[str]
) -> tuple[list[Case], list[Dropped]]:
    path = Path(text)
    if not _exists(path):
        if "=" in text:
            return [_by_channel(text, channels)], []
        raise DataError(f"{path}: no such file or folder.")
    table = path.suffix.lower() == ".csv"
    if path.is_file() and not table:
        return [_single(path, channels)], []
    if layout := find_layout(path):
        cases, dropped = _cohort(path, channels, clinical)
        # Volumes beside the series of patients; elsewhere the layout has named all there are.
        beside = layout == "dicom" and path.is_dir()
        return [*cases, *(_loose(path, channels) if beside else [])], dropped
    if table:
        raise DataError(f"{path}: a table of no known layout; see 'rarecase inspect {path}'.")
    if pictures := _pictures(path):
        return [_picture_case(path, pictures, channels)], []
    name = path.resolve().name
    # Where the model takes one channel, each file may be another patient's.
    if len(channels) > 1 or len(_volumes(path, channels)[0]) == 1:
        files = {n: f for n, f in channel_files(path).items() if n in channels}
        if set(files) == set(channels):
            return [Case(name, name, images=files)], []
    cases = [*_loose(path, channels), *_series(path, channels)]
    if not cases:
        raise DataError(f"{path}: no scan in this folder; expected volumes or a DICOM series.")
    return cases, []


def _cohort(
    path: Path, channels: tuple[str, ...], clinical: Sequence[str]
) -> tuple[list[Case], list[Dropped]]:
    """The cases of a cohort; grey pictures and volumes that do not say of what sequence they are
    (channel `image`) are taken for the one that the model wants."""
    try:
        cohort = read_cohort(path, channels=channels, labels=False, clinical=clinical)
        return list(cohort.cases), list(cohort.dropped)
    except (DataError, SettingError):
        cohort = read_cohort(path, labels=False, clinical=clinical)
        if cohort.channels != ("image",) or len(channels) != 1:
            raise
    cases = [
        replace(case, planes=channels)
        if case.slices
        else replace(case, images=dict.fromkeys(channels, case.images["image"]))
        for case in cohort.cases
    ]
    return cases, list(cohort.dropped)


def _loose(folder: Path, channels: tuple[str, ...]) -> list[Case]:
    """The volumes that lie in a folder, less masks and what its name calls another sequence."""
    left, others = _volumes(folder, channels)
    if others:
        log.warning(
            "%s: left alone, being masks or other sequences by their names: %s%s", folder,
            ", ".join(f.name for f in others[:5]), ", …" if len(others) > 5 else "",
        )  # fmt: skip
    numbers = {m.group(2) for f in left if (m := _CHANNEL_NUMBER.fullmatch(_stem(f)))}
    if len(numbers) > 1:
        raise DataError(
            f"{folder}: holds several channels of its cases by number "
            f"({', '.join(sorted(numbers))}), without dataset.json to name them. Name the files: "
            + ",".join(f"{name}=FILE" for name in channels)
        )
    return [_single(each, channels) for each in left]


def _volumes(folder: Path, channels: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """Those of the channels, and those that by their names are masks or other sequences."""
    wanted: list[Path] = []
    others: list[Path] = []
    for file in sorted(f for f in folder.iterdir() if f.name[0] not in "._"):
        if suffix_of(file) and not is_dicom(file):
            name = channel_name(re.split(r"[_\-. ]", _stem(file))[-1])
            other = _MASK.search(_stem(file)) or (name in USUAL and name not in channels)
            (others if other else wanted).append(file)
    return wanted, others


def _series(folder: Path, channels: tuple[str, ...]) -> list[Case]:
    """A patient's DICOM series in a folder or below, as one case."""
    if not has_dicom(folder):
        return []
    chosen = chosen_in(folder, masks=False)
    found, asked = chosen.images, chosen.undecided
    if set(channels) <= set(found):
        name = folder.resolve().name
        images = {channel: found[channel] for channel in channels}
        return [Case(name, name, images=images, notes=chosen.notes)]
    if questions := [asked[channel] for channel in channels if channel in asked]:
        raise DataError("\n".join(questions))
    if len(channels) == 1 and not any(n in USUAL for n in (*found, *asked)):
        return [_single(folder, channels)]  # one series, whatever it is called
    missing = ", ".join(c for c in channels if c not in found)
    raise DataError(
        f"{folder}: no series is called {missing}, which the model takes; there are "
        f"{', '.join([*found, *asked])}. Name a file of each: "
        + ",".join(f"{c}=FILE" for c in channels)
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a long list of channels is no name of a file
        return False


def _single(path: Path, channels: tuple[str, ...]) -> Case:
    name = _stem(path)
    several = _volumes_within(path)
    if several is None and len(channels) == 1:  # said of this case alone, when its turn comes
        return Case(name, name, images={channels[0]: path})
    if several == (len(channels),):
        log.warning("%s: its volumes are taken as %s", path, ", ".join(channels))
        parts = {channel: i for i, channel in enumerate(channels)}
        return Case(name, name, images=dict.fromkeys(channels, path), parts=parts)
    if len(channels) != 1:
        example = ",".join(f"{name}=…" for name in channels)
        raise DataError(
            f"{path}: the model takes the channels {', '.join(channels)}; name a file for each: "
            f"{example}"
        )
    return Case(name, name, images={channels[0]: path})


def _volumes_within(path: Path) -> tuple[int, ...] | None:
    """How many volumes a file holds, () of one; None where it cannot be read."""
    try:
        return probe_volume(path).shape[3:] if path.is_file() else ()
    except DataError:
        return None


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
    suffix = suffix_of(path) if path.is_file() or inside(path) != path else None
    return path.name[: -len(suffix)] if suffix else path.resolve().name


def _pictures(folder: Path) -> list[tuple[int, Path]]:
    """Numbered pictures of a folder, masks left out, in the order of their numbers."""
    return sorted(
        (int(match.group(1)), file)
        for file in folder.iterdir()
        if file.suffix.lower() in PICTURE_SUFFIXES and (match := _NUMBERED.fullmatch(file.stem))
    )


def _picture_case(
    folder: Path, pictures: Sequence[tuple[int, Path]], channels: tuple[str, ...]
) -> Case:
    if len({number for number, _ in pictures}) < len(pictures):
        raise DataError(f"{folder}: two pictures end in one number, so their order is unknown.")
    planes = count_planes(pictures[0][1])
    known = ("image",) if "image" in channels else channels[:1]
    if planes == 3:
        # The public TCGA pictures hold three sequences; others are red, green, blue.
        known = ("t1", "flair", "t1gd") if "flair" in channels else ("red", "green", "blue")
    missing = [name for name in channels if name not in known]
    if missing:
        raise DataError(
            f"{folder}: pictures of {planes} plane(s), and the model takes {', '.join(channels)}."
        )
    slices = tuple(SliceFiles(file, None, number) for number, file in pictures)
    name = folder.resolve().name
    return Case(name, name, slices=slices, planes=known)
