"""The format: a series, a file of several frames, a segmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    FLIP,
    Format,
    Header,
    Stored,
    check_affine,
    check_shape,
)
from rarecase.imaging.formats.dicom.geometry import placed
from rarecase.imaging.formats.dicom.headers import dicom_files, header_of
from rarecase.imaging.formats.dicom.kinds import RTSTRUCT, SEG, kind_of
from rarecase.imaging.formats.dicom.pixels import values_of
from rarecase.imaging.formats.dicom.segments import read_segments
from rarecase.imaging.formats.dicom.series import Stack, stack_of

_TILTED = 0.5  # degrees


def _read(path: Path) -> Stored:
    if (file := _segmentation(path)) is not None:
        return read_segments(file)
    stack = stack_of(path)
    shape = _shape(path, stack)
    affine, notes = _place(path, stack)
    data, odd = values_of(stack.slices, shape)
    return Stored(data=data, affine=affine, notes=(*stack.notes, *_notes(stack), *notes, *odd))


def _probe(path: Path) -> Header:
    if (file := _segmentation(path)) is not None:
        stored = read_segments(file)
        return Header(stored.data.shape, stored.affine)
    stack = stack_of(path)
    return Header(_shape(path, stack), _place(path, stack)[0])


def _segmentation(path: Path) -> Path | None:
    """A segmentation, or the only one in a folder of no other file; None for anything else."""
    if path.is_dir():
        inside = dicom_files(path)
        return _segmentation(inside[0]) if len(inside) == 1 else None
    kind = kind_of(header_of(path))
    if kind == RTSTRUCT:
        raise DataError(
            f"{path}: contours (RTSTRUCT), not voxels. Export the mask as DICOM-SEG or NIfTI, "
            "which 3D Slicer and most planning systems do."
        )
    return path if kind == SEG else None


def _shape(path: Path, stack: Stack) -> tuple[int, int, int]:
    shape = (*stack.slices[0].size, len(stack.slices))
    check_shape(path, shape)
    return shape


def _place(path: Path, stack: Stack) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    try:
        where = placed(stack.name, stack.slices, stack.axes)
    except DataError as error:
        if not stack.unread:
            raise
        raise DataError(
            f"{error} Beside them lies what cannot be read: {stack.unread[0]}"
        ) from None
    affine = np.asarray(FLIP @ where.affine)
    check_affine(path, affine)
    return affine, where.notes


def _notes(stack: Stack) -> tuple[str, ...]:
    notes = []
    if len(stack.slices) == 1:
        notes.append(f"{stack.name!r} has a single slice")
    tilt = stack.slices[0].tilt
    if abs(tilt) > _TILTED:
        notes.append(f"the gantry was tilted by {tilt:.1f} degrees")
    return tuple(notes)


FORMAT = Format(_read, _probe)
