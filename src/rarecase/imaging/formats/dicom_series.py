"""Finding the series among DICOM files, and putting a series' slices in order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats import is_dicom
from rarecase.imaging.formats.base import AGAIN, refusing

_TAGS = [
    "SOPClassUID", "SeriesInstanceUID", "SeriesDescription", "SeriesNumber", "PatientID",
    "Modality", "Rows", "Columns", "NumberOfFrames", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "GantryDetectorTilt", "EchoTime", "TemporalPositionIdentifier", "AcquisitionNumber",
    "ImageType", "TriggerTime", "DiffusionBValue",
]  # fmt: skip
# What tells slices at one place apart, in the order in which it is named.
_APART = ("EchoTime", "TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime",
          "AcquisitionNumber", "ImageType")  # fmt: skip
# Steps between slices that differ by more than this part of the usual step are not even.
_UNEVEN = 0.05


@dataclass(frozen=True, eq=False)
class Slice:
    """A file of a series, what of its header is needed; position and axes in mm, to the left, back
    and up. pixel: mm down a column and along a row, None where the file does not say."""

    path: Path
    position: NDArray[np.float64]
    axes: NDArray[np.float64]  # (2, 3), along a row and down a column
    size: tuple[int, int]  # columns, rows
    series: str
    name: str
    modality: str
    patient: str
    pixel: tuple[float, float] | None
    thickness: float
    tilt: float
    apart: dict[str, str]  # what may tell slices at one place from each other


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices of one series that have one orientation and size, the lowest along their normal
    first."""

    name: str
    modality: str
    slices: tuple[Slice, ...]

    @property
    def plane(self) -> str:
        """axial, coronal or sagittal, whichever is nearest."""
        normal = np.abs(np.cross(*self.slices[0].axes))
        return ("sagittal", "coronal", "axial")[int(normal.argmax())]

    def __str__(self) -> str:
        return (
            f"{self.name!r} ({self.modality}, {len(self.slices)} {self.plane} slices, such as "
            f"{self.slices[0].path.name})"
        )


def header_of(path: Path) -> Any:
    """The header of a DICOM file; DataError for any other."""
    with refusing(path, "not a DICOM file, or a damaged one", AGAIN):
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)


def stacks_in(folder: Path) -> list[Stack]:
    """All stacks of images in a folder and the folders in it; files that are no DICOM images are
    passed over. DataError for a damaged one: a series would lack it without a word."""
    found: dict[Any, list[Slice]] = defaultdict(list)
    for path in dicom_files(folder):
        each = slice_of(path, header_of(path))
        if each is not None:
            found[_key(each)].append(each)
    return [_stack(slices) for slices in found.values()]


def dicom_files(folder: Path) -> list[Path]:
    """The files below a folder that are, or call themselves, DICOM."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return [p for p in files if p.name != "DICOMDIR" and is_dicom(p)]


def stack_of(path: Path) -> Stack:
    """The stack that a folder holds, or that a file belongs to with those beside it."""
    folder = path if path.is_dir() else path.parent
    stacks = stacks_in(folder)
    if not path.is_dir():
        mine = [s for s in stacks if any(each.path == path for each in s.slices)]
        if not mine:
            header_of(path)  # says what is wrong with a damaged one
            raise DataError(f"{path}: a DICOM file that holds no image placed in the patient.")
        return mine[0]
    if not stacks:
        raise DataError(f"{path}: no DICOM images that are placed in the patient.")
    if len(stacks) > 1:
        listed = "; ".join(str(stack) for stack in stacks[:6])
        more = f" and {len(stacks) - 6} more" if len(stacks) > 6 else ""
        raise DataError(
            f"{path}: holds {len(stacks)} series or orientations: {listed}{more}. Name a file of "
            "the wanted one instead of the folder, or move it to a folder of its own."
        )
    return stacks[0]


def slice_of(path: Path, header: Any) -> Slice | None:
    """A file as a slice, None if it is none (a report, a segmentation, several frames, a picture
    without place)."""
    with refusing(path, "a DICOM file with a damaged header", AGAIN):
        if header.get("ImagePositionPatient") is None or int(header.get("NumberOfFrames") or 1) > 1:
            return None
        position = np.array(header.ImagePositionPatient, dtype=np.float64)
        axes = np.array(header.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
        if position.shape != (3,) or not np.isfinite([*position, *axes.ravel()]).all():
            raise ValueError("its place in the patient is not three finite numbers")
        pixel = header.get("PixelSpacing")
        distances = [header.get(n) for n in ("SpacingBetweenSlices", "SliceThickness")]
        said = header.get("SeriesDescription") or f"series {header.get('SeriesNumber', '?')}"
        return Slice(
            path=path,
            position=position,
            axes=axes,
            size=(int(header.Columns), int(header.Rows)),
            series=str(header.get("SeriesInstanceUID", "")),
            name=str(said),
            modality=str(header.get("Modality", "?")),
            patient=str(header.get("PatientID", "")),
            pixel=None if pixel is None else (float(pixel[0]), float(pixel[1])),
            thickness=next((float(d) for d in distances if d is not None and float(d) > 0), 1.0),
            tilt=float(header.get("GantryDetectorTilt") or 0.0),
            apart={name: str(header.get(name)) for name in _APART},
        )


def affine_of(stack: Stack) -> NDArray[np.float64]:
    """(4, 4), column, row and slice to mm to the left, back and up. DataError where slices are
    missing, doubled or uneven."""
    slices = stack.slices
    first = slices[0]
    if first.pixel is None:
        raise DataError(f"{first.path}: no PixelSpacing, so the size of pixels is unknown.")
    down, along = first.pixel
    affine = np.eye(4)
    affine[:3, 0] = first.axes[0] * along
    affine[:3, 1] = first.axes[1] * down
    affine[:3, 3] = first.position
    if len(slices) == 1:
        affine[:3, 2] = np.cross(*first.axes) * first.thickness
        return affine
    _check_even(stack)
    affine[:3, 2] = (slices[-1].position - first.position) / (len(slices) - 1)
    return affine


def _check_even(stack: Stack) -> None:
    where = np.array([_height(each) for each in stack.slices])
    steps = np.diff(where)
    usual = float(np.median(steps[steps > 1e-3])) if (steps > 1e-3).any() else 0.0
    folder = stack.slices[0].path.parent
    same = np.flatnonzero(steps <= 1e-3)
    if same.size:
        one, other = (stack.slices[i].apart for i in (int(same[0]), int(same[0]) + 1))
        differ = [f"{n} {one[n]} and {other[n]}" for n in _APART if one[n] != other[n]]
        why = f"They differ in {', '.join(differ)}." if differ else "They may be copies."
        raise DataError(
            f"{folder}: series {stack.name!r} has {same.size} slices at places that are taken, "
            f"such as {stack.slices[int(same[0])].path.name} and "
            f"{stack.slices[int(same[0]) + 1].path.name}. {why} Keep one volume in the folder."
        )
    wide = np.flatnonzero(np.abs(steps - usual) > _UNEVEN * usual)
    if not wide.size:
        return
    ratio = steps[wide] / usual
    if (np.abs(ratio - np.round(ratio)) < 2 * _UNEVEN).all() and (ratio > 1.5).all():
        missing = int(np.round(ratio).sum() - len(wide))
        at = int(wide[0])
        raise DataError(
            f"{folder}: series {stack.name!r} lacks {missing} slice(s), the first between "
            f"{stack.slices[at].path.name} and {stack.slices[at + 1].path.name} ({steps[at]:.2f} "
            f"mm apart, the others {usual:.2f} mm). Export the series again, or leave this case "
            "out (--cohort.exclude CASE)."
        )
    raise DataError(
        f"{folder}: the slices of series {stack.name!r} lie {steps.min():.2f} to {steps.max():.2f} "
        "mm apart. Uneven slices make no volume: resample them to one distance first."
    )


def _key(each: Slice) -> Any:
    return each.series, each.size, tuple(np.round(each.axes.ravel(), 3).tolist())


def _stack(slices: list[Slice]) -> Stack:
    first = slices[0]
    return Stack(first.name, first.modality, tuple(sorted(slices, key=_height)))


def _height(each: Slice) -> float:
    return float(each.position @ np.cross(*each.axes))
