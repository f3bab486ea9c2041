"""Reading NIfTI volumes into one orientation, and saying clearly what is wrong with a file."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from nibabel.spatialimages import HeaderDataError, ImageDataError
from numpy.typing import NDArray

from rarecase.errors import DataError

# What nibabel raises for a file that is truncated, damaged or no NIfTI.
_BROKEN = (
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    ImageFileError,
    HeaderDataError,
    ImageDataError,
)


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume in RAS+ order: index 0 grows to the patient's right, 1 to the front, 2 upwards.

    data: (x, y, z) float32, or (x, y, z, c) for a file of several channels; stored values with
        the file's scaling applied. affine: (4, 4) voxel to millimetre. spacing: mm along x, y, z.
    stored: orientation in the file (such as 'LPS').
    """

    data: NDArray[np.float32]
    affine: NDArray[np.float64]
    spacing: tuple[float, float, float]
    stored: str


@dataclass(frozen=True)
class VolumeHeader:
    """What the header alone tells: shape (x, y, z) or (x, y, z, c) and spacing in mm, in RAS+."""

    shape: tuple[int, ...]
    spacing: tuple[float, float, float]


def read_volume(path: Path, *, several: bool = False) -> Volume:
    """Read an image volume (.nii, .nii.gz; NIfTI-1 or 2) in its closest RAS+ orientation.

    Nothing is resampled: an oblique volume keeps its voxels. A fourth axis is allowed only with
    `several`. Raises DataError for a missing, truncated or corrupt file, for values that are not
    finite, and for a volume that is the same value everywhere.
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
    """Read a mask volume like `read_volume`; a mask that is 0 everywhere is fine."""
    return _read(path, several=False)


def probe_volume(path: Path) -> VolumeHeader:
    """Shape and spacing of a volume from its header, without reading the voxels."""
    image = _open(path)
    orientation = _orientation(path, image)
    shape = tuple(image.shape)
    order = np.argsort(orientation[:, 0])
    spatial = tuple(int(shape[axis]) for axis in order)
    spacing = voxel_sizes(image.affine)[order]
    return VolumeHeader(spatial + _channel_axis(shape), _triple(spacing))


def _read(path: Path, *, several: bool) -> Volume:
    image = _open(path)
    orientation = _orientation(path, image)
    channels = _channel_axis(tuple(image.shape))
    if channels and not several:
        raise DataError(
            f"{path}: holds {channels[0]} volumes (shape {_by(image.shape)}), one was expected. "
            "Split the file into one 3-D file a channel."
        )
    try:
        data = np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged"))
    except _BROKEN as error:
        raise DataError(
            f"{path}: the voxels cannot be read, the file is truncated or damaged ({error}). "
            "Copy or export it again."
        ) from None
    data = data.reshape(data.shape[:3] + channels)
    _refuse_not_finite(path, data)
    affine = image.affine @ inv_ornt_aff(orientation, data.shape[:3])
    return Volume(
        data=np.asarray(apply_orientation(data, orientation), dtype=np.float32),
        affine=affine,
        spacing=_triple(voxel_sizes(affine)),
        stored="".join(nib.aff2axcodes(image.affine)),
    )


def _open(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise DataError(
            f"{path}: volumes are read from NIfTI (.nii, .nii.gz). Convert it first "
            "(dcm2niix does so for DICOM)."
        )
    try:
        image: Any = nib.load(path)
    except _BROKEN as error:
        raise DataError(
            f"{path}: not a NIfTI file, or a truncated or damaged one ({error}). Copy or export it "
            "again."
        ) from None
    shape = tuple(image.shape)
    if len(shape) < 3 or any(n > 1 for n in shape[4:]) or 0 in shape:
        raise DataError(f"{path}: shape {_by(shape)}, a volume (x by y by z) was expected.")
    dtype = image.get_data_dtype()
    if dtype.kind not in "iuf":
        raise DataError(f"{path}: voxels of type {dtype}, plain numbers were expected.")
    return image


def _orientation(path: Path, image: Any) -> NDArray[np.float64]:
    affine = image.affine
    if not np.isfinite(affine).all():
        raise DataError(f"{path}: the header's affine is not finite. Mend the header.")
    orientation: NDArray[np.float64] = io_orientation(affine)
    if np.isnan(orientation).any():
        raise DataError(
            f"{path}: the header's affine is singular, so the orientation is unknown. "
            "Mend the header (sform or qform)."
        )
    return orientation


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


def _channel_axis(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (int(shape[3]),) if len(shape) > 3 and shape[3] > 1 else ()


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)
