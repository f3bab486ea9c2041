"""The training loop that every neural generator goes through: seeded by epoch, resumable to the
identical bits, with an average of the weights, a guard on gradients, and an early stop."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.checkpoint import load_tensors, load_training, save_training
from rarecase.errors import DataError, RarecaseError
from rarecase.features.moments import Moments, column_scale, safe_scale
from rarecase.features.samples import Samples, epoch_batches, read_ahead
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
    """What the networks see is (x − shift) / factor; both (channels,). Columns of a table that
    never vary are given back as the value they have: `still` (channels,), NaN where one varies."""

    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    still: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, found: Moments, *, table: bool, centred: bool) -> Self:
        """By the deviation around the mean (`centred`) or the root mean square; each column of a
        table by its own, channels of maps by what `safe_scale` makes of theirs."""
        shift = found.mean if centred else np.zeros_like(found.mean)
        spread = found.std if centred else found.rms
        if not table:
            return cls(shift, safe_scale(spread))
        still = np.where(found.std == 0, found.mean, np.float32(np.nan))
        return cls(shift, column_scale(spread), None if np.isnan(still).all() else still)

    def tensors(self, rank: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Shift and factor shaped to broadcast over samples of `rank` axes without the batch."""
        sides = (-1, *(1,) * (rank - 1))
        return (
            torch.from_numpy(self.shift).reshape(sides).to(device),
            torch.from_numpy(self.factor).reshape(sides).to(device),
        )

    def undo(self, made: Tensor) -> Tensor:
        """Values (n, *shape) that the networks made, in the data's units."""
        shift, factor = self.tensors(made.ndim - 1, made.device)
        values = made * factor + shift
        if self.still is None:
            return values
        still = torch.from_numpy(self.still).to(made.device)
        return torch.where(still.isnan(), values, still)

    def saved(self) -> dict[str, Tensor]:
        """What a file keeps of it, by name."""
        parts = {"shift": self.shift, "factor": self.factor, "still": self.still}
        return {
            f"scale.{name}": torch.from_numpy(part)
            for name, part in parts.items()
            if part is not None
        }

    @classmethod
    def taken(cls, tensors: dict[str, Tensor]) -> Self:
        """Read back what `saved` gave, out of `tensors`."""
        still = tensors.pop("scale.still", None)
        return cls(
            tensors.pop("scale.shift").numpy(),
            tensors.pop("scale.factor").numpy(),
            None if still is None else still.numpy(),
        )


Step = Callable[[Tensor, Tensor, torch.Generator, int], Tensor]
"""Scaled samples (n, *shape), class indices (n,), a source of randomness and how many steps were
done before: does one optimisation step and returns what the epoch sums up (k,)."""

Row = Callable[[list[float], int, int], dict[str, float]]
"""The sums of an epoch, its batches and its samples: what the history says of it."""


class Average:
    """An exponential moving average of a network's weights; what the network is sampled with.

    The decay rises to `decay` over the first steps, so that the start is soon forgotten.
    """

    def __init__(self, net: nn.Module, *, decay: float) -> None:
        self.source, self.decay = net, decay
        self.net = copy.deepcopy(net).requires_grad_(False)

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Move towards the network after so many steps in all."""
        share = 1 - min(self.decay, (1 + steps) / (10 + steps))
        for weight, theirs in zip(self.net.parameters(), self.source.parameters(), strict=True):
            weight.lerp_(theirs.detach(), share)
        for buffer, other in zip(self.net.buffers(), self.source.buffers(), strict=True):
            buffer.copy_(other)


class Watch:
    """Keeps the weights of `net` from the epoch with the lowest `criterion`, asked every `every`
    epochs; `over` after `patience` of them without a lower one."""

    def __init__(
        self, net: nn.Module, criterion: Callable[[], float], *, every: int, patience: int
    ) -> None:
        self.net, self.criterion, self.every, self.patience = net, criterion, every, patience
        self.best = copy.deepcopy(net).requires_grad_(False)
        self.lowest, self.epoch, self.since = math.inf, 0, 0

    def look(self, epoch: int) -> None:
        """After an epoch."""
        if epoch % self.every:
            return
        value = self.criterion()
        self.since += 1
        if value < self.lowest:
            self.lowest, self.epoch, self.since = value, epoch, 0
            self.best.load_state_dict(self.net.state_dict())

    @property
    def over(self) -> bool:
        return self.since >= self.patience

    def said(self) -> dict[str, float]:
        """What a checkpoint keeps beside the weights."""
        lowest = None if math.isinf(self.lowest) else self.lowest
        return cast(
            "dict[str, float]", {"lowest": lowest, "epoch": self.epoch, "since": self.since}
        )

    def resume(self, said: Mapping[str, Any]) -> None:
        """Take up what `said` kept."""
        self.lowest = math.inf if said["lowest"] is None else float(said["lowest"])
        self.epoch, self.since = int(said["epoch"]), int(said["since"])


@dataclass(frozen=True)
class Training:
    """What is trained: the step, the plain modules and optimisers behind it (for checkpoints), the
    source of its random names (`name`), and what is done beside it."""

    name: str
    step: Step
    row: Row
    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Adam]
    average: Average | None = None
    watch: Watch | None = None

    def kept(self) -> dict[str, nn.Module]:
        """Every module whose weights a checkpoint holds."""
        found = dict(self.modules)
        if self.average is not None:
            found["average"] = self.average.net
        if self.watch is not None:
            found["best"] = self.watch.best
        return found


def run_epochs(
    fabric: Fabric,
    training: Training,
    samples: Samples,
    label: NDArray[np.int64],
    *,
    scale: Scale,
    schedule: Schedule,
    seed: int,
    history: History,
    checkpoint: Path | None,
    key: str,
) -> History:
    """Train in place, from the end of `history` on; return one row an epoch.

    With `checkpoint` every epoch is saved there. Raises `RarecaseError` when what the step returns
    is no longer finite.
    """
    labels = torch.from_numpy(label).to(fabric.device)
    shift, factor = scale.tensors(len(samples.shape), fabric.device)
    left = math.inf if schedule.max_steps is None else schedule.max_steps
    steps = 0
    with task("training the generator", total=schedule.epochs) as bar:
        for epoch in range(1, schedule.epochs + 1):
            shuffle = numpy_rng(seed, f"{training.name} shuffle", epoch)
            batches = epoch_batches(len(samples), schedule.batch, shuffle)
            batches = batches[: int(min(len(batches), left))]
            left -= len(batches)
            if not batches or (training.watch is not None and training.watch.over):
                break
            if epoch <= len(history):
                steps += len(batches)
                bar.advance(1)
                continue
            began = time.perf_counter()
            for module in training.modules.values():
                module.train()
            sums: Tensor | None = None
            random = torch_rng(seed, f"{training.name} noise", epoch)
            for batch, values in read_ahead(samples, batches, device=fabric.device):
                real_label = labels[torch.from_numpy(batch).to(fabric.device, non_blocking=True)]
                # No name for the scaled batch here: the step frees it when it is done with it.
                found = training.step(
                    values.float().sub_(shift).div_(factor),
                    real_label, random, steps,
                )  # fmt: skip
                sums = found if sums is None else sums + found
                steps += 1
                if training.average is not None:
                    training.average.follow(steps)
            assert sums is not None
            _refuse_infinite(sums, epoch, schedule.lr)
            seen = sum(len(batch) for batch in batches)
            row = {"epoch": epoch, **training.row(sums.tolist(), len(batches), seen)}
            history.append({**row, "seconds": time.perf_counter() - began})
            if training.watch is not None:
                training.watch.look(epoch)
            if checkpoint is not None:
                meta: dict[str, Any] = {"key": key, "history": history}
                if training.watch is not None:
                    meta["watch"] = training.watch.said()
                save_training(
                    checkpoint, modules=training.kept(), optimizers=training.optimizers, meta=meta
                )
            first = list(row.items())[1:3]
            bar.advance(1, note=", ".join(f"{name} {value:.2f}" for name, value in first))
    for module in training.kept().values():
        module.eval()
    return history


def _refuse_infinite(sums: Tensor, epoch: int, lr: float) -> None:
    if not bool(torch.isfinite(sums).all()):
        raise RarecaseError(
            f"the loss is no longer finite in epoch {epoch} ({sums.tolist()}); lower lr (now "
            f"{lr:g})."
        )


def make_adam(module: nn.Module, schedule: Schedule) -> torch.optim.Adam:
    """Adam over a module's weights."""
    # Fused: one pass over the weights instead of one an operation; half the time of a step here.
    return torch.optim.Adam(module.parameters(), lr=schedule.lr, betas=schedule.betas, fused=True)


def training_key(
    values: str,
    label: NDArray[np.int64],
    modules: Mapping[str, nn.Module],
    *,
    scale: Scale,
    schedule: Schedule,
    seed: int,
    settings: object,
) -> str:
    """What a training hangs on, `values` being the digest of all samples; another key means that a
    checkpoint is of something else."""
    digest = hashlib.sha256()
    for part in (label, scale.shift, scale.factor):
        digest.update(part.tobytes())
    weights = [tuple(w.shape) for module in modules.values() for w in module.parameters()]
    return str(derive(seed, values, asdict(schedule), settings, weights, digest.hexdigest()))


def resume(checkpoint: Path | None, key: str, training: Training) -> History:
    """Take up a training from its checkpoint, if there is one; the history so far. `DataError`
    where it is another training's."""
    if checkpoint is None or not checkpoint.is_file():
        return []
    _, meta = load_tensors(checkpoint)
    if not isinstance(meta, dict) or meta.get("key") != key:
        raise DataError(
            f"{checkpoint}: a checkpoint of another training (other data, settings or seed); "
            "remove it, or give another place."
        )
    meta = load_training(checkpoint, modules=training.kept(), optimizers=training.optimizers)
    if training.watch is not None:
        training.watch.resume(meta["watch"])
    history: History = meta["history"]
    return history
