"""The voxels of a stack: unpacked, in grey, with bright as high, and scaled."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.pixels import apply_rescale, pixel_array
from pydicom.pixels.utils import get_expected_length, get_j2k_parameters
from pydicom.uid import JPEG2000TransferSyntaxes

from rarecase.errors import DataError
from rarecase.imaging.formats.base import AGAIN, by
from rarecase.imaging.formats.dicom.headers import dataset_of, whole_number, words
from rarecase.imaging.formats.dicom.kinds import is_colour
from rarecase.imaging.formats.dicom.slices import Slice, group_of

_log = logging.getLogger(__name__)
# Modalities whose values are quantities, however they are to be shown.
_MEASURED = ("CT", "PT")
_EXACT = 2**24  # up to which float32 holds every whole number
_FORM = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "NumberOfFrames", "PixelData",
)  # fmt: skip


def values_of(
    slices: Sequence[Slice], shape: tuple[int, int, int]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """(column, row, slice) in real values, and what was done to them. DataError names the file."""
    data = np.empty(shape, dtype=np.float32)
    notes: dict[str, None] = {}
    order = {id(each): k for k, each in enumerate(slices)}
    for path, mine in groupby(slices, key=lambda each: each.path):
        for each, values, said in _read(path, list(mine), shape[:2]):
            data[:, :, order[id(each)]] = values.T
            notes.update(dict.fromkeys(said))
    return data, tuple(notes)


def _read(
    path: Path, slices: Sequence[Slice], size: tuple[int, int]
) -> Iterator[tuple[Slice, NDArray[np.float32], list[str]]]:
    """The slices of one file, each as (row, column), with notes."""
    dataset = dataset_of(path)
    try:
        yield from _values(path, dataset, slices, size)
    except DataError:
        raise
    except Exception as error:  # whatever damage makes a library raise
        _log.debug("%s: %s", path, error)
        raise DataError(f"{path}: the pixels cannot be read (a damaged header). {AGAIN}") from None


def _values(
    path: Path, dataset: Any, slices: Sequence[Slice], size: tuple[int, int]
) -> Iterator[tuple[Slice, NDArray[np.float32], list[str]]]:
    if is_colour(dataset):
        raise DataError(
            f"{path}: a colour picture ({words(dataset, 'PhotometricInterpretation')}), grey was "
            "expected. Name the series that it was made from."
        )
    notes = _odd(path, dataset)
    stored = _stored(path, dataset)
    frames = stored[None] if stored.ndim == 2 else stored
    if frames.shape[1:] != size[::-1] or len(frames) < len(slices):
        raise DataError(
            f"{path}: the pixels cannot be read ({by(frames.shape)} of them instead of "
            f"{by((len(slices), *size[::-1]))}). {AGAIN}"
        )
    turn, note = _turned(path, dataset)
    for each in slices:
        plain = frames[each.frame or 0]
        said = [*notes, *([note] if note else [])]
        if turn is not None and plain.dtype.kind in "iu":
            plain = turn - plain.astype(np.int64)
        if plain.dtype.kind in "iu" and plain.itemsize > 3 and np.abs(plain).max() > _EXACT:
            said.append("values above 16,777,216 are rounded to seven digits")
        yield each, _scaled(dataset, plain, each.frame), said


def _turned(path: Path, dataset: Any) -> tuple[int | None, str | None]:
    """What stored values are taken off where low ones are bright (None: nothing), and what to say.
    The standard's photometric interpretation tells how to show values: a picture is turned, a
    measurement stays what it is."""
    if words(dataset, "PhotometricInterpretation") != "MONOCHROME1":
        return None, None
    modality = words(dataset, "Modality")
    if modality in _MEASURED or words(dataset, "RescaleType") == "HU":
        return None, (
            f"stored to be shown with low values bright (MONOCHROME1); being {modality}, its "
            "values are left as they are"
        )
    bits = whole_number(path, dataset, "BitsStored", 16)
    signed = whole_number(path, dataset, "PixelRepresentation", 0)
    return -1 if signed else 2**bits - 1, (
        "stored with low values bright (MONOCHROME1); its values were turned: high is bright"
    )


def _scaled(dataset: Any, plain: NDArray, frame: int | None) -> NDArray[np.float32]:
    """Stored values of a slice in real ones."""
    if frame is not None:
        own = dataset.PerFrameFunctionalGroupsSequence[frame]
        shared = dataset.get("SharedFunctionalGroupsSequence")
        common = shared[0] if shared else None
        world = group_of(own, common, "RealWorldValueMappingSequence")
        if world is not None and "RealWorldValueSlope" in world:
            slope, start = world.RealWorldValueSlope, world.RealWorldValueIntercept
            return np.asarray(plain * float(slope) + float(start), dtype=np.float32)
        scale = group_of(own, common, "PixelValueTransformationSequence")
        if scale is not None:
            slope, start = scale.RescaleSlope, scale.RescaleIntercept
            return np.asarray(plain * float(slope) + float(start), dtype=np.float32)
    return np.asarray(apply_rescale(plain, dataset), dtype=np.float32)


def _stored(path: Path, dataset: Any) -> NDArray:
    """(row, column) or (frame, row, column), the stored numbers."""
    try:
        return np.asarray(pixel_array(dataset, allow_excess_frames=False))
    except Exception:
        compressed = getattr(dataset.file_meta.get("TransferSyntaxUID"), "is_compressed", False)
        if not compressed:
            raise DataError(f"{path}: the pixels cannot be read. {AGAIN}") from None
    try:
        return _by_itk(dataset)
    except Exception:
        name = dataset.file_meta.TransferSyntaxUID.name
        raise DataError(
            f"{path}: the pixels cannot be read: compressed as {name}, they are damaged or not "
            "known here. Unpack them first (gdcmconv --raw), or copy the file again."
        ) from None


def _by_itk(dataset: Any) -> NDArray:
    """What GDCM in SimpleITK unpacks, such as JPEG Lossless: of a copy without scale, so that
    values are scaled and turned in one place."""
    plain = pydicom.Dataset()
    plain.file_meta = pydicom.dataset.FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    kind = dataset.get("SOPClassUID") or pydicom.uid.SecondaryCaptureImageStorage
    plain.file_meta.MediaStorageSOPClassUID = plain.SOPClassUID = kind
    plain.file_meta.MediaStorageSOPInstanceUID = plain.SOPInstanceUID = "2.25.1"
    for name in _FORM:
        if name in dataset:
            plain[name] = dataset[name]
    plain.SamplesPerPixel, plain.PhotometricInterpretation = 1, "MONOCHROME2"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.dcm"
        plain.save_as(copy, enforce_file_format=True)
        reader = SimpleITK.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(copy))
        found = SimpleITK.GetArrayFromImage(reader.Execute())
    return np.asarray(found[0] if len(found) == 1 else found)


def _odd(path: Path, dataset: Any) -> list[str]:
    """What pydicom would put right without a word. DataError where pixels are missing."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    data = dataset.get("PixelData")
    if data is None:
        if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
            return []
        raise DataError(f"{path}: the pixels cannot be read (there are none). {AGAIN}")
    if syntax is None:
        raise DataError(
            f"{path}: the pixels cannot be read (they are packed, and no TransferSyntaxUID says "
            f"how). {AGAIN}"
        )
    if not syntax.is_compressed:
        expected = get_expected_length(dataset)
        if len(data) < expected:
            raise DataError(
                f"{path}: the pixels cannot be read ({len(data):,} bytes of {expected:,}: the file "
                f"is truncated, or its header damaged). {AGAIN}"
            )
        extra = len(data) - expected - expected % 2
        return [f"{extra:,} bytes behind its pixels are left out"] if extra > 0 else []
    if syntax not in JPEG2000TransferSyntaxes:
        return []
    frames = whole_number(path, dataset, "NumberOfFrames", 1)
    found = get_j2k_parameters(get_frame(data, 0, number_of_frames=frames))
    signed = bool(dataset.get("PixelRepresentation"))
    if found and (found["precision"], found["is_signed"]) != (dataset.BitsStored, signed):
        pairs = ((dataset.BitsStored, signed), (found["precision"], found["is_signed"]))
        kinds = [f"{'signed' if s else 'unsigned'} values of {bits} bits" for bits, s in pairs]
        return [f"its header says {kinds[0]}, its JPEG 2000 data {kinds[1]}; taken by the header"]
    return []
