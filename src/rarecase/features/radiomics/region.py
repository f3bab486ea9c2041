"""A region of an image as texture features see it: resampled, cut to a range, in grey levels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from scipy import ndimage

from rarecase.arrays import Bools, Floats, Ints
from rarecase.errors import DataError
from rarecase.numbers import plainly

Spacing = tuple[float, float, float]
Offset = tuple[int, int, int]
Merge = Literal["none", "directions", "slices", "all"]
"""What is counted together; features of the rest are averaged (IBSI: 2D averaged, 2D slice-merged,
2.5D direction-merged, merged)."""
MOST_LEVELS = 1000  # a co-occurrence matrix of more takes 8 MB a direction and says nothing
ORDERS = {"linear": 1, "cubic": 3}
HALF = 0.5  # what a resampled mask must reach
FAR = 16  # voxels


@dataclass(frozen=True, eq=False)
class Region:
    """The voxels of an image that count, cut out of it.

    Parameters
    ----------
    image
        Intensities (z, y, x), float64.
    shape_mask
        The mask as it was drawn (z, y, x): what shape is measured on.
    mask
        Those of its voxels whose intensities count.
    spacing
        Millimetres from voxel to voxel along z, y, x.
    """

    image: Floats
    shape_mask: Bools
    mask: Bools
    spacing: Spacing

    @property
    def values(self) -> Floats:
        """Intensities of the voxels that count (n,)."""
        return self.image[self.mask]


def make_region(
    image: Floats,
    mask: Bools,
    spacing: Spacing,
    *,
    resample: float | None = None,
    in_plane: bool = False,
    order: Literal["linear", "cubic"] = "linear",
    rounded: bool = False,
    limits: tuple[float, float] | None = None,
    outliers: float | None = None,
    margin: tuple[int, int, int] = (0, 0, 0),
) -> Region:
    """The region of a mask.

    Parameters
    ----------
    image, mask, spacing
        (z, y, x), of one shape; millimetres along each axis.
    resample, in_plane, order
        New distance between voxels in mm (grids aligned at their centres, size rounded up), of rows
        and columns alone with `in_plane`; how intensities are interpolated.
    rounded
        Whether interpolated intensities are rounded to whole numbers, as those of CT.
    limits, outliers
        Intensities outside the limits, or so many standard deviations from the mean, do not count.
    margin
        Voxels (new ones) around the mask that are kept, as far as the image goes.

    Raises
    ------
    DataError
        Shapes that differ, an empty mask, also after resampling.
    """
    if image.shape != mask.shape or image.ndim != 3:
        raise DataError(
            f"mask: expected the image's shape (z, y, x) {image.shape}, got {mask.shape}."
        )
    mask = np.asarray(mask) > 0
    if not mask.any():
        raise DataError("mask: empty, no voxel of it is above 0.")
    image = np.asarray(image, dtype=np.float64)
    before = mask
    if resample is not None:
        new = resampled_spacing(spacing, resample, in_plane=in_plane)
        image, mask = _resampled(image, mask, spacing, new, order=ORDERS[order], margin=margin)
        image = np.round(image) if rounded else image
        if not mask.any():
            voxels, size = int(before.sum()), math.prod(spacing)
            raise DataError(
                f"mask: its {voxels} voxels ({voxels * size:g} mm³) leave none of "
                f"{' × '.join(f'{each:g}' for each in new)} mm. Resample more finely."
            )
        spacing = new
    box = _box(mask, margin)
    image, mask = image[box], mask[box]
    return Region(image, mask, _counting(image, mask, limits, outliers), spacing)


def _counting(
    image: Floats, mask: Bools, limits: tuple[float, float] | None, outliers: float | None
) -> Bools:
    counts = mask.copy()
    if limits is not None:
        counts &= (image >= limits[0]) & (image <= limits[1])
    if outliers is not None and counts.any():
        mean, deviation = image[counts].mean(), image[counts].std()
        counts &= np.abs(image - mean) <= outliers * deviation
    return counts


def resampled_spacing(spacing: Spacing, resample: float, *, in_plane: bool) -> Spacing:
    """Millimetres along z, y, x after resampling."""
    return (spacing[0] if in_plane else resample, resample, resample)


def cropped(region: Region) -> Region:
    """A region without the margin around its mask."""
    box = _box(region.shape_mask, (0, 0, 0))
    return replace(
        region, image=region.image[box], shape_mask=region.shape_mask[box], mask=region.mask[box]
    )


def parts_of(mask: Bools) -> list[Bools]:
    """The parts of a mask (z, y, x) that do not touch, not even at a corner, largest first.

    >>> [int(part.sum()) for part in parts_of(np.array([[[True, False, True, True]]]))]
    [2, 1]
    """
    parts, n = ndimage.label(mask, np.ones((3, 3, 3)))
    order = np.argsort(-np.bincount(parts.ravel(), minlength=n + 1)[1:], kind="stable") + 1
    return [parts == each for each in order]


def _box(mask: Bools, margin: tuple[int, int, int]) -> tuple[slice, ...]:
    """Around a mask, as far as the image goes."""
    return tuple(
        slice(max(0, at.min() - more), at.max() + 1 + more)
        for at, more in zip(np.nonzero(mask), margin, strict=True)
    )


def _resampled(
    image: Floats,
    mask: Bools,
    old: Spacing,
    new: Spacing,
    *,
    order: int,
    margin: tuple[int, int, int],
) -> tuple[Floats, Bools]:
    """Both on a grid of other distances that is aligned with the old one at the centres, as far as
    the mask and a margin reach."""
    steps = np.array(new) / np.array(old)
    size = np.maximum(1, np.ceil(np.array(image.shape) / steps - 1e-9)).astype(int)
    offset = (np.array(image.shape) - 1) / 2 - steps * (size - 1) / 2
    ends = np.array([[at.min(), at.max()] for at in np.nonzero(mask)]).T
    first = np.maximum(0, np.floor((ends[0] - offset) / steps) - 1 - margin).astype(int)
    last = np.minimum(size, np.ceil((ends[1] - offset) / steps) + 2 + margin).astype(int)
    # What lies further away has no part in it, not even through a spline.
    start = np.maximum(0, np.floor(offset + steps * first).astype(int) - FAR)
    stop = np.minimum(image.shape, np.ceil(offset + steps * last).astype(int) + FAR)
    near = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    where = {"offset": offset + steps * first - start, "output_shape": tuple(last - first)}
    found = ndimage.affine_transform(image[near], steps, order=order, mode="nearest", **where)
    part = ndimage.affine_transform(
        mask[near].astype(float), steps, order=1, mode="nearest", **where
    )
    return found, part >= HALF - 1e-6


def levels_of(
    region: Region,
    *,
    bins: int | None = None,
    width: float | None = None,
    start: float | None = None,
) -> tuple[Ints, int]:
    """Grey levels 1, 2, … of the voxels that count, 0 elsewhere (z, y, x), and the largest.

    Either `bins` of equal width from the least to the largest intensity, or bins of `width` from
    `start` (by default the least intensity; IBSI: the lower limit, where there is one).

    >>> image = np.array([[[-30.0, -10.0, 0.0, 10.0, 24.0]]])
    >>> region = make_region(image, image < 99, (1, 1, 1))
    >>> levels_of(region, width=25)[0].ravel().tolist()
    [1, 1, 2, 2, 3]
    """
    values = region.values
    if not values.size:
        return np.zeros(region.mask.shape, dtype=np.int64), 0
    low, high = float(values.min()), float(values.max())
    if width is None:
        assert bins is not None
        scaled = (values - low) / (high - low) * bins if high > low else np.zeros(values.size)
        found = np.minimum(np.floor(scaled) + 1, bins)
    else:
        begin = low if start is None else start
        most = math.floor((high - begin) / width) + 1
        if most > MOST_LEVELS:
            raise DataError(
                f"width {plainly(width)}: intensities of {plainly(low)} to {plainly(high)} make "
                f"{most:,} grey levels, at most {MOST_LEVELS:,}. Is the unit right? Take a larger "
                "width, or bins."
            )
        found = np.floor((values - begin) / width) + 1
    levels = np.zeros(region.mask.shape, dtype=np.int64)
    levels[region.mask] = found.astype(np.int64)
    return levels, int(bins if width is None and bins is not None else found.max())


def offsets(*, flat: bool) -> list[Offset]:
    """One of each pair of opposite neighbours: 4 in a slice, or 13 in a volume."""
    found = [d for d in product((0, 1), (-1, 0, 1), (-1, 0, 1)) if d > (0, 0, 0)]
    return [d for d in found if d[0] == 0] if flat else found


def paired(levels: Ints, offset: Offset) -> tuple[Ints, Ints]:
    """Views of each voxel and of its neighbour at `offset`, where there is one."""
    here = tuple(
        slice(max(0, -k), n - max(0, k)) for n, k in zip(levels.shape, offset, strict=True)
    )
    there = tuple(
        slice(max(0, k), n - max(0, -k)) for n, k in zip(levels.shape, offset, strict=True)
    )
    return levels[here], levels[there]


def grouped(group: Ints, *columns: Ints) -> Iterator[tuple[Ints, ...]]:
    """The entries of the columns for each value of `group` in turn."""
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    yield from zip(*(np.split(column[order], cuts) for column in (group, *columns)), strict=True)
