"""Loading a case as axial slices, with every check that only the voxels can answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from rarecase.cohort.case import Case, SliceFiles
from rarecase.errors import DataError
from rarecase.imaging.pictures import read_mask_picture, read_picture
from rarecase.imaging.volumes import Volume, probe_volume, read_mask_volume, read_volume

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CaseArrays:
    """A case as upright axial slices: front on top, the patient's right on the left.

    images: (n, c, h, w) float32, raw values. masks: (n, h, w) uint8 of 0 and 1, None if the case
    has none. has_mask: (n,) bool, whether the slice has a mask. numbers: (n,) the slice's number
    in the case. spacing: mm by row, column and slice, None for pictures. notes: what is odd and
    was settled while loading.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.uint8] | None
    has_mask: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    spacing: tuple[float, float, float] | None
    notes: tuple[str, ...] = ()


def load_case(case: Case, channels: Sequence[str]) -> CaseArrays:
    """Load a case whose slices share one size.

    Raises DataError for whatever is wrong with its files, and for pictures of several sizes:
    `load_groups` takes those.
    """
    groups = load_groups(case, channels)
    if len(groups) > 1:
        sizes = ", ".join(_by(group.images.shape[-2:]) for group in groups)
        raise DataError(
            f"Case {case.case!r}: pictures of several sizes ({sizes}). Use load_groups, or "
            "cache_slices, which brings them to one size."
        )
    return groups[0]


def load_groups(case: Case, channels: Sequence[str]) -> list[CaseArrays]:
    """Load a case as one CaseArrays for every size of its slices (volumes have one).

    `channels` choose and order the planes. All channels and the mask of a volume case must have
    one shape and lie in one place. Raises DataError that names case and file.
    """
    missing = [name for name in channels if name not in case.channels]
    if missing:
        raise DataError(f"Case {case.case!r} has no {', '.join(missing)} image.")
    try:
        if case.slices:
            return _load_pictures(case, channels)
        return [_load_volumes(case, channels)]
    except DataError as error:
        raise DataError(f"Case {case.case!r}: {error}") from None


def count_slices(case: Case) -> int:
    """How many axial slices the case has, from file names and headers alone."""
    if case.slices:
        return len(case.slices)
    return probe_volume(next(iter(case.images.values()))).shape[2]


def axial(data: NDArray) -> NDArray:
    """RAS+ data (x, y, z) as slices (z, rows, columns): front on top, right on the left.

    >>> data = np.zeros((2, 3, 1)); data[1, 2, 0] = 1  # right, front
    >>> int(axial(data)[0, 0, 0])
    1
    """
    return data[::-1, ::-1].transpose(2, 1, 0)


def _load_volumes(case: Case, channels: Sequence[str]) -> CaseArrays:
    paths = [case.images[name] for name in channels]
    volumes = [read_volume(path) for path in paths]
    first, notes = volumes[0], list[str]()
    for path, volume in zip(paths[1:], volumes[1:], strict=True):
        notes += _check_same_place(paths[0], first, path, volume)
    masks = None
    if case.mask is not None:
        mask = read_mask_volume(case.mask)
        notes += _check_same_place(paths[0], first, case.mask, mask)
        masks = (axial(mask.data) > 0).astype(np.uint8)
    x, y, z = first.spacing
    slices = first.data.shape[2]
    for note in notes:
        _log.warning("%s: %s", case.case, note)
    return CaseArrays(
        images=np.stack([axial(volume.data) for volume in volumes], axis=1),
        masks=masks,
        has_mask=np.full(slices, masks is not None),
        numbers=np.arange(slices),
        spacing=(y, x, z),
        notes=tuple(notes),
    )


def _check_same_place(path: Path, one: Volume, other_path: Path, other: Volume) -> list[str]:
    """Refuse two volumes that do not cover each other; a note where only an origin differs.

    With one shape and one stored orientation the voxels are taken to correspond, whatever the
    origins say (many tools lose it).
    """
    if one.data.shape != other.data.shape:
        raise DataError(
            f"{other_path} has the shape {_by(other.data.shape)} and {path} {_by(one.data.shape)} "
            "(both in RAS order). Resample one to the other."
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.data.shape])).reshape(3, -1).T
    apart = apply_affine(one.affine, corners)
    apart -= apply_affine(other.affine, corners)
    distance = float(np.abs(apart).max())
    if distance <= max(one.spacing):
        return []
    if one.stored == other.stored:
        return [
            f"{other_path.name} lies {distance:.1f} mm away from {path.name} by its header; "
            "shape and orientation agree, so the voxels are taken to correspond"
        ]
    raise DataError(
        f"{other_path} is stored as {other.stored} and lies {distance:.1f} mm away from {path} "
        f"({one.stored}): voxels do not correspond. Copy the right header to one of them or "
        "resample it to the other."
    )


def _load_pictures(case: Case, channels: Sequence[str]) -> list[CaseArrays]:
    planes = [case.planes.index(name) for name in channels]
    by_size: dict[tuple[int, int], list[tuple[int, NDArray, NDArray | None]]] = {}
    for files in case.slices:
        image = read_picture(files.image, channels=len(case.planes))[planes]
        size = (image.shape[1], image.shape[2])
        by_size.setdefault(size, []).append((files.number, image, _mask(files, size)))
    if not any(image.any() for group in by_size.values() for _, image, _ in group):
        raise DataError(
            f"every pixel of its {len(case.slices)} picture(s) is 0, such as in "
            f"{case.slices[0].image}. Export them again, or leave this case out "
            "(--cohort.exclude CASE)."
        )
    return [_group(group, case.has_mask) for group in by_size.values()]


def _mask(files: SliceFiles, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    if files.mask is None:
        return None
    mask = read_mask_picture(files.mask)
    if mask.shape != size:
        raise DataError(
            f"{files.mask} has the size {_by(mask.shape)} and {files.image} {_by(size)} (height x "
            "width). A mask must have the size of its picture."
        )
    return mask


def _group(slices: list[tuple[int, NDArray, NDArray | None]], any_mask: bool) -> CaseArrays:
    images = np.stack([image for _, image, _ in slices])
    masks = None
    if any_mask:
        empty = np.zeros(images.shape[-2:], dtype=np.uint8)
        masks = np.stack([empty if mask is None else mask for _, _, mask in slices])
    return CaseArrays(
        images=images,
        masks=masks,
        has_mask=np.array([mask is not None for _, _, mask in slices]),
        numbers=np.array([number for number, _, _ in slices], dtype=np.int64),
        spacing=None,
    )


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)
