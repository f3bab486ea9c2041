"""Whether two volumes of a patient show the same place, and bringing one to the other's voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine

from rarecase.errors import DataError
from rarecase.imaging.formats.base import by
from rarecase.imaging.grid import Grid, millimetres, same_voxels, shared
from rarecase.imaging.volumes import Volume

# Headers that differ by less than this part of a voxel mean the same voxels.
_ROUNDED = 0.5
# A volume that covers less of the other than this lies elsewhere; less than all of it is said.
_ELSEWHERE, _ALL = 0.02, 0.99


def place_of(
    path: Path, one: Volume, other_path: Path, other: Volume, *, mask: bool = False
) -> tuple[Grid, list[str]]:
    """The grid on which `other` lies, seen from `one`, and what there is to say about it.

    World coordinates decide. Only where a file says nothing of its place (no origin, axes along the
    world's) and both have one shape and order of axes are their voxels taken to correspond. A
    `mask` that was cut out of the image's voxels, as segmentations leave out empty slices, is usual
    and nothing is said of it; one of the image's size, spacing and direction whose origin alone is
    another was not drawn there. Raises DataError for it, and for volumes that do not overlap.
    """
    here, there = one.grid, other.grid
    if same_place(here, there):
        return here, []
    covered = shared(here, there)
    # A mask may be cut to the tumour: then little of the image lies in it, and all of it there.
    overlap = max(covered, shared(there, here))
    if one.placed and other.placed and overlap >= _ELSEWHERE:
        if mask and _moved(here, there):
            raise DataError(
                f"{other_path} has the size, spacing and direction of {path}, but its origin lies "
                f"{_distance(here, there):.1f} mm away. Give it the image's header if it was drawn "
                "on that image, or resample it to the image if its own header is right."
            )
        cut = same_voxels(here, there)
        if cut and (mask or covered >= _ALL):
            return there, []
        note = (
            f"{other_path.name} ({by(there.shape)}, {millimetres(there.spacing)} mm) has another "
            f"grid than {path.name} ({by(here.shape)}, {millimetres(here.spacing)} mm); "
            + ("its voxels are the same" if cut else "resampled to it")
        )
        return there, [note if covered >= _ALL else f"{note}, covering {covered:.0%} of it"]
    distance = _distance(here, there)
    if one.placed and other.placed:
        raise DataError(
            f"{other_path} lies {distance:.0f} mm away from {path} (middle to middle): they do not "
            "overlap. Are both of this patient, with their own headers?"
        )
    if here.shape != there.shape:
        raise DataError(
            f"{other_path} has the shape {by(there.shape)} and {path} {by(here.shape)} (both in "
            "RAS order), and one of them says nothing of where it lies. Resample one to the other."
        )
    if one.source.codes != other.source.codes:
        raise DataError(
            f"{other_path} is stored as {other.source.codes} and lies {distance:.1f} mm away from "
            f"{path} ({one.source.codes}): voxels do not correspond. Copy the right header to one "
            "of them or resample it to the other."
        )
    note = (
        f"{other_path.name} lies {distance:.1f} mm away from {path.name} by its header, but one of "
        "them says nothing of its place; shape and orientation agree, so the voxels are taken to "
        "correspond"
    )
    return here, [note]


def same_place(grid: Grid, other: Grid) -> bool:
    """Whether both have the same voxels but for what headers round."""
    return grid.shape == other.shape and _apart(grid, other) < _ROUNDED


def _moved(grid: Grid, other: Grid) -> bool:
    """Whether one is the other moved by a voxel or more, and nothing else."""
    affine = other.affine.copy()
    affine[:3, 3] = grid.affine[:3, 3]
    return same_place(grid, Grid(other.shape, affine)) and _apart(grid, other) >= 1


def _apart(grid: Grid, other: Grid) -> float:
    """The most by which corresponding corners lie apart, in voxels."""
    away = apply_affine(np.linalg.inv(grid.affine), grid.corners())
    away -= apply_affine(np.linalg.inv(grid.affine), other.corners())
    return float(np.abs(away).max())


def _distance(grid: Grid, other: Grid) -> float:
    """Millimetres from middle to middle."""
    return float(np.linalg.norm(grid.corners().mean(axis=0) - other.corners().mean(axis=0)))
