"""Layout `bids`: the Brain Imaging Data Structure, sub-<id>/[ses-<id>/]anat with
participants.tsv, masks in derivatives/.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, channels_in
from rarecase.cohort.layouts.label_tables import labelled
from rarecase.cohort.tables import read_table
from rarecase.errors import DataError

_log = logging.getLogger(__name__)
_SUFFIX = re.compile(r"(?P<entities>.+)_(?P<suffix>[A-Za-z0-9]+)\.nii(\.gz)?", re.IGNORECASE)
_CHANNELS = {"FLAIR": "flair", "T1w": "t1", "T2w": "t2", "PDw": "pd", "T2starw": "t2star"}
_CONTRAST = re.compile(r"_ce-(?!none)[A-Za-z0-9]+", re.IGNORECASE)
# A mask of tissue is no mask of the tumour.
_MASK = re.compile(r"(mask|dseg|roi|seg)", re.IGNORECASE)
_NO_TUMOUR = re.compile(
    r"(desc|label)-(brain|head|GM|WM|CSF|skull|aseg\w*|aparc\w*)(?![A-Za-z0-9])", re.IGNORECASE
)
# Such images are those of derivatives; cases are read as they were scanned.
_TEMPLATE = re.compile(r"_space-(MNI|Talairach|fsaverage|UNC|SRI)[A-Za-z0-9]*", re.IGNORECASE)
_KEY, _PARTICIPANTS = "participant_id", "participants.tsv"
_OWN = ("label", "group", "grade", "diagnosis")


def _subjects(source: Source) -> list[Path]:
    return [folder for folder in source.folders() if folder.name.startswith("sub-")]


def _recognise(source: Source) -> bool:
    return any(_sessions(folder) for folder in _subjects(source)[:50])


def _sessions(subject: Path) -> list[Path]:
    """Every folder `anat` of a subject."""
    return sorted([*subject.glob("anat"), *subject.glob("ses-*/anat")])


def _read(source: Source) -> RawCohort:
    cases: list[Case] = []
    dropped: list[Dropped] = []
    for subject in _subjects(source):
        for folder in _sessions(subject):
            inside = folder.parent.relative_to(source.root)
            name = "_".join(inside.parts)
            images = _images(folder)
            if not images:
                dropped.append(Dropped(name, "no FLAIR, T1w or T2w image in its folder anat"))
                continue
            try:
                mask = _mask(source.root, inside, name)
            except DataError as error:
                dropped.append(Dropped(name, str(error)))
                continue
            cases.append(Case(name, subject.name, images=images, mask=mask))
    raw = labelled(
        "bids", source, cases, channels=channels_in(cases), dropped=dropped, own=_OWN,
        hint=f" There is no {_PARTICIPANTS}.",
    )  # fmt: skip
    path = source.table(_PARTICIPANTS)
    lost = cases and not raw.origins and path is not None and path.name == _PARTICIPANTS
    return replace(raw, hint=_strangers(path, cases[0]) + raw.hint) if lost and path else raw


def _strangers(path: Path, case: Case) -> str:
    """That nobody whom the table names is in the data; nothing where it names nobody."""
    name = next(iter(read_table(path).get(_KEY, pd.Series(dtype=str)).dropna()), None)
    return (
        ""
        if name is None
        else (
            f" {path}: none of its participants is in the data: {_KEY} names "
            f"{name if name.startswith('sub-') else f'sub-{name}'}, the folders {case.patient}."
        )
    )


def _images(folder: Path) -> dict[str, Path]:
    """One image per channel: of several the one with the plainest name, then the first run."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        match = _SUFFIX.fullmatch(file.name)
        if match is None or match["suffix"] not in _CHANNELS or file.name.startswith("."):
            continue
        channel = _CHANNELS[match["suffix"]]
        if _CONTRAST.search(match["entities"]) and channel in ("t1", "flair"):
            channel += "gd"
        found.setdefault(channel, []).append(file)
    chosen = {}
    for channel, files in found.items():
        chosen[channel] = min(files, key=lambda file: (file.name.count("_"), file.name))
        if len(files) > 1:
            _log.warning("%s: of %d images of %s %s is taken", folder, len(files), channel,
                         chosen[channel].name)  # fmt: skip
    return chosen


def _mask(root: Path, inside: Path, name: str) -> Path | None:
    """The mask of the tumour in any pipeline of derivatives/, or beside the images."""
    places = [*sorted(root.glob(f"derivatives/*/{inside}/anat")), root / "derivatives" / inside
              / "anat", root / inside / "anat"]  # fmt: skip
    files = [
        file
        for place in places if place.is_dir()
        for file in sorted(place.iterdir())
        if (match := _SUFFIX.fullmatch(file.name)) is not None
        and file.name.startswith(name) and _MASK.fullmatch(match["suffix"])
        and not _NO_TUMOUR.search(match["entities"])
    ]  # fmt: skip
    away = [file for file in files if _TEMPLATE.search(file.name)]
    if away:
        _log.warning("%s: %s lies in the space of a template, not of the images; not used", name,
                     ", ".join(file.name for file in away))  # fmt: skip
        files = [file for file in files if file not in away]
    if len(files) > 1:
        lesion = [f for f in files if re.search(r"lesion|tumou?r|whole", f.name, re.IGNORECASE)]
        if len(lesion) != 1:
            names = " and ".join(str(file.relative_to(root)) for file in files)
            raise DataError(f"{root}: {names} could each be the mask of {name}. Keep one.")
        files = lesion
    return files[0] if files else None


LAYOUT = Layout(
    "bids",
    "sub-<id>/[ses-<id>/]anat/…_FLAIR.nii.gz, …_T1w.nii.gz, …, participants.tsv, and masks as "
    "derivatives/<pipeline>/sub-<id>/…/anat/…_mask.nii.gz",
    _recognise,
    _read,
)
