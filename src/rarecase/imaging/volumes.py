"""Reading volumes into one orientation, and saying clearly what is wrong with a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats import format_of, inside
from rarecase.imaging.formats.base import by
from rarecase.imaging.grid import Grid, ras, resample
from rarecase.imaging.mask_rule import as_stored, union
from rarecase.numbers import plainly
from rarecase.shown import Brief

_SHORTEST, _LONGEST = 1.0, 3000.0  # mm, of the longest side of a volume


@dataclass(frozen=True, eq=False, repr=False)
class Volume(Brief):
    """A volume in RAS+ order: index 0 grows to the patient's right, 1 to the front, 2 upwards.

    data: (x, y, z) float32, or (x, y, z, c) for a file of several channels; stored values with
    the file's scaling applied. grid: where `data` lies. source: the grid of the file, to which
    `resample` takes anything back. placed: whether the file says where it lies. notes: what is odd.
    places: where `data` lies by each form of a NIfTI header (sform, qform); `grid` is the first.
    """

    data: NDArray[np.float32]
    grid: Grid
    source: Grid
    placed: bool = True
    notes: tuple[str, ...] = ()
    places: Mapping[str, Grid] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class VolumeHeader(Brief):
    """What the header alone tells: shape (x, y, z) or (x, y, z, c) in RAS+, and as in `Volume`."""

    shape: tuple[int, ...]
    grid: Grid
    source: Grid


def read_volume(path: Path, *, several: bool = False) -> Volume:
    """Read an image volume in its closest RAS+ orientation.

    NIfTI-1 and 2, FreeSurfer's MGH, MINC, AFNI, PAR/REC, NRRD, MetaImage, DICOM (the folder of a
    series, a file of one, or one of several frames), NumPy, TIFF of several pages. Nothing is
    resampled: an oblique volume keeps its voxels. A fourth axis is allowed only with `several`.
    Raises DataError for a missing, truncated or corrupt file, for values that are not finite, and
    for a volume that is the same value everywhere.
    """
    volume = _read(path, several=several)
    low, high = float(volume.data.min()), float(volume.data.max())
    if low == high:
        raise DataError(
            f"{path}: every voxel is {plainly(low)}, there is no image in it. Export it again, or "
            "leave this case out (--cohort.exclude CASE)."
        )
    return volume


def read_mask_volume(path: Path, *, chosen: Sequence[int] = ()) -> Volume:
    """Read a mask volume like `read_volume`; a mask that is 0 everywhere is fine. Of a file of
    several volumes, the layers of a segmentation, the union is taken: of the values `chosen`, or of
    all above 0."""
    mask = _read(path, several=True, mask=True)
    if mask.data.ndim == 3:
        return mask
    data, said = union(mask.data, path.name, chosen=chosen)
    return replace(mask, data=data, notes=(*mask.notes, said))


def probe_volume(path: Path) -> VolumeHeader:
    """Shape, spacing and place of a volume from its header, without reading the voxels."""
    path = inside(path)
    header = format_of(path).probe(path)
    source = Grid.of(header.shape, header.affine)
    grid = ras(source)
    return VolumeHeader(grid.shape + header.shape[3:], grid, source)


def _read(path: Path, *, several: bool, mask: bool = False) -> Volume:
    path = inside(path)
    stored = format_of(path).read(path)
    data, notes = stored.data, stored.notes
    if mask:
        data, said = as_stored(data, notes, white=stored.white)
        notes = tuple(said)
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
    turn = np.linalg.inv(source.affine) @ grid.affine
    places = {
        name: grid if form is stored.affine else Grid(grid.shape, form @ turn)
        for name, form in stored.forms.items()
    }
    notes = (*notes, *_odd_size(path, grid))
    return Volume(turned, grid, source, stored.placed, notes, places)


def _odd_size(path: Path, grid: Grid) -> tuple[str, ...]:
    """A word where the sides of a volume (mm) are no patient's: its header may count otherwise."""
    sides = [n * step for n, step in zip(grid.shape, grid.spacing, strict=True)]
    if _SHORTEST <= max(sides) <= _LONGEST:
        return ()
    said = " x ".join(f"{side:.3g}" for side in sides)
    return (
        f"{path.name} measures {said} mm, as no patient does: see whether its header counts in "
        "millimetres",
    )


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
