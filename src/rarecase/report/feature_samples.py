"""Real and synthetic features that were set aside to be shown (features/gallery.py)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.checksums import check_file
from rarecase.errors import DataError
from rarecase.files import read_json
from rarecase.report import names

Floats = NDArray[np.float64]


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


def read_pair(folder: Path) -> FeaturePair | None:
    """The samples in a generator's folder, None when none were set aside."""
    arrays, about = folder / names.SHOWN_ARRAYS, folder / names.SHOWN
    if not arrays.is_file() or not about.is_file():
        return None
    said = read_json(about)
    check_file(arrays)
    real: dict[str, Samples] = {}
    synthetic: dict[str, Samples] = {}
    try:
        with np.load(arrays, allow_pickle=False) as found:
            for place, name in enumerate(said["classes"]):
                for kind, into in (("real", real), ("made", synthetic)):
                    means = found[f"{kind}_means_{place}"]
                    maps = found.get(f"{kind}_maps_{place}", np.empty((0, 1, 1)))
                    if len(means):
                        into[str(name)] = Samples(means, maps.astype(np.float32))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{arrays}: damaged ({error}). Do the step that wrote it again.") from None
    return FeaturePair(
        block=str(said["block"]),
        shape=tuple(said["shape"]),
        channel=int(said["channel"]),
        real=real,
        synthetic=synthetic,
        unfiltered=tuple(said["unfiltered"]),
    )
