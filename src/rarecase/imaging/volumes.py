"""Reading volumes into one orientation, and saying clearly what is wrong with a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats import format_of
from rarecase.imaging.formats.base import by
from rarecase.imaging.grid import Grid, ras, resample

MOST_LABELS = 32  # different values of a mask


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume in RAS+ order: index 0 grows to the patient's right, 1 to the front, 2 upwards.

    data: (x, y, z) float32, or (x, y, z, c) for a file of several channels; stored values with
    the file's scaling applied. grid: where `data` lies. source: the grid of the file, to which
    `resample` takes anything back. placed: whether the file says where it lies. notes: what is odd.
    """

    data: NDArray[np.float32]
    grid: Grid
    source: Grid
    placed: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class VolumeHeader:
    """What the header alone tells: shape (x, y, z) or (x, y, z, c) in RAS+, and as in `Volume`."""

    shape: tuple[int, ...]
    grid: Grid
    source: Grid


def read_volume(path: Path, *, several: bool = False) -> Volume:
    """Read an image volume in its closest RAS+ orientation.

    NIfTI-1 and 2, NRRD, MetaImage, DICOM (the folder of a series, a file of one, or one of several
    frames), NumPy, TIFF of several pages. Nothing is resampled: an oblique volume keeps its voxels.
    A fourth axis is allowed only with `several`. Raises DataError for a missing, truncated or
    corrupt file, for values that are not finite, and for a volume that is the same value
    everywhere.
    """
    volume = _read(path, several=several)
    low, high = float(volume.data.min()), float(volume.data.max())
    if low == high:
        raise DataError(
            f"{path}: every voxel is {low:g}, there is no image in it. Export it again, or leave "
            "this case out (--cohort.exclude CASE)."
        )
    return volume


def read_mask_volume(path: Path) -> Volume:
    """Read a mask volume like `read_volume`; a mask that is 0 everywhere is fine. What looks like
    an image or a map of probabilities is noted."""
    mask = _read(path, several=False)
    found = np.unique(mask.data[mask.data != 0])  # sorting all the zeros would take long
    if len(found) > MOST_LABELS or (found % 1).any():
        odd = (
            f"{path.name} holds {len(found)} different values from {found[0]:g} to {found[-1]:g}, "
            "as an image or a map of probabilities does; all above 0 are taken as tumour"
        )
        return replace(mask, notes=(*mask.notes, odd))
    return mask


def probe_volume(path: Path) -> VolumeHeader:
    """Shape, spacing and place of a volume from its header, without reading the voxels."""
    header = format_of(path).probe(path)
    source = Grid.of(header.shape, header.affine)
    grid = ras(source)
    return VolumeHeader(grid.shape + header.shape[3:], grid, source)


def _read(path: Path, *, several: bool) -> Volume:
    stored = format_of(path).read(path)
    data = stored.data
    if data.ndim == 4 and not several:
        raise DataError(
            f"{path}: holds {data.shape[3]} volumes (shape {by(data.shape)}), one was "
            "expected. Split the file into one 3-D file per channel."
        )
    _refuse_not_finite(path, data)
    source = Grid.of(data.shape, stored.affine)
    grid = ras(source)
    if data.ndim == 3:
        turned = resample(data, source, grid)
    else:
        each = [resample(data[..., c], source, grid) for c in range(data.shape[3])]
        turned = np.stack(each, axis=-1)
    return Volume(turned, grid, source, stored.placed, stored.notes)


def _refuse_not_finite(path: Path, data: NDArray[np.float32]) -> None:
    finite = np.isfinite(data)
    if finite.all():
        return
    bad = np.argwhere(~finite)
    first, last = tuple(bad.min(axis=0)), tuple(bad.max(axis=0))
    raise DataError(
        f"{path}: {len(bad):,} of {data.size:,} values are NaN or infinite, between voxels "
        f"({', '.join(map(str, first))}) and ({', '.join(map(str, last))}) as stored. "
        "Replace them by the background value or leave this case out (--cohort.exclude CASE)."
    )
