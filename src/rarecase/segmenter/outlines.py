"""How good a case's outline is, as those judge it who use it: overlap, distance, volume, misses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.arrays import Bools, Floats
from rarecase.segmenter.metrics import volume_dice

SCORES = ("dice", "iou", "slice_dice", "hd95", "volume_error", "volume", "lesions", "missed")
"""Columns of `outline_scores`."""


def outline_scores(
    predicted: NDArray[np.uint8],
    true: NDArray[np.uint8],
    *,
    numbers: NDArray[np.int64],
    spacing: Sequence[float] | None,
) -> dict[str, float]:
    """Scores of one case.

    Parameters
    ----------
    predicted, true
        Masks (n, h, w) of 0 and 1.
    numbers
        The slices' numbers in the case (n,); those that are left out hold nothing.
    spacing
        Millimetres of a pixel and between slices; None of pictures, whose distances and volumes are
        in pixels, and of which each slice stands for itself.

    Returns
    -------
    dict
        `dice`, `iou`: of all slices together. `slice_dice`: mean over the slices that hold a pixel
        of either. `hd95`: 95th percentile of the distances between both surfaces, the larger of
        both directions (as in BraTS), mm or pixels; NaN where one is empty. `volume_error`:
        predicted minus true volume, as a share of the true one; NaN without one. `volume`: the true
        one, ml or pixels. `lesions`: parts of the true mask that do not touch; `missed`: those of
        them in which nothing is predicted.
    """
    both = volume_dice(predicted, true, np.zeros(len(true))).iloc[0]
    shown = predicted.any(axis=(1, 2)) | true.any(axis=(1, 2))
    each = volume_dice(predicted[shown], true[shown], np.flatnonzero(shown))["dice"]
    if spacing is None:
        parts = [(p[None] > 0, t[None] > 0) for p, t in zip(predicted, true, strict=True)]
        sides = (1.0, 1.0, 1.0)
    else:
        parts = [(_volume(predicted, numbers), _volume(true, numbers))]
        sides = (float(spacing[1]), float(spacing[0]), float(spacing[0]))
    found = [_lesions(p, t) for p, t in parts]
    size, unit = float(true.sum()), 1.0 if spacing is None else float(np.prod(sides)) / 1e3
    return {
        "dice": float(both["dice"]),
        "iou": float(both["iou"]),
        "slice_dice": float(each.mean()) if len(each) else np.nan,
        "hd95": hausdorff_95(parts, sides),
        "volume_error": (float(predicted.sum()) - size) / size if size else np.nan,
        "volume": size * unit,
        "lesions": float(sum(count for count, _ in found)),
        "missed": float(sum(missed for _, missed in found)),
    }


def score_outlines(
    predicted: NDArray[np.uint8],
    true: NDArray[np.uint8],
    rows: pd.DataFrame,
    *,
    spacing: Sequence[float] | None,
) -> pd.DataFrame:
    """`outline_scores` of the one case whose slices `rows` are, as a table of one row."""
    numbers = rows["slice"].to_numpy(dtype=np.int64)
    scores = outline_scores(predicted, true, numbers=numbers, spacing=spacing)
    return pd.DataFrame([{"case": rows["case"].iloc[0], "slices": len(rows), **scores}])


def hausdorff_95(parts: Sequence[tuple[Bools, Bools]], sides: tuple[float, float, float]) -> float:
    """The 95th percentile of surface distances over pairs of masks (d, h, w), voxels of such sides;
    the larger of both directions. Pairs of which one is empty do not count; NaN without any."""
    there: tuple[list[Floats], list[Floats]] = ([], [])
    for one, other in parts:
        if not one.any() or not other.any():
            continue
        box, flat = _around(one | other), one.shape[0] == 1
        surfaces = [_surface(mask[box], flat=flat) for mask in (one, other)]
        for way, (start, goal) in zip(there, (surfaces, surfaces[::-1]), strict=True):
            way.append(ndimage.distance_transform_edt(~goal, sampling=sides)[start])
    if not there[0]:
        return np.nan
    return max(float(np.percentile(np.concatenate(way), 95)) for way in there)


def _volume(masks: NDArray[np.uint8], numbers: NDArray[np.int64]) -> Bools:
    """Slices at their places in the case."""
    found = np.zeros((int(np.ptp(numbers)) + 1, *masks.shape[1:]), dtype=bool)
    found[numbers - numbers.min()] = masks > 0
    return found


def _surface(mask: Bools, *, flat: bool) -> Bools:
    """Voxels of the mask with a face outside of it; of a picture, which is `flat`, above and below
    are not outside."""
    cross = ndimage.generate_binary_structure(3, 1)
    if flat:
        cross = cross & np.array([False, True, False])[:, None, None]
    return np.asarray(mask & ~ndimage.binary_erosion(mask, cross, border_value=0))


def _around(mask: Bools) -> tuple[slice, ...]:
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    return tuple(box)


def _lesions(predicted: Bools, true: Bools) -> tuple[int, int]:
    """How many parts the true mask has, and in how many of them nothing is predicted."""
    named, count = ndimage.label(true, np.ones((3, 3, 3)))
    hit = np.unique(named[predicted & true])
    return int(count), int(count - hit.size)
