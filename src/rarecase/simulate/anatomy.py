"""A brain of one's own: the MNI152 template under an affine and an elastic deformation.

The template, its grey- and white-matter maps and its brain mask are those that nilearn ships
(ICBM 2009a nonlinear symmetric, 1 mm; Fonov et al., NeuroImage 54, 2011); nothing is fetched.
A patient's space is in mm, x to the right, y to the front, z up, with 0 at the middle of the brain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.simulate.lattice import Array, Axes, axis, resample, smooth_noise

CENTRE: Array = np.array([0.0, -17.0, 5.0], np.float32)
"""The middle of the template's brain, MNI mm."""

_LATTICE_STEP = 8.0
_SHRINK = 0.07
"""Log scale of the mean head: the template's brain mask holds 1.9 litres, a brain about 1.5."""
_SMOOTHING = 0.35
"""Standard deviation of the anti-aliasing filter, in target voxels."""


@dataclass(frozen=True)
class Tissue:
    """Tissue on a box of points, all (x, y, z) float32 in 0…1; the first three sum to `brain`."""

    white: Array
    grey: Array
    csf: Array
    brain: NDArray[np.bool_]
    detail: Array
    """T1 of the template beyond what the three tissues explain (deep nuclei, tracts)."""
    halo: Array
    """White matter beside the ventricles, where ageing brains are bright on FLAIR."""


@dataclass(frozen=True)
class _Template:
    maps: dict[str, Array]
    origin: Array
    stride: tuple[int, int, int] = (1, 1, 1)

    def points(self, mapped: tuple[Array, Array, Array]) -> list[Array]:
        """MNI mm as indices into the maps."""
        return [
            (values - o) / np.float32(k)
            for values, o, k in zip(mapped, self.origin, self.stride, strict=True)
        ]


@lru_cache(maxsize=1)
def _raw_template() -> _Template:
    from nilearn import datasets  # type: ignore[import-untyped,unused-ignore]

    mask = datasets.load_mni152_brain_mask(resolution=1)
    inside = np.asarray(mask.dataobj) > 0
    # a border of background, so that interpolation falls to 0 at the edge of the brain
    spans = [np.flatnonzero(inside.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    box = tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)

    def load(image: object) -> Array:
        return np.pad(np.asarray(image.dataobj, np.float32)[box], 4)  # type: ignore[attr-defined]

    brain = np.pad(inside[box], 4).astype(np.float32)
    white = load(datasets.load_mni152_wm_template(resolution=1)) * brain
    grey = load(datasets.load_mni152_gm_template(resolution=1)) * brain
    csf = np.clip(brain - white - grey, 0, 1)
    t1 = load(datasets.load_mni152_template(resolution=1)) * brain
    parts = np.stack([m[brain > 0][::50] for m in (white, grey, csf)], axis=1)
    weights, *_ = np.linalg.lstsq(parts, t1[brain > 0][::50], rcond=None)
    detail = (t1 - np.tensordot(weights.astype(np.float32), (white, grey, csf), 1)) * brain
    maps = {"white": white, "grey": grey, "csf": csf, "brain": brain, "detail": detail}
    maps["halo"] = _periventricular(maps)
    start = np.array([span[0] for span in spans]) - 4
    return _Template(maps, (start + mask.affine[:3, 3]).astype(np.float32))


def _periventricular(maps: dict[str, Array]) -> Array:
    """White matter within about 5 mm of the ventricles, 0…1; worked out at 3 mm."""
    small = {name: maps[name][::3, ::3, ::3] for name in ("brain", "csf", "white")}
    deep = ndimage.distance_transform_edt(small["brain"] > 0) * 3 > 24
    near = ndimage.gaussian_filter(small["csf"] * deep, 4 / 3)
    halo = np.clip(near * small["white"] * 8, 0, 1).astype(np.float32)
    factors = [a / b for a, b in zip(maps["brain"].shape, halo.shape, strict=True)]
    upsampled = ndimage.zoom(halo, factors, order=1, grid_mode=True, mode="nearest")
    return np.asarray(upsampled, np.float32)


_MAKING = Lock()  # patients are simulated side by side: the first makes it, the others wait


def _template(spacing: tuple[float, float, float]) -> _Template:
    """The template, low-passed for a grid of `spacing` mm."""
    with _MAKING:
        return _new_template(spacing)


@lru_cache(maxsize=6)
def _new_template(spacing: tuple[float, float, float]) -> _Template:
    raw = _raw_template()
    sigma = [_SMOOTHING * step if step > 1.3 else 0.0 for step in spacing]
    if not any(sigma):
        return raw
    # after the low-pass the fine grid holds nothing more: keep what a few copies cost small
    x, y, z = (max(1, min(3, int(step / 1.25))) for step in spacing)
    maps = {
        name: np.ascontiguousarray(
            ndimage.gaussian_filter(values, sigma, truncate=3)[::x, ::y, ::z]
        )
        for name, values in raw.maps.items()
    }
    return _Template(maps, raw.origin, (x, y, z))


@dataclass(frozen=True)
class Anatomy:
    """The map from a patient's space to the template: an affine and a displacement lattice."""

    matrix: Array
    shift: Array
    axes: Axes
    displacement: tuple[Array, Array, Array]
    csf_load: float
    """How much the CSF spaces are widened (over 1) or narrowed, as between young and old."""
    detail: float | None = None
    """Voxel size, mm, that the template is low-passed for; None: that of the grid."""

    def to_template(self, target: Axes) -> tuple[Array, Array, Array]:
        """MNI mm of every point of the box `target` (patient mm): three arrays (x, y, z)."""
        x, y, z = np.ix_(*target)
        mapped = []
        for row in range(3):
            m = self.matrix[row]
            linear = m[0] * x + m[1] * y + m[2] * z + (self.shift[row] + CENTRE[row])
            mapped.append(linear + resample(self.displacement[row], self.axes, target))
        return mapped[0], mapped[1], mapped[2]

    def tissue(self, target: Axes) -> Tissue:
        """The tissues on the box `target` (points in patient mm, regularly spaced)."""
        x, y, z = (self.detail or round(abs(float(a[1] - a[0])), 2) for a in target)
        template = _template((x, y, z))
        points = template.points(self.to_template(target))
        brain = _sample(template.maps["brain"], points) > 0.5
        inside = [values[brain] for values in points]
        white, grey, csf, detail, halo = (
            _scatter(_sample(template.maps[name], inside), brain)
            for name in ("white", "grey", "csf", "detail", "halo")
        )
        csf = csf * self.csf_load
        total = np.maximum(white + grey + csf, 1e-6)
        return Tissue(white / total, grey / total, csf / total, brain, detail, halo)

    def bounds(self) -> list[tuple[float, float]]:
        """Low and high patient mm of the brain along each axis, 10 mm to spare."""
        inside = self._coarse_brain()
        spans = []
        for i, others in enumerate(((1, 2), (0, 2), (0, 1))):
            hit = self.axes[i][inside.any(axis=others)]
            spans.append((float(hit[0]) - 10, float(hit[-1]) + 10))
        return spans

    def _coarse_brain(self) -> NDArray[np.bool_]:
        template = _template((4.0, 4.0, 4.0))
        points = template.points(self.to_template(self.axes))
        return np.asarray(_sample(template.maps["brain"], points) > 0.5)

    def pushed(self, centre: Array, *, radius: float, strength: float) -> Anatomy:
        """The same brain with a mass of `radius` mm at `centre` (patient mm) that pushes.

        Tissue at distance r of the centre comes from nearer to it, by `strength * radius` at
        the surface of the mass and fading beyond; nothing moves at the skull. `strength` 0…0.5.
        """
        to_skull = ndimage.distance_transform_edt(self._coarse_brain()) * _LATTICE_STEP
        free = np.clip(ndimage.gaussian_filter(to_skull, 1.0) / 25, 0, 1)
        offset = np.meshgrid(
            *(a - c for a, c in zip(self.axes, centre, strict=True)), indexing="ij"
        )
        distance = np.sqrt(sum(o**2 for o in offset)) / radius
        # rises to 1 at the surface, then falls with the distance; smooth at the centre
        push = strength * np.exp(0.5 - 0.5 * distance**2) + 0.3 * strength * np.exp(-distance / 2)
        moved = tuple(
            (d - push * free * o).astype(np.float32)
            for d, o in zip(self.displacement, offset, strict=True)
        )
        return replace(self, displacement=(moved[0], moved[1], moved[2]))


def _sample(values: Array, points: list[Array]) -> Array:
    return np.asarray(
        ndimage.map_coordinates(values, points, order=1, output=np.float32, prefilter=False)
    )


def _scatter(values: Array, where: NDArray[np.bool_]) -> Array:
    result = np.zeros(where.shape, np.float32)
    result[where] = values
    return result


def draw_anatomy(
    rng: np.random.Generator,
    *,
    spread: float = 1.0,
    turn: NDArray[np.float64] | None = None,
    detail: float | None = None,
) -> Anatomy:
    """A random brain: size ±4 %, tilt ±2.5°, shift ±2 mm, elastic displacement of about 2.3 mm.

    (Standard deviations; `spread` times as much of each.) The displacement has a slow part (32 mm)
    and a quick one (11 mm). `turn` (3, 3): the rotation from the patient's space to one in which
    the head is upright; `detail`: see `Anatomy`.
    """
    angles = rng.normal(0, np.deg2rad(2.5) * spread, 3)
    matrix = rotation(angles) @ np.diag(
        np.exp(rng.normal(_SHRINK, 0.035 * spread) + rng.normal(0, 0.02 * spread, 3))
    )
    axes = (axis(-92, 92, _LATTICE_STEP), axis(-112, 112, _LATTICE_STEP), axis(-96, 96, 8.0))
    if turn is not None:  # any of its sides may be the long one
        matrix, axes = matrix @ turn, (axes[1], axes[1], axes[1])
    shape = (len(axes[0]), len(axes[1]), len(axes[2]))
    slow = [smooth_noise(rng, shape, step=_LATTICE_STEP, length=32) for _ in range(3)]
    quick = [smooth_noise(rng, shape, step=_LATTICE_STEP, length=11) for _ in range(3)]
    field = [
        np.float32(spread) * (np.float32(2.0) * s + np.float32(1.1) * q)
        for s, q in zip(slow, quick, strict=True)
    ]
    return Anatomy(
        matrix=matrix.astype(np.float32),
        shift=rng.normal(0, 2 * spread, 3).astype(np.float32),
        axes=axes,
        displacement=(field[0], field[1], field[2]),
        csf_load=float(np.exp(rng.normal(0.6, 0.35))),
        detail=detail,
    )


def rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (3, 3) of rotations about x, y and z, radians, one after another."""
    result = np.eye(3)
    for first, second, angle in ((1, 2, angles[0]), (0, 2, angles[1]), (0, 1, angles[2])):
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        result = result @ turn
    return result
