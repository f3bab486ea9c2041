"""A single volume or picture, named in place of a cohort: a case without a label, to look at."""

from __future__ import annotations

import re
from pathlib import Path

from rarecase.cohort.case import Case, SliceFiles
from rarecase.cohort.layouts.base import USUAL, Layout, RawCohort, Source, case_table, channel_name
from rarecase.cohort.unreadable import attempt
from rarecase.imaging.formats import PICTURE_SUFFIXES, is_dicom, suffix_of
from rarecase.imaging.pictures import count_planes
from rarecase.imaging.volumes import probe_volume

ONE_SCAN = "one scan"


def is_scan(path: Path) -> bool:
    """Whether a path is a file of a volume or picture, by its name, or as DICOM by how it begins.

    >>> is_scan(Path("labels.csv"))
    False
    """
    if not path.is_file():
        return False
    return bool(suffix_of(path)) or path.suffix.lower() in PICTURE_SUFFIXES or is_dicom(path)


def _read(source: Source) -> RawCohort:
    assert source.csv is not None
    case = _case(source.csv)
    hint = " This is a single scan; name the folder or table of a whole cohort."
    return RawCohort(ONE_SCAN, case.channels, (case,), case_table([case]), own=None, hint=hint)


def _case(path: Path) -> Case:
    suffix = suffix_of(path) or (path.suffix if path.suffix.lower() in PICTURE_SUFFIXES else "")
    name = path.name[: len(path.name) - len(suffix)]
    # What cannot be read is said of the case when its turn comes.
    shape = attempt(lambda: probe_volume(path).shape, None)[0] or ()
    if path.suffix.lower() in PICTURE_SUFFIXES and shape[2:] in ((), (1,)):
        colours = attempt(lambda: count_planes(path), None)[0] == 3
        planes = ("red", "green", "blue") if colours else ("image",)
        return Case(name, name, slices=(SliceFiles(path, None, 1),), planes=planes)
    said = channel_name(re.split(r"[_\-. ]", name)[-1])
    channel = said if said in USUAL else "image"
    if len(shape) == 4:
        parts = {f"{channel}_{number + 1}": number for number in range(shape[3])}
        return Case(name, name, images=dict.fromkeys(parts, path), parts=parts)
    return Case(name, name, images={channel: path})


LAYOUT = Layout(
    ONE_SCAN, "a file of a volume or picture",
    lambda source: source.csv is not None and is_scan(source.csv), _read,
)  # fmt: skip
