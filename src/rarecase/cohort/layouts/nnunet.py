"""Layout `nnunet`: nnU-Net's raw data sets and the Medical Segmentation Decathlon: dataset.json,
imagesTr/, labelsTr/.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import Layout, RawCohort, Source, channel_name
from rarecase.cohort.layouts.label_tables import labelled
from rarecase.cohort.paths import Places
from rarecase.errors import DataError
from rarecase.files import read_json

_log = logging.getLogger(__name__)
_DESCRIPTION, _IMAGES, _LABELS = "dataset.json", "imagesTr", "labelsTr"


def _recognise(source: Source) -> bool:
    path = source.root / _DESCRIPTION
    if not path.is_file():
        return False
    try:
        return (source.root / _IMAGES).is_dir() or bool(_by_case(path, read_json(path)))
    except DataError:
        return False


def _read(source: Source) -> RawCohort:
    path = source.root / _DESCRIPTION
    said = read_json(path)
    if not isinstance(said, dict):
        raise DataError(f"{path}: not the description of a data set.")
    channels, places = _channels(path, said), Places(path)
    ending = str(said.get("file_ending", ".nii.gz"))
    listed, by_case = said.get("training"), _by_case(path, said)
    if by_case:
        cases, dropped = _described(by_case, channels, places)
    elif isinstance(listed, list) and listed:
        # Some list the images alone.
        each = [e if isinstance(e, dict) else {"image": str(e)} for e in listed]
        cases, dropped = _decathlon(places, each, channels, ending)
    else:
        cases, dropped = _numbered(source.root, channels, ending)
    places.say()
    if tumour := _not_ignored(said.get("labels")):
        cases = [replace(case, tumour=tumour) for case in cases]
    hint = (
        f" {_DESCRIPTION} describes masks; the classes of patients come from a CSV with the case "
        "ids beside it."
    )
    return labelled("nnunet", source, cases, channels=channels, dropped=dropped, hint=hint)


def _channels(path: Path, said: dict[str, Any]) -> tuple[str, ...]:
    """Names of the channels in their order, as written where two would be called alike."""
    listed = said.get("channel_names", said.get("modality"))
    if not isinstance(listed, dict) or not listed:
        raise DataError(f"{path}: no channel_names (nnU-Net) or modality (Decathlon).")
    try:
        ordered = [str(listed[key]) for key in sorted(listed, key=int)]
    except ValueError:
        raise DataError(
            f"{path}: channel_names: expected them by number, got {', '.join(listed)}."
        ) from None
    names = [channel_name(name) for name in ordered]
    if len(set(names)) < len(names):
        names = [f"{name.lower()}_{i}" for i, name in enumerate(ordered)]
    return tuple(names)


def _not_ignored(labels: object) -> tuple[int, ...]:
    """The masks' values but background and what nnU-Net is to ignore; empty if it ignores none."""
    if not isinstance(labels, dict) or "ignore" not in labels:
        return ()
    found: set[int] = set()
    for name, value in labels.items():
        if name not in ("background", "ignore"):
            found |= {int(v) for v in (value if isinstance(value, list) else [value])}
    return tuple(sorted(found - {0, int(labels["ignore"])}))


def _stem(name: str, ending: str) -> str:
    return name[: -len(ending)] if name.endswith(ending) else name.split(".")[0]


def _by_case(path: Path, said: object) -> dict[str, dict[str, Any]]:
    """What nnU-Net's key `dataset` says: images and label of each case; empty without it."""
    found = said.get("dataset") if isinstance(said, dict) else None
    if not isinstance(found, dict):
        return {}
    for name, each in found.items():
        if not isinstance(each, dict) or not isinstance(each.get("images"), list):
            raise DataError(
                f"{path}: dataset: case {name!r} was expected to have 'images', a list of files, "
                f"one a channel, and 'label'; it has {each!r:.80}."
            )
    return found


def _described(
    by_case: dict[str, dict[str, Any]], channels: tuple[str, ...], places: Places
) -> tuple[list[Case], list[Dropped]]:
    """Cases as the key `dataset` has them: a file for each channel, wherever it lies."""
    cases, dropped = [], []
    for name, each in by_case.items():
        files = [places.find(os.path.expandvars(str(file))) for file in each["images"]]
        missing = [file.name for file in files if not file.is_file()]
        if missing or len(files) != len(channels):
            count = f"{len(files)} images where there are {len(channels)} channels"
            dropped.append(Dropped(name, f"{', '.join(missing)} is missing" if missing else count))
            continue
        label = each.get("label")
        mask = places.find(os.path.expandvars(str(label))) if label else None
        if mask is not None and not mask.is_file():
            _log.warning("%s: its mask %s is missing", name, mask)
            mask = None
        images = dict(zip(channels, files, strict=True))
        cases.append(Case(name, name, images=images, mask=mask))
    return cases, dropped


def _decathlon(
    places: Places, training: list[dict[str, Any]], channels: tuple[str, ...], ending: str
) -> tuple[list[Case], list[Dropped]]:
    """Cases as listed: an image of one or, along its fourth axis, several channels."""
    cases, dropped = [], []
    root = places.root
    for each in training:
        image = places.find(str(each.get("image", "")))
        name = _stem(image.name, ending)
        if not image.is_file():
            numbered = _files(root, name, channels, ending)
            if numbered is None:
                dropped.append(Dropped(name or "?", f"{each.get('image')} is missing"))
                continue
            images, parts = numbered, {}
        else:
            images = dict.fromkeys(channels, image)
            parts = {channel: i for i, channel in enumerate(channels)} if len(channels) > 1 else {}
        label = str(each.get("label") or Path(_LABELS) / image.name)
        mask = places.find(label)
        drawn = mask if mask.is_file() else None
        cases.append(Case(name, name, images=images, parts=parts, mask=drawn))
    return cases, dropped


def _numbered(
    root: Path, channels: tuple[str, ...], ending: str
) -> tuple[list[Case], list[Dropped]]:
    """Cases <case>_0000.nii.gz, <case>_0001.nii.gz, …, a file for each channel."""
    names = sorted(
        file.name[: -len(f"_0000{ending}")]
        for file in (root / _IMAGES).iterdir()
        if file.name.endswith(f"_0000{ending}") and not file.name.startswith(".")
    )
    cases, dropped = [], []
    for name in names:
        images = _files(root, name, channels, ending)
        if images is None:
            dropped.append(Dropped(name, f"not all of its {len(channels)} channels are there"))
            continue
        mask = root / _LABELS / f"{name}{ending}"
        cases.append(Case(name, name, images=images, mask=mask if mask.is_file() else None))
    return cases, dropped


def _files(root: Path, name: str, channels: tuple[str, ...], ending: str) -> dict[str, Path] | None:
    found = {c: root / _IMAGES / f"{name}_{i:04d}{ending}" for i, c in enumerate(channels)}
    return found if name and all(file.is_file() for file in found.values()) else None


LAYOUT = Layout(
    "nnunet",
    "dataset.json, imagesTr/<case>_0000.nii.gz, … (or images of several channels, as in the "
    "Decathlon), labelsTr/<case>.nii.gz, and a CSV with the case ids and their classes",
    _recognise,
    _read,
)
