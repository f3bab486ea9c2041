"""How an ACGAN is trained: both networks under Fabric, in pieces where maps are large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.features.moments import moments
from rarecase.features.samples import Samples
from rarecase.generators.loop import (
    History,
    Scale,
    Schedule,
    Training,
    make_adam,
    resume,
    run_epochs,
    training_key,
)
from rarecase.generators.paging import PagedMoments, page_moments, release_all
from rarecase.generators.step import Pair, piece_size, take_step


def adversarial_training(
    fabric: Fabric,
    generator: nn.Module,
    discriminator: nn.Module,
    samples: Samples,
    label: NDArray[np.int64],
    *,
    classes: int,
    noise: int,
    scale: Scale,
    schedule: Schedule,
    seed: int,
    checkpoint: Path | None,
) -> History:
    """Train the pair in place; return one history row an epoch.

    Rows: epoch (from 1), d_loss, g_loss, real_class_accuracy, fake_class_accuracy (of the
    discriminator, on the batches it was trained on), seconds. The classes asked of the generator
    are drawn uniformly, whatever their share in the data. With `checkpoint` every epoch is saved
    there, and a training found there is gone on with. Raises `RarecaseError` when a loss is no
    longer finite, `DataError` when the checkpoint is of another training.
    """
    modules = {"generator": generator, "discriminator": discriminator}
    optimizers = {name: make_adam(module, schedule) for name, module in modules.items()}
    piece = piece_size(generator, discriminator, batch=schedule.batch, device=fabric.device.type)
    g, g_optimizer = fabric.setup(generator, optimizers["generator"])
    d, d_optimizer = fabric.setup(discriminator, optimizers["discriminator"])
    key = training_key(
        moments(samples).digest, label, modules,
        scale=scale, schedule=schedule, seed=seed, settings=noise,
    )  # fmt: skip
    paged: list[PagedMoments] = []
    pair = Pair(
        fabric, g, d, g_optimizer, d_optimizer, piece,
        release=lambda: release_all(paged),
    )  # fmt: skip

    def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
        z = torch.randn(len(values), noise, generator=random)
        asked = torch.randint(classes, (len(values),), generator=random)
        z, asked = (drawn.to(fabric.device, non_blocking=True) for drawn in (z, asked))
        alone = [values]
        del values  # the step frees the batch when it is done with it
        return take_step(pair, alone.pop(), real_label, z, asked)

    training = Training("acgan", step, _row, modules, optimizers)
    history = resume(checkpoint, key, training)
    if piece is not None and fabric.device.type == "cpu":
        folder = None if checkpoint is None else checkpoint.parent
        paged += page_moments(list(optimizers.values()), folder=folder)
    return run_epochs(
        fabric, training, samples, label, scale=scale, schedule=schedule, seed=seed,
        history=history, checkpoint=checkpoint, key=key,
    )  # fmt: skip


def _row(sums: list[float], batches: int, seen: int) -> dict[str, float]:
    """The history row of an epoch."""
    d_loss, g_loss, real_right, fake_right = sums
    return {
        "d_loss": d_loss / batches,
        "g_loss": g_loss / batches,
        "real_class_accuracy": real_right / seen,
        "fake_class_accuracy": fake_right / seen,
    }
