"""One seed for a study; every use derives its own from it and from its name.

Deriving by name (and by epoch) instead of drawing from one running state is what makes a killed
run end with the same numbers: there is no random state to lose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed that depends on `seed` and every name.

    >>> derive(0, "segmenter", 1) == derive(0, "segmenter", 1)
    True
    >>> derive(0, "segmenter", 1) == derive(0, "segmenter", 2)
    False
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_rng(seed: int, *names: object) -> np.random.Generator:
    """A NumPy generator for this use alone."""
    return np.random.default_rng(derive(seed, *names))


def torch_rng(seed: int, *names: object) -> torch.Generator:
    """A PyTorch CPU generator for this use alone."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *names))


@contextmanager
def torch_seeded(seed: int, *names: object) -> Iterator[None]:
    """Seed PyTorch's global generators (weights, dropout) for a block; restore them after it."""
    import torch

    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(derive(seed, *names))
        yield
