"""Maps at fewer pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional


def shrunk(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Maps (n, c, h, w), or (n, c, d, h, w), at `size`, its last two or three sides, by averaging.

    Samples and channels go as one axis: an axis of a single channel has whatever stride it was born
    with (0 from NumPy), and where CUDA's kernel trusts it, every sample gets what is the first's.

    >>> shrunk(torch.tensor([0.0, 2.0, 4.0, 4.0]).reshape(1, 1, 1, 4), (1, 2)).flatten().tolist()
    [1.0, 4.0]
    """
    pool: Any = functional.adaptive_avg_pool2d
    if len(size) == 3:
        pool = functional.adaptive_avg_pool3d
    small: torch.Tensor = pool(maps.flatten(0, 1), tuple(size))
    return small.reshape(*maps.shape[:2], *small.shape[1:])
