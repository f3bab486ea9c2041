"""Segmentations (DICOM-SEG) as volumes."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.base import AGAIN, FLIP, Stored, check_affine, check_shape
from rarecase.imaging.formats.dicom.headers import dataset_of, whole_number

_log = logging.getLogger(__name__)


def read_segments(path: Path) -> Stored:
    """A segmentation, all segments of it taken together: the number of a voxel's segment (the
    likeliest, from a chance of one half on), and the segments' names where there are several."""
    dataset = dataset_of(path)
    frames = whole_number(path, dataset, "NumberOfFrames", 1)
    size = [whole_number(path, dataset, name, 0) for name in ("Columns", "Rows")]
    check_shape(path, (size[0], size[1], frames))
    try:
        volume, values, notes = _segments(path, _little(dataset))
        # Frames, rows and columns to columns, rows and frames.
        affine = np.asarray(FLIP @ np.asarray(volume.affine, np.float64)[:, [2, 1, 0, 3]])
    except Exception as error:
        _log.debug("%s: %s", path, error)
        raise DataError(
            f"{path}: a segmentation (SEG) whose frames make no volume: they do not say where they "
            f"lie, or lie unevenly, or the file is damaged. {AGAIN}"
        ) from None
    check_affine(path, affine)
    return Stored(data=values.transpose(2, 1, 0), affine=affine, notes=notes)


def _little(dataset: Any) -> Any:
    """The same in the order of bytes that highdicom reads."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_little_endian:
        return dataset
    if dataset["PixelData"].VR == "OW":  # bits are packed into words
        dataset.PixelData = np.frombuffer(dataset.PixelData, ">u2").astype("<u2").tobytes()
    for _ in dataset.iterall():  # every value is read before the order changes
        pass
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    copy = io.BytesIO()
    pydicom.dcmwrite(copy, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    copy.seek(0)
    return pydicom.dcmread(copy)


def _segments(path: Path, dataset: Any) -> tuple[Any, NDArray[np.float32], tuple[str, ...]]:
    found = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
    numbers = list(found.segment_numbers)
    notes: tuple[str, ...] = ()
    if len(numbers) > 1:
        named = ", ".join(f"{n} {found.get_segment_description(n).segment_label}" for n in numbers)
        notes = (f"{path.name} holds the segments {named}; cohort.tumour chooses among them",)
    if str(found.SegmentationType) == "FRACTIONAL":
        volume = found.get_volume()
        chance = np.asarray(volume.array, dtype=np.float32)
        likeliest = np.asarray(numbers, np.float32)[chance.argmax(axis=-1)]
        return volume, np.where(chance.max(axis=-1) >= 0.5, likeliest, 0).astype(np.float32), notes
    volume = found.get_volume(combine_segments=True, skip_overlap_checks=True, dtype=np.uint16)
    return volume, np.asarray(volume.array, dtype=np.float32), notes
