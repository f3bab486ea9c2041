"""Shape of a mask, and how intensities lie in it (IBSI 3.1)."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import legendre
from scipy import fft
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from rarecase.arrays import Bools, Floats
from rarecase.features.radiomics.region import Region, Spacing

TERMS = 20  # of the series of an ellipsoid's surface, as IBSI has it
NAN = float("nan")


def shape_features(region: Region, *, spatial: bool = False) -> dict[str, float]:
    """Features of a region's mask; lengths in mm. What a mask of few voxels does not define is NaN.
    `spatial`: Moran's I and Geary's C besides, which take longer than all else."""
    corners, volume, area = _mesh(region.shape_mask, region.spacing)
    at: Floats = np.argwhere(region.shape_mask) * np.array(region.spacing)
    found = _surface(volume, area) | _axes(at, volume, area) | _boxes(corners, volume, area)
    found["approx_volume"] = len(at) * math.prod(region.spacing)
    if region.mask.any():
        where, values = np.argwhere(region.mask) * region.spacing, region.values
        found["integrated_intensity"] = volume * float(values.mean())
        weight = values.sum()
        centre = values @ where / weight if weight else np.full(3, np.nan)
        found["centre_of_mass_shift"] = float(np.linalg.norm(at.mean(axis=0) - centre))
        if spatial:
            found |= _autocorrelation(region)
    return {f"morph_{name}": value for name, value in found.items()}


def _mesh(mask: Bools, spacing: Spacing) -> tuple[Floats, float, float]:
    """Corners (n, 3), volume and area of the surface halfway between voxels in and out."""
    from skimage.measure import marching_cubes  # of the extra `imaging`

    padded = np.pad(mask, 1).astype(np.float32)
    corners, faces, *_ = marching_cubes(padded, 0.5, spacing=spacing)  # type: ignore[no-untyped-call]
    a, b, c = (corners[faces[:, k]].astype(np.float64) for k in range(3))
    volume = abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return corners.astype(np.float64), float(volume), float(area)


def _surface(volume: float, area: float) -> dict[str, float]:
    ball = (36 * math.pi * volume**2) ** (1 / 3)  # the area of a ball of that volume
    return {
        "volume": volume,
        "area": area,
        "surface_volume_ratio": area / volume,
        "comp_1": volume / (math.sqrt(math.pi) * area**1.5),
        "comp_2": 36 * math.pi * volume**2 / area**3,
        "sph_dispr": area / ball,
        "sphericity": ball / area,
        "asphericity": area / ball - 1,
    }


def _axes(at: Floats, volume: float, area: float) -> dict[str, float]:
    """Of the ellipsoid whose axes the voxels' principal components are."""
    spread = np.linalg.eigvalsh(np.cov(at.T)) if len(at) > 1 else np.zeros(3)
    c, b, a = (2 * math.sqrt(max(0.0, each)) for each in spread.tolist())
    solid = min(a, b, c) > 0
    return {
        "pca_major": 2 * a,
        "pca_minor": 2 * b,
        "pca_least": 2 * c,
        "pca_elongation": b / a if a else NAN,
        "pca_flatness": c / a if a else NAN,
        "vol_dens_aee": 3 * volume / (4 * math.pi * a * b * c) if solid else NAN,
        "area_dens_aee": area / _ellipsoid_area(a, b, c) if solid else NAN,
    }


def _ellipsoid_area(a: float, b: float, c: float) -> float:
    alpha, beta = math.sqrt(1 - (b / a) ** 2), math.sqrt(1 - (c / a) ** 2)
    if alpha == 0 or beta == 0:  # a ball, or next to one: the series' argument has no value
        means = ((a * b) ** 1.6 + (a * c) ** 1.6 + (b * c) ** 1.6) / 3
        return float(4 * math.pi * means ** (1 / 1.6))
    x = (alpha**2 + beta**2) / (2 * alpha * beta)
    terms = [
        (alpha * beta) ** v / (1 - 4 * v**2) * legendre.legval(x, [0] * v + [1])
        for v in range(TERMS + 1)
    ]
    return float(4 * math.pi * a * b * sum(terms))


def _boxes(corners: Floats, volume: float, area: float) -> dict[str, float]:
    """Of the box along the axes and of the convex hull."""
    sides = np.ptp(corners, axis=0)
    around = 2 * (sides[0] * sides[1] + sides[0] * sides[2] + sides[1] * sides[2])
    found = {
        "vol_dens_aabb": volume / float(np.prod(sides)),
        "area_dens_aab": area / float(around),
    }
    try:
        hull = ConvexHull(corners)
    except QhullError:
        return found | dict.fromkeys(
            ("vol_dens_conv_hull", "area_dens_conv_hull", "max_3d_diam"), NAN
        )
    return found | {
        "vol_dens_conv_hull": volume / hull.volume,
        "area_dens_conv_hull": area / hull.area,
        "max_3d_diam": float(pdist(corners[hull.vertices]).max()),
    }


def _autocorrelation(region: Region) -> dict[str, float]:
    """Moran's I and Geary's C with the inverse distance as weight, over all pairs of voxels: sums
    over pairs are sums over offsets, which a Fourier transform counts at once."""
    inside, n = region.mask.astype(np.float64), int(region.mask.sum())
    values = region.values
    spread = float(((values - values.mean()) ** 2).sum())
    if n < 2 or spread == 0:
        return {"moran_i": NAN, "geary_c": NAN}
    apart = np.where(region.mask, region.image - values.mean(), 0.0)
    size = [fft.next_fast_len(2 * side, real=True) for side in inside.shape]
    apart_by = [  # round the corner, as a Fourier transform counts
        np.minimum(np.arange(m), m - np.arange(m)) * step
        for m, step in zip(size, region.spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*apart_by, indexing="ij", sparse=True)
    distance = np.sqrt(z**2 + y**2 + x**2)
    with np.errstate(divide="ignore"):
        weight = fft.rfftn(np.where(distance > 0, 1 / distance, 0.0))

    def weighted(image: Floats) -> Floats:
        """For each voxel the sum of the others, each by its weight."""
        found = fft.irfftn(fft.rfftn(image, size) * weight, size)
        return np.asarray(found[tuple(slice(side) for side in inside.shape)])

    of_all = weighted(inside)
    total = float((inside * of_all).sum())
    together = float((apart * weighted(apart)).sum())
    squares = 2 * float((apart**2 * of_all * inside).sum()) - 2 * together
    return {
        "moran_i": n / total * together / spread,
        "geary_c": (n - 1) / (2 * total) * squares / spread,
    }
