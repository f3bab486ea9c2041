"""Slices: single files, or the frames of one file, with what of their headers is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.base import AGAIN
from rarecase.imaging.formats.dicom.headers import (
    header_of,
    numbers,
    said,
    whole_number,
    words,
)
from rarecase.imaging.formats.dicom.kinds import is_colour, picture_of

APART = (
    "EchoTime", "TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime",
    "AcquisitionNumber", "ImageType", "StudyInstanceUID",
)  # fmt: skip
"""What tells slices at one place apart, in the order in which it is looked at."""
# The same of a frame: sequence and name within.
_OF_FRAMES = {
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "TemporalPositionIdentifier": ("FrameContentSequence", "TemporalPositionIndex"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
    "TriggerTime": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    "ImageType": ("MRImageFrameTypeSequence", "FrameType"),
}
_ASKEW = 0.01  # by which the length of axes, and the cosine between them, may be off


@dataclass(frozen=True, eq=False)
class Slice:
    """A slice of a series, what of its header is needed; position and axes in mm, to the left, back
    and up. frame: its number in a file of several, from 0; None for a file of its own. pixel: mm
    down a column and along a row, None where the file does not say."""

    path: Path
    frame: int | None
    position: NDArray[np.float64]
    axes: NDArray[np.float64]  # (2, 3), along a row and down a column
    size: tuple[int, int]  # columns, rows
    pixel: tuple[float, float] | None
    thickness: float
    tilt: float
    apart: dict[str, str]  # what may tell slices at one place from each other
    header: Any  # of its file

    @property
    def place(self) -> str:
        """The file, and the frame in it, in words."""
        return self.path.name + ("" if self.frame is None else f" (frame {self.frame + 1})")


class NoPlace(Exception):  # noqa: N818
    """What an image lacks to be placed in the patient."""


def slices_of(path: Path, header: Any) -> list[Slice]:
    """The slices in a file that is an image. Raises NoPlace where it does not say where they lie,
    DataError where its header is damaged."""
    frames = whole_number(path, header, "NumberOfFrames", 1)
    if frames > 1 or said(path, header, "ImagePositionPatient") is None:
        header = header_of(path, frames=True)
    groups = said(path, header, "PerFrameFunctionalGroupsSequence")
    if groups is None:
        if frames > 1:
            raise NoPlace(f"{picture_of(header)} of {frames} frames that do not say where they lie")
        return [_slice(path, header, header, header, header, frame=None)]
    if len(groups) != max(frames, 1):
        raise DataError(
            f"{path}: a DICOM file with a damaged header: NumberOfFrames is {frames}, and "
            f"{len(groups)} are described. {AGAIN}"
        )
    shared = said(path, header, "SharedFunctionalGroupsSequence")
    common = shared[0] if shared else None
    found = []
    for number, group in enumerate(groups):
        places = _group(path, "PlanePositionSequence", group, common, header)
        planes = _group(path, "PlaneOrientationSequence", group, common, header)
        sizes = _group(path, "PixelMeasuresSequence", group, common, header)
        found.append(_slice(path, header, places, planes, sizes, frame=number))
        found[-1].apart.update(_apart_of_frame(path, group, common))
    return found


def _group(path: Path, name: str, own: Any, common: Any, header: Any) -> Any:
    """A functional group of a frame, of all frames, or else the header itself."""
    for each in (own, common):
        inside = None if each is None else said(path, each, name)
        if inside:
            return inside[0]
    return header


def group_of(own: Any, common: Any, name: str) -> Any:
    """A functional group of a frame or of all frames; None where there is none."""
    for each in (own, common):
        if each is not None and name in each and len(each[name].value):
            return each[name].value[0]
    return None


def _apart_of_frame(path: Path, own: Any, common: Any) -> dict[str, str]:
    found = {}
    for name, (sequence, within) in _OF_FRAMES.items():
        inside = group_of(own, common, sequence)
        if inside is not None and said(path, inside, within) is not None:
            found[name] = words(inside, within)
    return found


def _slice(
    path: Path, header: Any, places: Any, planes: Any, sizes: Any, *, frame: int | None
) -> Slice:
    """A slice whose place, plane and pixels stand in these parts of the header."""
    position = numbers(path, places, "ImagePositionPatient", 3)
    axes = numbers(path, planes, "ImageOrientationPatient", 6)
    if position is None or axes is None:
        lacking = "ImagePositionPatient" if position is None else "ImageOrientationPatient"
        raise NoPlace(f"{picture_of(header)} that does not say where it lies (no {lacking})")
    distances = [
        numbers(path, sizes, name, 1) for name in ("SpacingBetweenSlices", "SliceThickness")
    ]
    tilt = numbers(path, header, "GantryDetectorTilt", 1)
    pixel = numbers(path, sizes, "PixelSpacing", 2)
    if pixel is not None and min(pixel) <= 0:
        raise DataError(f"{path}: PixelSpacing is {pixel[0]:g} and {pixel[1]:g} mm. {AGAIN}")
    return Slice(
        path=path,
        frame=frame,
        position=np.array(position),
        axes=_straight(path, np.array(axes).reshape(2, 3)),
        size=(whole_number(path, header, "Columns", 0), whole_number(path, header, "Rows", 0)),
        pixel=None if pixel is None else (pixel[0], pixel[1]),
        thickness=next((d[0] for d in distances if d is not None and d[0] > 0), 1.0),
        tilt=0.0 if tilt is None else tilt[0],
        apart={name: words(header, name) for name in APART},
        header=header,
    )


def _straight(path: Path, axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Axes of length 1 at right angles, from those that a header has rounded."""
    off = np.abs(axes @ axes.T - np.eye(2)).max()
    if off > 2 * _ASKEW:
        raise DataError(
            f"{path}: ImageOrientationPatient holds no two directions at right angles, so the "
            "orientation is unknown. Export it again."
        )
    if off < 1e-6:
        return axes
    left, _, right = np.linalg.svd(axes, full_matrices=False)
    return np.asarray(left @ right)


def grey(each: Slice) -> bool:
    """Whether a slice is a picture in grey."""
    return not is_colour(each.header)
