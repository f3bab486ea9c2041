"""What a run set aside to be shown: slices, masks and maps of the first fold (`pictures/`), and
real and synthetic features beside each generator (features/gallery.py)."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rarecase.arrays import Floats
from rarecase.checksums import check_file
from rarecase.errors import DataError
from rarecase.files import read_json
from rarecase.pipeline import run_folder
from rarecase.report.run_files import RunFiles

Arrays = Mapping[str, NDArray[Any]]
Found = TypeVar("Found")
SHOWN = "shown.json"


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


@dataclass(frozen=True)
class Samples:
    """Some samples of one class: means per channel (n, c), and maps (m, h, w) of one channel."""

    means: Floats
    maps: NDArray[np.float32]


@dataclass(frozen=True)
class FeaturePair:
    """Real (training) and synthetic samples by class; `channel` is that of the maps. `unfiltered`
    names the classes of which nothing was kept, so that what was generated is shown instead."""

    block: str
    shape: tuple[int, ...]
    channel: int
    real: dict[str, Samples]
    synthetic: dict[str, Samples]
    unfiltered: tuple[str, ...]


def read_pictures(run: RunFiles) -> SetAside | None:
    """What lies in the run's `pictures/`, None when the run has none."""
    return _read(run.root / run_folder.PICTURES, _pictures)


def read_pair(folder: Path) -> FeaturePair | None:
    """The samples in a generator's folder, None when none were set aside."""
    return _read(folder, _pair)


def _read(folder: Path, gathered: Callable[[Arrays, dict[str, Any]], Found]) -> Found | None:
    arrays, about = folder / "shown.npz", folder / SHOWN
    if not arrays.is_file() or not about.is_file():
        return None
    said = read_json(about)
    check_file(arrays)
    try:
        with np.load(arrays, allow_pickle=False) as found:
            return gathered(found, said)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{arrays}: damaged ({error}). Do the step that wrote it again.") from None


def _pictures(found: Arrays, said: dict[str, Any]) -> SetAside:
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


def _pair(found: Arrays, said: dict[str, Any]) -> FeaturePair:
    def samples(kind: str) -> dict[str, Samples]:
        none = np.empty((0, 1, 1))
        return {
            str(name): Samples(means, found.get(f"{kind}_maps_{i}", none).astype(np.float32))
            for i, name in enumerate(said["classes"])
            if len(means := found[f"{kind}_means_{i}"])
        }

    return FeaturePair(
        str(said["block"]), tuple(said["shape"]), int(said["channel"]),
        real=samples("real"), synthetic=samples("synthetic"), unfiltered=tuple(said["unfiltered"]),
    )  # fmt: skip
