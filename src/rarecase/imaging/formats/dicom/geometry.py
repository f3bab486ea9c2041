"""Putting slices in order, and where a stack of them lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.dicom.slices import Slice

TURNED = 0.1
"""Degrees up to which slices have one orientation: less than half a pixel at the edge of 512."""
OFF = 0.1
"""The share of the step between slices by which one may lie off even distances; it is said from a
fifth of it on."""
# Mm off that rounding to a tenth explains: half of it, and what the line through such is off.
_ROUNDED = 0.07
_BESIDE = 1.0  # pixels by which a slice may lie beside the line of the others
_SAME = 0.05  # part of a pixel: slices nearer than this lie at one place
_SAID = 0.2  # part of what is allowed, from which on it is said


def by_orientation(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices grouped by orientation: those within TURNED of one another, directly or by others
    between, whatever their order."""
    axes = np.array([each.axes for each in slices])
    distinct, which = np.unique(axes.reshape(-1, 6), axis=0, return_inverse=True)
    label = np.arange(len(distinct))
    most = 2 * np.sin(np.radians(TURNED) / 2)
    for i in range(len(distinct)):
        away = np.abs((distinct - distinct[i]).reshape(-1, 2, 3))
        near = np.sqrt(np.square(away).sum(axis=2)).max(axis=1) <= most
        joined = np.isin(label, label[near])
        label[joined] = label[joined].min()
    groups: dict[int, list[Slice]] = {}
    for each, place in zip(slices, which.ravel(), strict=True):
        groups.setdefault(int(label[place]), []).append(each)
    return list(groups.values())


def middle(axes: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(2, 3), the axes in the middle of those of slices, the same for any order of them."""
    found = np.median(np.array(axes), axis=0)
    if np.abs(found @ found.T - np.eye(2)).max() < 1e-6:
        return np.asarray(found, dtype=np.float64)
    left, _, right = np.linalg.svd(found, full_matrices=False)
    return np.asarray(left @ right)


def heights(slices: Sequence[Slice], axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,), how far slices lie along their normal, mm."""
    where = np.array([each.position for each in slices])
    return np.asarray(where @ np.cross(*axes), dtype=np.float64)


def places(slices: Sequence[Slice], axes: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,), the number of the place of each slice, from the lowest, slices in order of height."""
    pixel = slices[0].pixel
    nearest = _SAME * min(pixel) if pixel is not None else 1e-3
    steps = np.diff(heights(slices, axes)) > nearest
    return np.concatenate([[0], np.cumsum(steps)])


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a stack lies: (4, 4), column, row and slice to mm to the left, back and up, and what is
    to be said of it."""

    affine: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def placed(name: str, slices: Sequence[Slice], axes: NDArray[np.float64]) -> Placed:
    """Where slices at places of their own, in order of height, lie. DataError where some are
    missing or their distances uneven by more than OFF."""
    first = slices[0]
    if first.pixel is None:
        raise DataError(f"{first.path}: no PixelSpacing, so the size of pixels is unknown.")
    affine = np.eye(4)
    affine[:3, 0] = axes[0] * first.pixel[1]
    affine[:3, 1] = axes[1] * first.pixel[0]
    affine[:3, 3] = first.position
    if len(slices) == 1:
        affine[:3, 2] = np.cross(*axes) * first.thickness
        return Placed(affine)
    _check_pixels(name, slices)
    _check_once(name, slices, axes)
    affine[:3, 2] = (slices[-1].position - first.position) / (len(slices) - 1)
    notes = _check_even(name, slices, axes)
    return Placed(affine, (*notes, *_check_beside(name, slices, affine)))


def _check_pixels(name: str, slices: Sequence[Slice]) -> None:
    sizes = np.array([each.pixel or (np.nan, np.nan) for each in slices])
    if not np.isfinite(sizes).all() or (np.ptp(sizes, axis=0) > 1e-3 * sizes.min()).any():
        low, high = np.nanmin(sizes), np.nanmax(sizes)
        raise DataError(
            f"{_folder(slices)}: the slices of series {name!r} have pixels of several sizes "
            f"({low:g} to {high:g} mm). Export the series again, or leave this case out "
            "(--cohort.exclude CASE)."
        )


def _check_once(name: str, slices: Sequence[Slice], axes: NDArray[np.float64]) -> None:
    again = np.flatnonzero(np.diff(places(slices, axes)) == 0)
    if again.size:
        one, other = (slices[int(again[0]) + i].place for i in (0, 1))
        raise DataError(
            f"{_folder(slices)}: series {name!r} has {again.size} slices at places that are taken, "
            f"such as {one} and {other}, and nothing in their headers tells them apart. They may "
            "be copies. Keep one volume in the folder."
        )


def _check_even(name: str, slices: Sequence[Slice], axes: NDArray[np.float64]) -> tuple[str, ...]:
    where = heights(slices, axes)
    steps = np.diff(where)
    usual = float(np.median(steps))
    count = np.maximum(np.round(steps / usual), 1)
    number = np.concatenate([[0], np.cumsum(count)])
    step, start = np.polyfit(number, where, 1)
    off = float(np.abs(where - (start + step * number)).max())
    allowed = max(OFF * abs(step), _ROUNDED)
    if off > allowed:
        raise DataError(
            f"{_folder(slices)}: the slices of series {name!r} lie {steps.min():.2f} to "
            f"{steps.max():.2f} mm apart, up to {off:.2f} mm off even distances ({allowed:.2f} are "
            "allowed). Uneven slices make no volume: resample them to one distance first."
        )
    missing = int(count.sum() - len(count))
    if missing:
        at = int(np.flatnonzero(count > 1)[0])
        raise DataError(
            f"{_folder(slices)}: series {name!r} lacks {missing} slice(s), the first between "
            f"{slices[at].place} and {slices[at + 1].place} ({steps[at]:.2f} mm apart, the others "
            f"{usual:.2f} mm). Export the series again, or leave this case out "
            "(--cohort.exclude CASE)."
        )
    if off <= max(_SAID * OFF * abs(step), _ROUNDED):
        return ()
    return (
        f"the slices of {name!r} lie {steps.min():.2f} to {steps.max():.2f} mm apart, up to "
        f"{off:.2f} mm off even distances; taken as {abs(step):.2f} mm apart",
    )


def _check_beside(
    name: str, slices: Sequence[Slice], affine: NDArray[np.float64]
) -> tuple[str, ...]:
    """Whether slices lie above one another: a shift of one within its plane."""
    where = np.array([each.position for each in slices])
    away = where - (affine[:3, 3] + np.arange(len(slices))[:, None] * affine[:3, 2])
    # In pixels along the two axes of the plane.
    beside = np.abs(away @ np.linalg.pinv(affine[:3, :2]).T).max(axis=1)
    worst = int(beside.argmax())
    if beside[worst] > _BESIDE:
        raise DataError(
            f"{_folder(slices)}: slice {slices[worst].place} of series {name!r} lies "
            f"{beside[worst]:.1f} pixels beside the line of the others. Slices that are shifted "
            "against each other make no volume: resample them first."
        )
    if beside[worst] <= _SAID * _BESIDE:
        return ()
    return (f"slices of {name!r} lie up to {beside[worst]:.1f} pixels beside one line; not moved",)


def _folder(slices: Sequence[Slice]) -> Path:
    first = slices[0]
    return first.path.parent if first.frame is None else first.path
