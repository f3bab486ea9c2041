"""Shape of a mask in one slice. IBSI defines shape in volumes alone; these are their counterparts,
measured on the outline halfway between pixels in and out."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from rarecase.arrays import Bools, Floats

NAN = float("nan")


def flat_shape_features(mask: Bools, spacing: tuple[float, float]) -> dict[str, float]:
    """Features of a mask (y, x), not empty; `spacing` in mm, or 1 and 1 where it is not known.

    >>> square = np.ones((4, 4), bool)
    >>> found = flat_shape_features(square, (0.5, 0.5))
    >>> found["flat_approx_area"], found["flat_pca_elongation"]
    (4.0, 1.0)
    """
    from skimage.measure import find_contours  # of the extra `imaging`

    padded = np.pad(mask, 1).astype(np.float64)
    outlines = [line * spacing for line in find_contours(padded, 0.5)]  # type: ignore[no-untyped-call]
    perimeter = sum(float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) for line in outlines)
    area = abs(sum(_signed_area(line) for line in outlines))  # holes turn the other way
    at = np.argwhere(mask) * np.array(spacing)
    spread = np.linalg.eigvalsh(np.cov(at.T)) if len(at) > 1 else np.zeros(2)
    minor, major = (4 * math.sqrt(max(0.0, each)) for each in spread.tolist())
    found = {
        "area": area,
        "approx_area": len(at) * math.prod(spacing),
        "perimeter": perimeter,
        "perimeter_area_ratio": perimeter / area,
        "circularity": 2 * math.sqrt(math.pi * area) / perimeter,
        "pca_major": major,
        "pca_minor": minor,
        "pca_elongation": minor / major if major else NAN,
    } | _hull(np.concatenate(outlines), area, perimeter)
    return {f"flat_{name}": value for name, value in found.items()}


def _signed_area(line: Floats) -> float:
    y, x = line.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


def _hull(corners: Floats, area: float, perimeter: float) -> dict[str, float]:
    try:
        hull = ConvexHull(corners)
    except QhullError:
        return dict.fromkeys(("area_dens_conv_hull", "perimeter_dens_conv_hull", "max_diam"), NAN)
    return {
        "area_dens_conv_hull": area / hull.volume,  # in the plane the volume is the area
        "perimeter_dens_conv_hull": perimeter / hull.area,
        "max_diam": float(pdist(corners[hull.vertices]).max()),
    }
