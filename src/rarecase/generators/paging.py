"""Adam's running moments in files that the system may drop from memory between steps.

Adam keeps two numbers for each weight and needs them only while it makes its step. For networks of
over a hundred million weights that is a gigabyte which activations could use. The moments lie in
memory-mapped files without a name; after a step their pages are given back, and come from the disk
(or the system's cache of it) when the next step wants them. The numbers are the same to the bit.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import torch

MOMENTS = ("exp_avg", "exp_avg_sq")


class PagedMoments:
    """The moments of Adam optimisers in files below `folder`; `release` gives their memory back.
    Where the system does not know how, they stay in memory.

    Make it after a checkpoint was loaded: moments that are there are taken over. Raises OSError
    when the disk has no room for them.
    """

    def __init__(self, optimizers: Iterable[torch.optim.Adam], *, folder: Path | None) -> None:
        self._maps: list[mmap.mmap] = []
        if not hasattr(mmap, "MADV_DONTNEED") or not hasattr(os, "posix_fallocate"):
            return
        for optimizer, group in ((each, g) for each in optimizers for g in each.param_groups):
            for parameter in group["params"]:
                state = optimizer.state[parameter]
                state.setdefault("step", torch.zeros((), dtype=torch.float32))
                for name in MOMENTS:
                    old = state.get(name)
                    state[name] = self._mapped(parameter, folder=folder)
                    if old is not None:
                        state[name].copy_(old)
        self.release()

    def _mapped(self, like: torch.Tensor, *, folder: Path | None) -> torch.Tensor:
        """Zeros of the shape and memory layout of `like`, in a file of their own."""
        size = like.numel() * like.element_size()
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is said now, not at a write
            mapped = mmap.mmap(file.fileno(), size)
        self._maps.append(mapped)
        flat = torch.frombuffer(mapped, dtype=like.dtype)
        return flat.as_strided(like.shape, like.stride())

    def release(self) -> None:
        """Give the pages back; what was written stays in the file."""
        for mapped in self._maps:
            mapped.madvise(mmap.MADV_DONTNEED)
