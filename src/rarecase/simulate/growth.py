"""When a front that starts somewhere arrives elsewhere: the eikonal equation |∇T| = 1 / speed.

Rouy & Tourin's upwind scheme (SIAM J. Numer. Anal. 29, 1992), relaxed over the whole box at once
until nothing changes within the volume that is requested; fast marching's solution (Sethian 1996)
without its heap. Tumour growth as a front in white-matter-weighted speed follows Konukoglu et
al., IEEE TMI 29, 2010.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rarecase.simulate.lattice import Array

FAR = np.float32(1e6)


def arrival_time(
    start: NDArray[np.bool_], speed: Array, *, step: float, voxels: int, most: int = 300
) -> Array:
    """Arrival time (x, y, z) of a front that leaves `start` at time 0.

    `speed` in mm per unit of time, 0 where nothing grows; points are `step` mm apart. Exact (for
    the scheme) in the `voxels` points that are reached first; beyond, an upper bound.
    """
    slowness = np.where(speed > 1e-4, step / np.maximum(speed, 1e-4), FAR).astype(np.float32)
    time = np.pad(np.where(start, np.float32(0), FAR), 1, constant_values=FAR)
    here = time[1:-1, 1:-1, 1:-1]
    voxels = min(voxels, here.size) - 1
    for sweep in range(most):
        before = here.copy() if sweep % 6 == 5 else None
        _relax(time, here, slowness)
        if before is not None:
            level = np.partition(before, voxels, axis=None)[voxels]
            near = before <= level
            if level < FAR and np.array_equal(before[near], here[near]):
                break
            if np.array_equal(before, here):
                break
    return here.copy()


def _relax(time: Array, here: Array, slowness: Array) -> None:
    """One upwind update of every point, in place; `here` is the inside of the padded `time`."""
    x = np.minimum(time[:-2, 1:-1, 1:-1], time[2:, 1:-1, 1:-1])
    y = np.minimum(time[1:-1, :-2, 1:-1], time[1:-1, 2:, 1:-1])
    z = np.minimum(time[1:-1, 1:-1, :-2], time[1:-1, 1:-1, 2:])
    low, high = np.minimum(x, y), np.maximum(x, y)
    first = np.minimum(low, z)
    third = np.maximum(high, z)
    second = np.maximum(low, np.minimum(high, z))
    # solve in differences from the earliest neighbour: absolute times would lose float32 digits
    b = np.minimum(second - first, slowness)
    c = np.minimum(third - first, 2 * slowness)
    two = 0.5 * (b + np.sqrt(np.maximum(2 * slowness**2 - b**2, 0)))
    total = b + c
    three = (total + np.sqrt(np.maximum(total**2 - 3 * (b**2 + c**2 - slowness**2), 0))) / 3
    delta = np.where(b >= slowness, slowness, np.where(c >= two, two, three))
    np.minimum(here, first + delta, out=here)
