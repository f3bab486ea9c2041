"""DICOM files, and what of their headers is needed."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from rarecase.bounds import missing
from rarecase.errors import DataError
from rarecase.imaging.formats import begins_as_dicom, is_dicom
from rarecase.imaging.formats.base import AGAIN
from rarecase.imaging.formats.below import folders_below
from rarecase.imaging.formats.content import really

_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription",
    "SeriesNumber", "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "Modality",
    "FrameOfReferenceUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "PhotometricInterpretation", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
    "SliceThickness", "SpacingBetweenSlices", "GantryDetectorTilt", "ImageType", "RescaleType",
    # what tells sequences, and volumes of one series, apart
    "ProtocolName", "SequenceName", "ScanningSequence", "SequenceVariant", "ScanOptions",
    "AngioFlag", "AcquisitionContrast", "ContrastBolusAgent", "ContrastBolusAgentSequence",
    "InversionTime", "RepetitionTime", "EchoTime", "TemporalPositionIdentifier",
    "DiffusionBValue", "TriggerTime", "AcquisitionNumber",
    # what masks refer to
    "ReferencedSeriesSequence", "ReferencedFrameOfReferenceSequence",
]  # fmt: skip
_FRAMES = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]


_PLAINLY = {
    (True, True): ImplicitVRLittleEndian, (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}  # fmt: skip
_tag = lru_cache(maxsize=None)(Tag)
_PLAIN = [Tag(name) for name in _TAGS]
_WITH_FRAMES = [*_PLAIN, *(Tag(name) for name in _FRAMES)]


def dicom_files(folder: Path, *, beside: Path | None = None) -> list[Path]:
    """The files below a folder that are, or call themselves, DICOM, each once; with `beside` a file
    of the folder and those beside it alone, it first. Links are followed; one that points nowhere
    is listed if it is called like DICOM, so that it is missed."""
    own = {} if beside is None else {os.path.realpath(beside): beside}
    found: dict[str, Path] = {}
    for place, files in folders_below(folder):
        real = os.path.realpath(place)
        for path in files:
            linked = path.is_symlink()
            whole = os.path.realpath(path) if linked else os.path.join(real, path.name)  # noqa: PTH118
            if path.name == "DICOMDIR" or whole in own or not is_dicom(path):
                continue
            # A plain file goes before links to it.
            if whole not in found or not (linked or place.is_symlink()):
                found[whole] = path
        if beside is not None:
            break
    return [*own.values(), *sorted(found.values())]


def header_of(path: Path, *, frames: bool = False) -> Any:
    """What is needed of the header of a DICOM file, with preamble or without, and with `frames`
    what is said of each frame; DataError for any other file."""
    return _dataset(path, tags=_WITH_FRAMES if frames else _PLAIN, pixels=False)


def whole_header_of(path: Path) -> Any:
    """Everything that stands before the pixels."""
    return _dataset(path, tags=None, pixels=False)


def dataset_of(path: Path) -> Any:
    """A whole DICOM file. One that does not say how it is written is taken to be so as its header
    was found to be, unless its pixels are packed."""
    found = _dataset(path, tags=None, pixels=True)
    unsaid = "TransferSyntaxUID" not in found.file_meta
    if unsaid and "PixelData" in found and not found["PixelData"].is_undefined_length:
        found.file_meta.TransferSyntaxUID = _PLAINLY[found.original_encoding]
    return found


def _dataset(path: Path, *, tags: list[Any] | None, pixels: bool) -> Any:
    try:
        with path.open("rb") as file:
            first = file.read(1024)
            if not begins_as_dicom(first[:132]):
                if other := really(first):
                    raise DataError(f"{path}: not a DICOM file; it is {other}.")
                what = "an empty file" if not first else "it does not begin as DICOM files do"
                raise DataError(f"{path}: not a DICOM file, or a damaged one ({what}). {AGAIN}")
            file.seek(0)
            return pydicom.dcmread(
                file, stop_before_pixels=not pixels, specific_tags=tags, force=True
            )
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: {missing(path)}.") from None
    except Exception:
        raise DataError(broken(path)) from None


def broken(path: Path) -> str:
    """What to say of a file whose header is not whole."""
    return (
        f"{path}: not a DICOM file, or a damaged one (its header breaks off or holds what no "
        f"header does). {AGAIN}"
    )


def value_of(header: Any, name: str) -> Any:
    """What stands under a name, None where nothing does. Asking by tag is several times faster than
    by name, where most are absent."""
    tag = _tag(name)
    return header[tag].value if tag in header else None


def said(path: Path, header: Any, name: str) -> Any:
    """What a header says under a name; None where nothing. DataError for what cannot be read."""
    try:
        value = value_of(header, name)
    except Exception:
        raise _amiss(path, header, name, "a value of another kind") from None
    return None if value is None or value == "" else value


def whole_number(path: Path, header: Any, name: str, default: int) -> int:
    """A whole number of the header."""
    value = said(path, header, name)
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError):
        raise _amiss(path, header, name, "a whole number") from None


def numbers(path: Path, header: Any, name: str, count: int) -> tuple[float, ...] | None:
    """`count` finite numbers of the header, None where it says nothing."""
    value = said(path, header, name)
    if value is None:
        return None
    try:
        found = tuple(float(each) for each in ([value] if count == 1 else value))
    except (TypeError, ValueError):
        found = ()
    if len(found) != count or not all(abs(each) < float("inf") for each in found):
        raise _amiss(path, header, name, "a number" if count == 1 else f"{count} finite numbers")
    return found


def words(header: Any, name: str) -> str:
    """A text of the header, several values with backslashes between; empty where it says nothing
    that can be read."""
    try:
        value = value_of(header, name)
    except Exception:
        return ""
    if value is None or isinstance(value, str):
        return value or ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)


def items(header: Any, name: str) -> list[Any]:
    """The items of a sequence in the header."""
    return list(value_of(header, name) or [])


def _amiss(path: Path, header: Any, name: str, wanted: str) -> DataError:
    held = getattr(header.get_item(name), "value", None)
    if isinstance(held, bytes):
        held = held.decode("latin-1").strip("\0 ")
    shown = f" {str(held)[:40]!r}" if held is not None else ""
    return DataError(
        f"{path}: a DICOM file with a damaged header: {name} is{shown}, {wanted} was expected. "
        f"{AGAIN}"
    )
