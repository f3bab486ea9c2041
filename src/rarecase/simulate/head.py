"""What surrounds a brain: fluid, skull, fat, muscle, eyes, air; none of it is anybody's.

The template ends at the brain, so the rest is built of shells: of so many mm from the brain and so
many below the skin, uneven, over a face and neck of ellipsoids. It is there for a network to learn
that what is bright outside of the brain is no tumour, and looks right from afar only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.simulate.anatomy import Anatomy
from rarecase.simulate.lattice import Array, Axes, axis, resample, smooth_noise

OUTSIDE, FLUID, DURA, BONE, MARROW, FAT, MUSCLE, EYE, AIR, MUCOSA = range(10)
KINDS = 10
STEP = 4.0
GRID: Axes = (axis(-128, 128, STEP), axis(-128, 128, STEP), axis(-128, 128, STEP))


@dataclass(frozen=True)
class Head:
    """Fields on a box of points (x, y, z).

    `kind`: OUTSIDE … MUCOSA, where there is no brain; `depth`: mm from the surface of the brain,
    below 0 within it; `skin`: mm below the skin.
    """

    kind: NDArray[np.uint8]
    depth: Array
    skin: Array


def draw_head(
    rng: np.random.Generator, anatomy: Anatomy, target: Axes, *, brain: NDArray[np.bool_]
) -> Head:
    """The head around a brain on the box `target` (patient mm), where `brain` is known."""
    x, y, z = anatomy.to_template(GRID)
    inside = anatomy.tissue(GRID).brain
    from_brain = _signed(inside)
    scalp = rng.uniform(9, 20)
    body = (from_brain < scalp) | _face(x, y, z, scalp)
    below = resample(-_signed(body), GRID, target)
    depth = resample(from_brain, GRID, target)
    uneven = [_noise(rng, length, target) for length in (14.0, 14.0, 9.0, 6.0)]
    kind = _shells(rng, depth, below, uneven)
    _cavities(rng, kind, anatomy.to_template(target), below, uneven[3])
    kind[brain] = OUTSIDE
    return Head(kind, depth, below)


def _signed(mask: NDArray[np.bool_]) -> Array:
    """mm to the surface of a mask on `GRID`, below 0 within, smooth."""
    apart = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    return np.asarray(ndimage.gaussian_filter(STEP * apart, 1.2), np.float32)


def _face(x: Array, y: Array, z: Array, scalp: float) -> NDArray[np.bool_]:
    """Where the lower half of a head is: face, base of the skull, neck (template mm)."""
    face = ((x / 66) ** 2 + ((y - 22) / 72) ** 2 < 1) & (z < -18) & (z > -125)
    base = ((x / 72) ** 2 + ((y + 20) / 92) ** 2 < 1) & (z < -18) & (z > -70)
    neck = ((x / 58) ** 2 + ((y + 30) / 62) ** 2 < 1) & (z <= -60)
    nose = (np.abs(x) < 12) & (y < 100 + scalp / 2) & (y > 60) & (z < -30) & (z > -62)
    return np.asarray(face | base | neck | nose)


def _noise(rng: np.random.Generator, length: float, target: Axes) -> Array:
    step = max(STEP, length / 2)
    grid: Axes = (axis(-128, 128, step), axis(-128, 128, step), axis(-128, 128, step))
    shape = (len(grid[0]), len(grid[1]), len(grid[2]))
    return resample(smooth_noise(rng, shape, step=step, length=length), grid, target)


def _shells(
    rng: np.random.Generator, depth: Array, below: Array, uneven: list[Array]
) -> NDArray[np.uint8]:
    """Fluid, dura, bone and marrow from the brain outwards; fat under the skin, muscle between."""
    fluid, dura = rng.uniform(0.5, 5), rng.uniform(0.3, 1.2)
    table, marrow = rng.uniform(1.2, 2.5), rng.uniform(0.5, 5)
    fat = rng.uniform(1.5, 8)
    edges = np.cumsum([fluid, dura, table, marrow, table])
    at = depth * np.exp(0.25 * uneven[0])
    kind = np.full(depth.shape, MUSCLE, np.uint8)
    for edge, name in zip(edges[::-1], (BONE, MARROW, BONE, DURA, FLUID), strict=True):
        kind[at < edge] = name
    soft = at >= edges[-1]
    kind[soft & (below < fat * np.exp(0.3 * uneven[1]))] = FAT
    # far from the brain: vertebrae, jaws, the fat between muscles
    far = soft & (below > fat + 6)
    kind[far & (uneven[2] > 1.0)] = MARROW
    kind[far & (uneven[2] < -1.1)] = FAT
    kind[below <= 0] = OUTSIDE
    return kind


def _cavities(
    rng: np.random.Generator,
    kind: NDArray[np.uint8],
    at: tuple[Array, Array, Array],
    below: Array,
    uneven: Array,
) -> None:
    """Eyes, and air with its mucosa where nose, sinuses and ears are."""
    x, y, z = at
    deep = (below > 4) & np.isin(kind, (MUSCLE, FAT, BONE, MARROW))
    front = np.exp(-((x / 24) ** 2) - ((y - 55) / 30) ** 2 - ((z + 55) / 24) ** 2)
    ears = np.exp(-(((np.abs(x) - 55) / 10) ** 2) - ((y + 28) / 12) ** 2 - ((z + 36) / 10) ** 2)
    score = np.maximum(front, ears) + 0.35 * uneven
    level = rng.uniform(0.6, 0.9)
    kind[deep & (score > level - 0.12)] = MUCOSA
    kind[deep & (score > level)] = AIR
    radius = rng.uniform(10.5, 13)
    for side in (-1, 1):
        ball = np.sqrt((x - side * 32) ** 2 + (y - 62) ** 2 + (z + 38) ** 2)
        orbit = (ball < radius + 9) & (kind != OUTSIDE) & np.isin(kind, (MUSCLE, MUCOSA, AIR))
        kind[orbit] = FAT
        kind[(ball < radius) & (kind != OUTSIDE)] = EYE
