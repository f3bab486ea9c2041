"""A tumour grown in white matter: core, oedema, and what of the core takes up contrast agent.

Grown on its own 3 mm lattice around the seed, whatever the size of the image. Each part is the
region where a field, in mm and smooth, is over 0; the volume is set by the level, the shape by the
speed of growth in each tissue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.simulate.anatomy import Anatomy, Tissue
from rarecase.simulate.growth import arrival_time
from rarecase.simulate.lattice import Array, Axes, axis, resample, smooth_noise
from rarecase.simulate.traits import LEAST_ENHANCING, Traits

STEP = 3.0
_HALF = 66.0
_MOST_OF_BOX = 0.5


@dataclass(frozen=True)
class Tumour:
    """Fields on the tumour's lattice: over 0 inside, about mm from the surface."""

    axes: Axes
    core: Array
    whole: Array
    enhancing: Array
    texture: Array
    traits: Traits


@dataclass(frozen=True)
class Parts:
    """Share of each voxel (0…1) of an image box that is oedema, enhancing, or other core."""

    oedema: Array
    enhancing: Array
    inner: Array
    whole: Array
    texture: Array


Region = Callable[[Tissue, Array, Array, Array, Array], NDArray[np.bool_]]
"""Where something may start, given tissue, depth under the surface of the brain (mm, below 0
outside) and the template's x, y and z."""
UPRIGHT: Axes = (axis(-80, 80, 4), axis(-100, 100, 4), axis(-80, 84, 4))
"""A grid that holds an upright brain."""


def deep_white(tissue: Tissue, depth: Array, x: Array, y: Array, z: Array) -> NDArray[np.bool_]:
    """Deep in the white matter of the cerebrum."""
    cerebrum = (z > -12) & ((y > -30) | (z > 8)) & (np.abs(x) > 12)
    return np.asarray((tissue.white > 0.6) & cerebrum & (depth > 14) & (z < 52))


def place(
    rng: np.random.Generator, anatomy: Anatomy, *, where: Region = deep_white, grid: Axes = UPRIGHT
) -> Array:
    """A point (patient mm) of the region, all places of the grid (steps of 4 mm) alike."""
    tissue = anatomy.tissue(grid)
    brain = tissue.brain
    depth = ndimage.distance_transform_edt(brain) - ndimage.distance_transform_edt(~brain)
    spots = np.argwhere(where(tissue, 4 * depth, *anatomy.to_template(grid)))
    spot = spots[rng.integers(len(spots))]
    return np.array([grid[i][spot[i]] for i in range(3)], np.float32)


def grow_tumour(
    rng: np.random.Generator, anatomy: Anatomy, *, seed: Array, traits: Traits
) -> Tumour:
    """Grow the tumour of `traits` from the point `seed` (patient mm)."""
    axes = tuple(axis(c - _HALF, c + _HALF, STEP) for c in seed.tolist())
    box: Axes = (axes[0], axes[1], axes[2])
    tissue = anatomy.tissue(box)
    shape = tissue.white.shape
    rough, fine, spots, texture = (
        smooth_noise(rng, shape, step=STEP, length=length) for length in (10.0, 4.5, 5.0, 4.0)
    )
    uneven = np.exp(traits.irregularity * (0.8 * rough + 0.6 * fine))
    room = int(tissue.brain.sum() * _MOST_OF_BOX)
    core_voxels = min(max(round(traits.core_ml * 1e3 / STEP**3), 8), room)
    whole_voxels = min(round(core_voxels * (1 + traits.oedema_ratio)), room)

    start = np.zeros(shape, bool)
    start[tuple(n // 2 for n in shape)] = True
    unwalled = _open_box(shape)
    speed = (tissue.white + 0.75 * tissue.grey + 0.15 * tissue.csf) * uneven * unwalled
    time = arrival_time(start, speed, step=STEP, voxels=core_voxels + core_voxels // 2)
    level = _level(time, core_voxels)
    core = _field(time, level)

    # oedema does not feel the core's unevenness: its shape is that of the white matter
    water = tissue.white**3 + traits.oedema_in_grey * tissue.grey + 0.02 * tissue.csf
    water = water * np.exp(0.3 * traits.irregularity * rough) * unwalled
    spread = arrival_time(core > 0, water, step=STEP, voxels=whole_voxels + whole_voxels // 4)
    whole = np.maximum(_field(spread, _level(spread, whole_voxels)), core)
    return Tumour(box, core, whole, enhancing_field(core, fine, spots, traits), texture, traits)


def _open_box(shape: tuple[int, ...]) -> Array:
    """1 where a tumour may grow, 0 on the two outermost layers of the lattice, beyond which
    nothing is known: no tumour may touch them."""
    return np.pad(np.ones([n - 4 for n in shape], np.float32), 2)


def _level(time: Array, voxels: int) -> float:
    """The time at which `voxels` points have been reached, or the wall of the lattice if sooner:
    a tumour that large stays smaller than requested rather than being cut off flat."""
    wanted = float(np.partition(time, voxels - 1, axis=None)[voxels - 1])
    wall = np.ones(time.shape, bool)
    wall[3:-3, 3:-3, 3:-3] = False
    return min(wanted, float(time[wall].min()))


def _field(time: Array, level: float) -> Array:
    """Level minus time, cut so that places never reached do not ring when interpolated."""
    return np.asarray(np.clip(level - time, -12, None), np.float32)


def enhancing_field(core: Array, fine: Array, spots: Array, traits: Traits) -> Array:
    """A rim of uneven thickness where much of the core enhances, nodules where little does."""
    inside = core > 0
    if traits.enhancing < LEAST_ENHANCING:
        return np.full(core.shape, -12, np.float32)
    depth = core * np.exp(0.35 * fine)
    scale = float(depth[inside].mean())
    rim = float(np.clip((traits.enhancing - 0.1) / 0.2, 0, 1))
    score = rim * depth + (1 - rim) * scale * (1 + spots)
    level = float(np.quantile(score[inside], min(traits.enhancing, 0.98)))
    return np.asarray(np.clip(level - score, -12, 12), np.float32)


def tumour_parts(
    tumour: Tumour, target: Axes, *, within: NDArray[np.bool_], thick: bool = True
) -> Parts:
    """The tumour on an image box: slices average over their thickness, if they are as `thick` as
    they are apart.

    `target` in patient mm; nothing grows outside of `within`, voxels of the same box.
    """
    spacing = abs(float(target[2][1] - target[2][0])) if thick and len(target[2]) > 1 else STEP
    cuts = max(1, round(spacing / STEP))
    offsets = ((np.arange(cuts) + 0.5) / cuts - 0.5) * spacing
    fine: Axes = (target[0], target[1], (target[2][:, None] + offsets).astype(np.float32).ravel())
    core, whole, bright, texture = (
        resample(field, tumour.axes, fine)
        for field in (tumour.core, tumour.whole, tumour.enhancing, tumour.texture)
    )
    margin = tumour.traits.margin_mm
    in_core = _soft(core, margin)
    in_whole = np.maximum(_soft(whole, 1.0 + margin), in_core)
    in_bright = in_core * _soft(bright, 1.0)

    def average(values: Array) -> Array:
        merged = values.reshape(*values.shape[:2], -1, cuts).mean(axis=3)
        return np.asarray(merged * within, np.float32)

    return Parts(
        oedema=average(in_whole - in_core),
        enhancing=average(in_bright),
        inner=average(in_core - in_bright),
        whole=average(in_whole),
        texture=average(texture),
    )


def _soft(field: Array, width: float) -> Array:
    """0…1 over `width` mm on either side of the surface, smoothly."""
    t = np.clip(0.5 + field / (2 * width), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def label_parts(parts: Parts) -> NDArray[np.uint8]:
    """BraTS labels: 1 necrotic or non-enhancing core, 2 oedema, 4 enhancing; 0 elsewhere.

    A voxel is tumour where more than half of it is, and gets the label of its largest part.
    """
    stack = np.stack([parts.inner, parts.oedema, parts.enhancing])
    names = np.array([1, 2, 4], np.uint8)
    labels = names[stack.argmax(axis=0)]
    labels[parts.whole <= 0.5] = 0
    return np.asarray(labels, np.uint8)
