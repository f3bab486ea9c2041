"""The slices, masks and maps that the run set aside for its report (`pictures/`)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.checksums import check_file
from rarecase.errors import DataError
from rarecase.files import read_json
from rarecase.report import names
from rarecase.report.run_files import RunFiles

Pictures = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Shown:
    """A slice of a test patient: image (h, w), masks (h, w) of 0 and 1; `before` is what the
    initial network drew, None when the segmenter started from random weights."""

    case: str
    label: str
    image: NDArray[np.float32]
    true: NDArray[np.uint8] | None
    before: NDArray[np.uint8] | None
    after: NDArray[np.uint8]


@dataclass(frozen=True)
class SetAside:
    """Everything in `pictures/`. `start`: what fine-tuning began with, None: random weights.

    `augmented`: name → image and mask; `blocks`: name → maps (k, h, w) and how many
    channels the block has. `augmentation`: the parameters that the run augments with.
    """

    slices: Sequence[Shown]
    channel: str
    start: str | None
    augmented: Mapping[str, tuple[NDArray[np.float32], NDArray[np.uint8]]]
    augmented_here: bool
    augmentation: Mapping[str, float]
    blocks: Mapping[str, tuple[NDArray[np.float32], int]]


def read_pictures(run: RunFiles) -> SetAside | None:
    """What lies in the run's `pictures/`, None when the run has none."""
    folder = run.root / names.PICTURES
    arrays, about = folder / names.SHOWN_ARRAYS, folder / names.SHOWN
    if not arrays.is_file() or not about.is_file():
        return None
    said = read_json(about)
    check_file(arrays)
    try:
        with np.load(arrays, allow_pickle=False) as found:
            return _gathered(found, said)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{arrays}: damaged ({error}). Do the step that wrote it again.") from None


def _gathered(found: Pictures, said: dict[str, Any]) -> SetAside:
    before = found.get("before")
    slices = [
        Shown(
            case=str(row["case"]),
            label=str(row["label"]),
            image=found["images"][i],
            true=found["true"][i] if row["has_mask"] else None,
            before=None if before is None else before[i],
            after=found["after"][i],
        )
        for i, row in enumerate(said["slices"])
    ]
    return SetAside(
        slices=slices,
        channel=str(said["channel"]),
        start=said["start"],
        augmented={
            str(name): (found[f"augmented_{i}"], found[f"augmented_mask_{i}"])
            for i, name in enumerate(said["augmented"])
        },
        augmented_here=bool(said["augmented_here"]),
        augmentation={str(k): float(v) for k, v in said["augmentation"].items()},
        blocks={
            str(name): (found[f"block_{name}"].astype(np.float32), int(channels))
            for name, channels in said["blocks"]
        },
    )
