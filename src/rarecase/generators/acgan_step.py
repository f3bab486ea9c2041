"""One optimisation step of discriminator and generator, in whole or in pieces.

In pieces the same losses and gradients are summed over a few samples at a time, and the
generator's maps are made twice, so that what is held in memory is one network's activations of a
piece and not both networks' of a batch. The discriminator has no batch norm, so the sums are the
batch's; the generator, which has, always makes the whole batch.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from sklearn.utils import gen_batches
from torch import Tensor, nn

from rarecase.generators.losses import discriminator_loss, generator_loss

MOMENTS = ("exp_avg", "exp_avg_sq")  # Adam's names
# Bytes of activations from which a step is done in pieces, by kind of device.
LEAN_ABOVE = {"cpu": 512 * 2**20, "cuda": 8 * 2**30, "mps": 2 * 2**30}
PIECE = 128 * 2**20  # bytes of activations that a piece may take


class PagedMoments:
    """The moments of Adam optimisers in files below `folder`; `release` gives their memory back.

    Adam keeps two numbers for each weight and needs them only while it makes its step. For networks
    of over a hundred million weights that is a gigabyte which activations could use. The moments
    lie in memory-mapped files without a name; after a step their pages are given back, and come
    from the disk (or the system's cache of it) when the next step wants them. The numbers are the
    same to the bit. Where the system does not know how, they stay in memory.

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


@dataclass
class Pair:
    """Both networks as Fabric wraps them, their optimisers, how many samples make a piece (None:
    the whole batch at once), and the moments whose memory is given back after each step."""

    fabric: Fabric
    generator: Any
    discriminator: Any
    generator_optimizer: Any
    discriminator_optimizer: Any
    piece: int | None
    paged: PagedMoments | None = None

    def release(self) -> None:
        if self.paged is not None:
            self.paged.release()


def piece_size(
    generator: nn.Module, discriminator: nn.Module, *, batch: int, device: str = "cpu"
) -> int | None:
    """Samples a piece for networks that know their `activations` a sample; None: all at once.

    Counted from the shapes alone, never from the memory that happens to be free: how a batch is cut
    moves the last bits of the result.
    """
    counts = [getattr(net, "activations", 0) for net in (generator, discriminator)]
    if 4 * batch * (counts[0] + 2 * counts[1]) <= LEAN_ABOVE.get(device, LEAN_ABOVE["cpu"]):
        return None
    return max(1, PIECE // (4 * 2 * counts[1]))


def take_step(pair: Pair, real: Tensor, real_label: Tensor, z: Tensor, asked: Tensor) -> Tensor:
    """A step of the discriminator, then one of the generator, on a batch.

    Returns d_loss, g_loss, and how many classes of real and of synthetic samples were called right.
    """
    if pair.piece is None:
        fake = pair.generator(z, asked)
        d_loss, rights = _discriminator_step(pair, real, real_label, fake.detach(), asked)
        return torch.stack([d_loss, _generator_step(pair, fake, asked), *rights])
    with torch.no_grad(), _statistics_kept(pair.generator):
        fake = pair.generator(z, asked)
    d_loss, rights = _discriminator_step(pair, real, real_label, fake, asked)
    pair.discriminator_optimizer.zero_grad()  # its gradients take memory that the next step needs
    del fake, real
    fake = pair.generator(z, asked)
    return torch.stack([d_loss, _generator_step(pair, fake, asked), *rights])


def _discriminator_step(
    pair: Pair, real: Tensor, real_label: Tensor, fake: Tensor, asked: Tensor
) -> tuple[Tensor, list[Tensor]]:
    pair.discriminator_optimizer.zero_grad()
    total, rights = real.new_zeros(()), [real.new_zeros(()), real.new_zeros(())]
    for part in gen_batches(len(real), pair.piece or len(real)):
        share, n = len(real[part]) / len(real), len(real[part])
        # One pass over both halves: without batch norm they cannot meet.
        source, logits = pair.discriminator(torch.cat([real[part], fake[part]]))
        loss = discriminator_loss(
            (source[:n], logits[:n]), real_label[part], (source[n:], logits[n:]), asked[part]
        )
        pair.fabric.backward(loss * share)
        guess = logits.detach().argmax(1)
        total = total + loss.detach().float() * share
        rights[0] = rights[0] + (guess[:n] == real_label[part]).sum()
        rights[1] = rights[1] + (guess[n:] == asked[part]).sum()
    pair.discriminator_optimizer.step()
    pair.release()
    return total, rights


def _generator_step(pair: Pair, fake: Tensor, asked: Tensor) -> Tensor:
    """Gradients of the synthetic samples, piece by piece; then once through the generator."""
    pair.discriminator.requires_grad_(False)  # no gradients of its weights are needed
    pair.generator_optimizer.zero_grad()
    leaf = fake.detach().requires_grad_()
    total = fake.new_zeros((), dtype=torch.float32)
    for part in gen_batches(len(leaf), pair.piece or len(leaf)):
        share = len(leaf[part]) / len(leaf)
        loss = generator_loss(pair.discriminator(leaf[part]), asked[part])
        pair.fabric.backward(loss * share)
        total = total + loss.detach().float() * share
    gradient, leaf.grad = leaf.grad, None
    assert gradient is not None
    del leaf
    pair.fabric.backward(fake, gradient=gradient / _scale(pair.fabric))
    pair.generator_optimizer.step()
    pair.release()
    pair.generator_optimizer.zero_grad()
    pair.discriminator.requires_grad_(True)
    return total


def _scale(fabric: Fabric) -> float:
    """What Fabric multiplies a loss by (in float16 alone): a gradient that it made has it already,
    and would get it twice."""
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    return 1.0 if scaler is None else float(scaler.get_scale())


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Batch norms use the batch's own statistics and do not add them to the running ones: the same
    batch comes through once more."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
