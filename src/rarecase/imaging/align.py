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
    here = one.grid
    there, said = seen_from(path, one, other_path, other)
    if same_place(here, there):
        return here, said
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
            return there, said
        note = (
            f"{other_path.name} ({by(there.shape)}, {millimetres(there.spacing)} mm) has another "
            f"grid than {path.name} ({by(here.shape)}, {millimetres(here.spacing)} mm); "
            + ("its voxels are the same" if cut else "resampled to it")
        )
        return there, [
            *said, note if covered >= _ALL else f"{note}, covering {covered:.0%} of it"
        ]  # fmt: skip
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


def seen_from(path: Path, one: Volume, other_path: Path, other: Volume) -> tuple[Grid, list[str]]:
    """Where `other` lies in the world of `one.grid`, and what there is to say about it.

    Of a NIfTI file whose two forms contradict each other the sform is taken, unless the other file
    shows which is meant: it lies on the same voxels by the qform, or has that form alone. Then both
    are compared in the form that fits.
    """
    if not (_contradicts(one) or _contradicts(other)):
        return other.grid, []
    pairs = [(mine, theirs) for mine in one.places or [""] for theirs in other.places or [""]]
    pairs.sort(key=lambda pair: pair[0] != pair[1])
    moved = {pair: _moved_by(one, other, *pair) for pair in pairs}
    fits = [pair for pair in pairs if _agree(one.grid, moved[pair])]
    shared_forms = [pair for pair in pairs if pair[0] == pair[1]]
    chosen = next(iter([*fits, *shared_forms]), None)
    if chosen is None or moved[chosen] is other.grid:
        return other.grid, []
    mine, theirs = (name or "header" for name in chosen)
    return moved[chosen], [
        f"{other_path.name} and {path.name} are laid on one another by the {theirs} of the one "
        f"and the {mine} of the other"
    ]


def _contradicts(volume: Volume) -> bool:
    places = [*volume.places.values()]
    return len(places) > 1 and not same_place(*places)


def _moved_by(one: Volume, other: Volume, mine: str, theirs: str) -> Grid:
    """Where `other` lies by its form `theirs`, in the world in which `one`, which lies there by its
    form `mine`, lies on its grid."""
    here, there = one.places.get(mine, one.grid), other.places.get(theirs, other.grid)
    if here is one.grid:
        return there
    return Grid(there.shape, one.grid.affine @ np.linalg.inv(here.affine) @ there.affine)


def _agree(grid: Grid, other: Grid) -> bool:
    return same_place(grid, other) or (
        same_voxels(grid, other) and shared(grid, other) >= _ELSEWHERE
    )


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
