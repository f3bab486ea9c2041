"""Pictures turned as their orientation tag says (EXIF, TIFF)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# By the tag's value: whether rows and columns change places, then which of them are flipped.
_TURNS = {1: (False, False, False), 2: (False, False, True), 3: (False, True, True),
          4: (False, True, False), 5: (True, False, False), 6: (True, False, True),
          7: (True, True, True), 8: (True, True, False)}  # fmt: skip


def upright(values: NDArray, orientation: int, *, axis: int = 0) -> NDArray:
    """Values whose rows and columns are the axes `axis` and the next, as they are to be seen.
    orientation: 1 to 8; anything else says nothing.

    >>> upright(np.array([[1, 2, 3]]), 6).tolist()
    [[1], [2], [3]]
    """
    swap, rows, columns = _TURNS.get(orientation, _TURNS[1])
    if swap:
        values = np.swapaxes(values, axis, axis + 1)
    flips = (axis,) * rows + (axis + 1,) * columns
    return np.flip(values, flips) if flips else values
