"""Smooth fields on a box of regularly spaced points, and their values on any other box.

Everything smooth in a simulated patient (displacement, bias field, arrival times of the tumour)
lives on a lattice of its own, given in mm, so that one seed gives the same patient at every
image size; only what a scanner adds (noise, point spread) belongs to the image grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, ndimage

Array = NDArray[np.float32]
Axes = tuple[Array, Array, Array]


def axis(start: float, stop: float, step: float) -> Array:
    """Points from `start` to at least `stop`, `step` mm apart.

    >>> axis(0, 5, 2).tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    return (start + step * np.arange(int(np.ceil((stop - start) / step)) + 1)).astype(np.float32)


def resample(values: Array, source: Axes, target: Axes) -> Array:
    """Values of a lattice at the points of another box, by separable cubic splines.

    `values` (x, y, z) belongs to the points `source`; points outside take the value of the
    nearest face. As both boxes have the same axes, three small matrices do the whole work.

    >>> a = np.arange(4, dtype=np.float32)
    >>> cube = np.broadcast_to(a, (4, 4, 4))
    >>> float(resample(cube, (a, a, a), (a[:1], a[:1], np.float32([1.5])))[0, 0, 0])
    1.5
    """
    result = np.asarray(values, np.float32)
    for have, want in zip(source, target, strict=True):
        inside = np.clip(want, have[0], have[-1])
        weights = interpolate.make_interp_spline(have, np.eye(len(have)), k=3)(inside)
        # contracts the first axis and appends the new one: three times restores the order
        result = np.tensordot(result, weights.astype(np.float32), axes=(0, 1))
    return np.ascontiguousarray(result)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int, int], *, step: float, length: float
) -> Array:
    """Gaussian noise of mean 0 and standard deviation 1, smooth over about `length` mm.

    White noise on points `step` mm apart, filtered by a Gaussian of standard deviation `length`.
    """
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, length / step, mode="wrap", truncate=3)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)
