"""The adversarial training loop: Fabric, epoch-seeded, resumable to the identical bits."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.checkpoint import load_tensors, load_training, save_training
from rarecase.errors import DataError, RarecaseError
from rarecase.features.samples import Samples, epoch_batches, read_ahead
from rarecase.generators.paging import PagedMoments, page_moments, release_all
from rarecase.generators.step import Pair, piece_size, take_step
from rarecase.progress import task
from rarecase.seeds import derive, numpy_rng, torch_rng

History = list[dict[str, float]]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: Adam's `lr` and `betas`, `batch` samples a step, `epochs` passes.

    `max_steps` cuts the whole training short after so many steps (the last epoch may be partial).
    """

    lr: float
    betas: tuple[float, float]
    batch: int
    epochs: int
    max_steps: int | None


@dataclass(frozen=True)
class Scale:
    """What the networks see is (x − shift) / factor; both (channels,)."""

    shift: NDArray[np.float32]
    factor: NDArray[np.float32]

    def tensors(self, rank: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Shift and factor shaped to broadcast over samples of `rank` axes without the batch."""
        sides = (-1, *(1,) * (rank - 1))
        return (
            torch.from_numpy(self.shift).reshape(sides).to(device),
            torch.from_numpy(self.factor).reshape(sides).to(device),
        )


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
    optimizers = {
        "generator": _adam(generator, schedule),
        "discriminator": _adam(discriminator, schedule),
    }
    modules = {"generator": generator, "discriminator": discriminator}
    piece = piece_size(generator, discriminator, batch=schedule.batch, device=fabric.device.type)
    g, g_optimizer = fabric.setup(generator, optimizers["generator"])
    d, d_optimizer = fabric.setup(discriminator, optimizers["discriminator"])
    key = _key(samples, label, modules, scale=scale, schedule=schedule, seed=seed, noise=noise)
    history: History = []
    if checkpoint is not None and checkpoint.is_file():
        history = _resume(checkpoint, key, modules, optimizers)
    paged: list[PagedMoments] = []
    if piece is not None and fabric.device.type == "cpu":
        folder = None if checkpoint is None else checkpoint.parent
        paged = page_moments(list(optimizers.values()), folder=folder)
    pair = Pair(
        fabric, g, d, g_optimizer, d_optimizer, piece,
        release=lambda: release_all(paged),
    )  # fmt: skip
    labels = torch.from_numpy(label).to(fabric.device)
    left = math.inf if schedule.max_steps is None else schedule.max_steps
    with task("training the generator", total=schedule.epochs) as bar:
        for epoch in range(1, schedule.epochs + 1):
            shuffle = numpy_rng(seed, "acgan shuffle", epoch)
            batches = epoch_batches(len(samples), schedule.batch, shuffle)
            batches = batches[: int(min(len(batches), left))]
            left -= len(batches)
            if not batches:
                break
            if epoch <= len(history):
                bar.advance(1)
                continue
            began = time.perf_counter()
            generator.train()
            sums = torch.zeros(4, device=fabric.device)  # not every device has float64
            random = torch_rng(seed, "acgan noise", epoch)
            shift, factor = scale.tensors(len(samples.shape), fabric.device)
            for batch, values in read_ahead(samples, batches):
                real_label = labels[torch.from_numpy(batch).to(fabric.device)]
                z = torch.randn(len(batch), noise, generator=random).to(fabric.device)
                asked = torch.randint(classes, (len(batch),), generator=random).to(fabric.device)
                # No name for the scaled batch here: the step frees it when it is done with it.
                sums += take_step(
                    pair,
                    values.to(fabric.device).float().sub_(shift).div_(factor),
                    real_label, z, asked,
                )  # fmt: skip
            row = _row(epoch, sums.tolist(), batches, schedule.lr, time.perf_counter() - began)
            history.append(row)
            if checkpoint is not None:
                meta = {"key": key, "history": history}
                save_training(checkpoint, modules=modules, optimizers=optimizers, meta=meta)
            bar.advance(1, note=f"D {row['d_loss']:.2f}, G {row['g_loss']:.2f}")
    generator.eval()
    discriminator.eval()
    return history


def _row(
    epoch: int, sums: list[float], batches: list[NDArray[np.int64]], lr: float, seconds: float
) -> dict[str, float]:
    """The history row of an epoch; refuses losses that are not finite."""
    d_loss, g_loss, real_right, fake_right = sums
    if not (math.isfinite(d_loss) and math.isfinite(g_loss)):
        raise RarecaseError(
            f"the loss is no longer finite in epoch {epoch} (discriminator {d_loss}, "
            f"generator {g_loss}); lower lr (now {lr:g})."
        )
    seen = sum(len(batch) for batch in batches)
    return {
        "epoch": epoch,
        "d_loss": d_loss / len(batches),
        "g_loss": g_loss / len(batches),
        "real_class_accuracy": real_right / seen,
        "fake_class_accuracy": fake_right / seen,
        "seconds": seconds,
    }


def _adam(module: nn.Module, schedule: Schedule) -> torch.optim.Adam:
    # Fused: one pass over the weights instead of one an operation; half the time of a step here.
    return torch.optim.Adam(module.parameters(), lr=schedule.lr, betas=schedule.betas, fused=True)


def _key(
    samples: Samples,
    label: NDArray[np.int64],
    modules: dict[str, nn.Module],
    *,
    scale: Scale,
    schedule: Schedule,
    seed: int,
    noise: int,
) -> str:
    """What a training hangs on; another key means that a checkpoint is of something else."""
    digest = hashlib.sha256()
    for part in (label, scale.shift, scale.factor):
        digest.update(part.tobytes())
    weights = [tuple(w.shape) for module in modules.values() for w in module.parameters()]
    return str(derive(seed, samples.shape, asdict(schedule), noise, weights, digest.hexdigest()))


def _resume(
    checkpoint: Path,
    key: str,
    modules: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Adam],
) -> History:
    _, meta = load_tensors(checkpoint)
    if not isinstance(meta, dict) or meta.get("key") != key:
        raise DataError(
            f"{checkpoint}: a checkpoint of another training (other data, settings or seed); "
            "remove it, or give another place."
        )
    meta = load_training(checkpoint, modules=modules, optimizers=optimizers)
    history: History = meta["history"]
    return history
