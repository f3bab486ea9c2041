"""DICOM: a folder with a series, any file of a series, files of several frames, segmentations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_rescale

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    AGAIN,
    FLIP,
    Format,
    Header,
    Stored,
    check_affine,
    check_shape,
    refusing,
)
from rarecase.imaging.formats.dicom_series import (
    Stack,
    affine_of,
    dicom_files,
    header_of,
    stack_of,
)

_TILTED = 0.5  # degrees


def _read(path: Path) -> Stored:
    single = _single(path)
    if single is not None:
        return _read_frames(*single)
    stack = stack_of(path)
    shape, affine = _shape(path, stack), _affine(path, stack)
    data = np.empty(shape, dtype=np.float32)
    for k, each in enumerate(stack.slices):
        data[:, :, k] = _pixels(each.path, shape[:2])
    return Stored(data=data, affine=affine, notes=_notes(stack))


def _probe(path: Path) -> Header:
    single = _single(path)
    if single is not None:
        stored = _read_frames(*single)
        return Header(stored.data.shape, stored.affine)
    stack = stack_of(path)
    return Header(_shape(path, stack), _affine(path, stack))


def _single(path: Path) -> tuple[Path, Any] | None:
    """A file that is a volume of its own, with its header; None for a slice, or for a folder of
    more than one file."""
    if path.is_dir():
        inside = dicom_files(path)
        return _single(inside[0]) if len(inside) == 1 else None
    header = header_of(path)
    with refusing(path, "a DICOM file with a damaged header", AGAIN):
        kind, frames = str(header.get("Modality", "")), int(header.get("NumberOfFrames") or 1)
    if kind == "RTSTRUCT":
        raise DataError(
            f"{path}: contours (RTSTRUCT), not voxels. Export the mask as DICOM-SEG or NIfTI, "
            "which 3D Slicer and most planning systems do."
        )
    return (path, header) if kind == "SEG" or frames > 1 else None


def _shape(path: Path, stack: Stack) -> tuple[int, int, int]:
    shape = (*stack.slices[0].size, len(stack.slices))
    check_shape(path, shape)
    return shape


def _affine(path: Path, stack: Stack) -> NDArray[np.float64]:
    affine = np.asarray(FLIP @ affine_of(stack))
    check_affine(path, affine)
    return affine


def _pixels(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A slice (column, row) in real values."""
    advice = (
        "If they are compressed in a way that is not known here, unpack them first (gdcmconv "
        "--raw); else copy the file again."
    )
    with refusing(path, "the pixels cannot be read", advice):
        dataset = pydicom.dcmread(path)
        samples = int(dataset.get("SamplesPerPixel", 1))
        if samples != 1:
            raise DataError(f"{path}: a colour picture of {samples} samples, grey was expected.")
        values = np.asarray(apply_rescale(dataset.pixel_array, dataset), dtype=np.float32).T
        if values.shape != shape:
            raise ValueError(f"{values.shape} pixels instead of {shape}")
        return values


def _read_frames(path: Path, header: Any) -> Stored:
    """A file of several frames, or a segmentation, all segments of it taken together."""
    with refusing(path, "its frames make no volume", AGAIN):
        check_shape(
            path, (int(header.Columns), int(header.Rows), int(header.get("NumberOfFrames") or 1))
        )
        notes: tuple[str, ...] = ()
        if str(header.Modality) == "SEG":
            volume, values, notes = _segments(path)
        else:
            volume = highdicom.imread(path).get_volume(dtype=np.float32)
            values = np.asarray(volume.array, dtype=np.float32)
        if values.ndim != 3:
            raise ValueError(f"{values.ndim} axes: in colour?")
        # Frames, rows and columns to columns, rows and frames.
        affine = np.asarray(FLIP @ np.asarray(volume.affine, np.float64)[:, [2, 1, 0, 3]])
        check_affine(path, affine)
        return Stored(data=values.transpose(2, 1, 0), affine=affine, notes=notes)


def _segments(file: Path) -> tuple[Any, NDArray[np.float32], tuple[str, ...]]:
    """A segmentation's volume, the number of a voxel's segment (the likeliest, from a chance of one
    half on), and the segments' names where there are several."""
    found = highdicom.seg.segread(file)
    numbers = list(found.segment_numbers)
    notes: tuple[str, ...] = ()
    if len(numbers) > 1:
        named = ", ".join(f"{n} {found.get_segment_description(n).segment_label}" for n in numbers)
        notes = (f"{file.name} holds the segments {named}; cohort.tumour chooses among them",)
    if str(found.SegmentationType) == "FRACTIONAL":
        volume = found.get_volume()
        chance = np.asarray(volume.array, dtype=np.float32)
        likeliest = np.asarray(numbers, np.float32)[chance.argmax(axis=-1)]
        return volume, np.where(chance.max(axis=-1) >= 0.5, likeliest, 0).astype(np.float32), notes
    volume = found.get_volume(combine_segments=True, skip_overlap_checks=True, dtype=np.uint16)
    return volume, np.asarray(volume.array, dtype=np.float32), notes


def _notes(stack: Stack) -> tuple[str, ...]:
    notes = []
    if len(stack.slices) == 1:
        notes.append(f"{stack.name!r} has a single slice")
    tilt = stack.slices[0].tilt
    if abs(tilt) > _TILTED:
        notes.append(f"the gantry was tilted by {tilt:.1f} degrees")
    return tuple(notes)


FORMAT = Format(_read, _probe)
