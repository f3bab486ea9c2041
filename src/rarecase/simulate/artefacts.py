"""What goes wrong in a scanner: coarse voxels, ghosts, motion; in the plane of x and y."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rarecase.simulate.lattice import Array


def coarser(image: Array, factor: float) -> Array:
    """As if voxels were `factor` times as wide in plane, brought back to the grid."""
    if factor <= 1:
        return image
    smooth = ndimage.gaussian_filter(image, (0.4 * factor, 0.4 * factor, 0), truncate=3)
    small = ndimage.zoom(
        smooth, (1 / factor, 1 / factor, 1), order=1, grid_mode=True, mode="nearest"
    )
    back = [a / b for a, b in zip(image.shape, small.shape, strict=True)]
    return np.asarray(
        ndimage.zoom(small, back, order=1, grid_mode=True, mode="nearest"), np.float32
    )


def ghosted(rng: np.random.Generator, image: Array, share: float) -> Array:
    """With faint copies along one direction of the plane, as what moves to and fro leaves."""
    if share <= 0:
        return image
    along, copies = int(rng.integers(2)), int(rng.integers(2, 5))
    step = image.shape[along] // copies
    ghosts = sum(np.roll(image, n * step, axis=along) for n in range(1, copies))
    return np.asarray((1 - share) * image + share / (copies - 1) * ghosts, np.float32)


def moved(rng: np.random.Generator, image: Array, reach: float) -> Array:
    """A head that moved while its k-space was filled: some lines know it `reach` voxels aside."""
    if reach <= 0:
        return image
    lines = image.shape[1]
    jumps = np.sort(rng.integers(0, lines, int(rng.integers(1, 4))))
    where = np.searchsorted(jumps, np.arange(lines), side="right")
    aside = rng.normal(0, reach, (len(jumps) + 1, 2))
    aside[0] = 0
    x, y = np.fft.fftfreq(image.shape[0]), np.fft.fftfreq(lines)
    turn = np.exp(-2j * np.pi * (np.outer(x, aside[where, 0]) + (y * aside[where, 1])[None]))
    k = np.fft.fft2(image, axes=(0, 1)) * turn[..., None]
    return np.abs(np.fft.ifft2(k, axes=(0, 1))).astype(np.float32)
