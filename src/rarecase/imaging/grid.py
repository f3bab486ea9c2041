"""Where voxels lie in the patient: grids, and resampling values from one grid to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.orientations import inv_ornt_aff, io_orientation
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.shown import Brief

Affine = NDArray[np.float64]

# Voxels that are nearer to another grid's voxels than this part of a voxel are taken to be those.
_SAME = 0.01
# Points along each axis that are asked whether they lie in another grid.
_PROBES = 16
TILT = 5.0  # degrees up to which slices are taken as they were acquired
_SHEAR = 0.5  # degrees; a tilted gantry shifts slices against each other
_SQUARE = 1.02  # sides of pixels that differ by less are square


@dataclass(frozen=True, eq=False, repr=False)
class Grid(Brief):
    """Voxels (i, j, k) of `shape`; `affine` (4, 4) takes indices to millimetres, RAS+."""

    shape: tuple[int, int, int]
    affine: Affine

    @staticmethod
    def of(shape: Iterable[int], affine: NDArray) -> Grid:
        """A grid of the first three axes of `shape`."""
        x, y, z, *_ = (int(n) for n in shape)
        return Grid((x, y, z), np.asarray(affine))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres from voxel to voxel along i, j, k."""
        x, y, z = (float(v) for v in voxel_sizes(self.affine))
        return x, y, z

    @property
    def codes(self) -> str:
        """The world axes nearest to i, j, k, such as 'LPS'."""
        return "".join(str(c) for c in nib.aff2axcodes(self.affine))

    @property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3), the direction of i, j, k in its columns, each of length 1."""
        return np.asarray(self.affine[:3, :3] / voxel_sizes(self.affine))

    @property
    def tilt(self) -> float:
        """Degrees between the planes of the first two axes and those of the world that are nearest:
        turning an image within its plane is no tilt."""
        normal = np.cross(self.directions[:, 0], self.directions[:, 1])
        along = float(np.abs(normal).max() / np.linalg.norm(normal))
        return float(np.degrees(np.arccos(min(along, 1.0))))

    @property
    def shear(self) -> float:
        """Degrees by which two axes fail to be at right angles, as slices of a tilted gantry do."""
        between = np.abs(self.directions.T @ self.directions)[np.triu_indices(3, 1)]
        return float(np.degrees(np.arcsin(between.clip(max=1.0))).max())

    def corners(self) -> NDArray[np.float64]:
        """(8, 3), the outer corners of the outermost voxels in millimetres."""
        ends = product(*[(-0.5, n - 0.5) for n in self.shape])
        return np.asarray(apply_affine(self.affine, np.array(list(ends))))

    def same_as(self, other: Grid) -> bool:
        """Whether both have their voxels in the same places, in the same order."""
        if self.shape != other.shape:
            return False
        return bool(np.abs(_between(other, self) - np.eye(4))[:3].max() * max(self.shape) < _SAME)


def millimetres(spacing: Iterable[float]) -> str:
    """A spacing in words, such as 1.00 x 1.00 x 5.00."""
    return " x ".join(f"{value:.2f}" for value in spacing)


def ras(grid: Grid) -> Grid:
    """The same voxels, their axes turned and flipped to lie nearest to right, front, up."""
    orientation = io_orientation(grid.affine)
    order = np.argsort(orientation[:, 0])
    affine = grid.affine @ inv_ornt_aff(orientation, grid.shape)
    return Grid.of((grid.shape[axis] for axis in order), affine)


def straight(grid: Grid) -> Grid:
    """A grid along the world's axes that holds all of `grid` (in RAS+ order), of its spacing."""
    corners = grid.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    spacing = np.array(grid.spacing)
    count = np.maximum(np.ceil((high - low) / spacing - 1e-3), 1).astype(int)
    start = (low + high) / 2 - (count - 1) / 2 * spacing
    return Grid.of(count, nib.affines.from_matvec(np.diag(spacing), start))


def with_pixels(grid: Grid, pixel: float) -> Grid:
    """The same slices (across the third axis) in square pixels of `pixel` mm."""
    ratio = np.array([*(s / pixel for s in grid.spacing[:2]), 1.0])
    count = np.maximum(np.round(np.array(grid.shape) * ratio), 1).astype(int)
    # The middle of the image stays where it is.
    centre, middle = (np.array(grid.shape) - 1) / 2, (count - 1) / 2
    step = nib.affines.from_matvec(np.diag(1 / ratio), centre - middle / ratio)
    return Grid.of(count, grid.affine @ step)


def axial_grid(grid: Grid, *, pixel: float | None = None) -> tuple[Grid, tuple[str, ...]]:
    """From a grid in RAS+ order to the one whose third axis counts true axial slices, and what was
    changed.

    A volume tilted by more than five degrees, or sheared by a tilted gantry, is laid straight;
    pixels that are not square are made so, of the shorter side, or of `pixel` mm. The slice
    distance stays. Otherwise the grid itself is returned, and nothing is resampled.
    """
    notes = []
    found = grid
    if grid.shear > _SHEAR:
        notes.append(
            f"its axes stand askew by {grid.shear:.1f} degrees, as from a tilted gantry; resampled "
            "to straight axial slices"
        )
        found = straight(grid)
    elif grid.tilt > TILT:
        notes.append(f"its slices are tilted by {grid.tilt:.1f} degrees; resampled to axial slices")
        found = straight(grid)
    x, y, _ = found.spacing
    if pixel is not None:
        return with_pixels(found, pixel), tuple(notes)
    if max(x, y) > _SQUARE * min(x, y):
        notes.append(f"axial pixels of {x:.2f} by {y:.2f} mm; resampled to {min(x, y):.2f} mm")
        found = with_pixels(found, min(x, y))
    return found, tuple(notes)


def shared(grid: Grid, other: Grid) -> float:
    """The part of `grid` that lies within `other`, 0 to 1, from a lattice of points."""
    axes = [np.linspace(0, n - 1, min(n, _PROBES)) for n in grid.shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    there = apply_affine(_between(grid, other), points)
    inside = (there > -0.5 - 1e-6) & (there < np.array(other.shape) - 0.5 + 1e-6)
    return float(inside.all(axis=1).mean())


def same_voxels(grid: Grid, other: Grid) -> bool:
    """Whether voxels of one are voxels of the other, turned, flipped or cut as they may be."""
    return _lattice(_between(grid, other)) is not None


def resample(
    values: NDArray, source: Grid, target: Grid, *, outside: float = 0.0
) -> NDArray[np.float32]:
    """Values on `source` (its shape) as they are on `target`: linear between voxels, `outside`
    around them.

    Where the grids share their voxels nothing is interpolated: axes are turned and flipped, and
    values are the same to the last bit.
    """
    step = _between(target, source)
    whole = _lattice(step)
    if whole is not None:
        return _moved(np.asarray(values, dtype=np.float32), whole, target.shape, outside)
    return np.asarray(
        ndimage.affine_transform(
            np.asarray(values, dtype=np.float32), step[:3, :3], step[:3, 3],
            output_shape=target.shape, order=1, mode="grid-constant", cval=outside,
        ),
        dtype=np.float32,
    )  # fmt: skip


def _between(grid: Grid, other: Grid) -> Affine:
    """(4, 4), indices of `grid` to indices of `other`."""
    return np.asarray(np.linalg.solve(other.affine, grid.affine))


def _lattice(step: Affine) -> NDArray[np.int64] | None:
    """`step` in whole numbers if it takes voxels to voxels, else None."""
    whole = np.round(step).astype(np.int64)
    turns = np.abs(whole[:3, :3])
    if not (turns.sum(axis=0) == 1).all() or not (turns.sum(axis=1) == 1).all():
        return None
    # A slip of the direction adds up over the length of a volume.
    slip = np.abs(step[:3, :3] - whole[:3, :3]).max() * 512
    return whole if max(slip, np.abs(step[:3, 3] - whole[:3, 3]).max()) < _SAME else None


def _moved(
    values: NDArray[np.float32],
    step: NDArray[np.int64],
    shape: tuple[int, int, int],
    outside: float,
) -> NDArray[np.float32]:
    """Values at the places that whole-numbered `step` takes the indices of `shape` to."""
    out = np.full(shape, outside, dtype=np.float32)
    axis_of = np.abs(step[:3, :3]).argmax(axis=1)  # the target's axis behind each of the source's
    into, take = [slice(0)] * 3, [slice(0)] * 3
    for source_axis, target_axis in enumerate(axis_of):
        sign, offset = int(step[source_axis, target_axis]), int(step[source_axis, 3])
        places = offset + sign * np.arange(shape[target_axis])
        good = np.flatnonzero((places >= 0) & (places < values.shape[source_axis]))
        if not good.size:
            return out
        into[target_axis] = slice(int(good[0]), int(good[-1]) + 1)
        first, last = int(places[good[0]]), int(places[good[-1]])
        end = last + sign
        take[source_axis] = slice(first, None if end < 0 else end, sign)
    order = [int(np.flatnonzero(axis_of == axis)[0]) for axis in range(3)]
    out[tuple(into)] = values[tuple(take)].transpose(order)
    return out
