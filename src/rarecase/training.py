"""The one training loop: epoch by epoch, resumable to the identical bits.

No random state is kept: an epoch draws from generators seeded by its number (see `rarecase.seeds`),
so that weights, optimisers and history are all that a checkpoint has to hold.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from rarecase.checkpoint import load_tensors, load_training, save_training
from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.progress import task
from rarecase.seeds import derive

log = logging.getLogger(__name__)
Row = Mapping[str, Any]
History = list[dict[str, Any]]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network is trained.

    Parameters
    ----------
    lr, betas
        Adam's learning rate and its decay rates of both moments.
    batch
        Samples per optimisation step.
    epochs
        Passes over the samples.
    decay
        "cosine" lets the rate fall to 0 at the end.
    max_steps
        Cuts the whole training short after so many steps; the last epoch may be partial.
    """

    lr: float
    batch: int
    epochs: int
    betas: tuple[float, float] = (0.9, 0.999)
    decay: Literal["constant", "cosine"] = "constant"
    max_steps: int | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or not self.lr > 0:
            raise SettingError(
                "epochs, batch, learning rate: expected at least 1, at least 1 and above 0, got "
                f"{self.epochs}, {self.batch}, {self.lr}."
            )

    def rate(self, step: int, *, steps: int) -> float:
        """Learning rate of optimisation step `step` (from 0) of `steps`."""
        if self.decay == "constant":
            return self.lr
        return self.lr * 0.5 * (1 + math.cos(math.pi * step / steps))

    def passes(self, length: int) -> int:
        """Epochs that are begun, an epoch having `length` steps.

        >>> Schedule(lr=0.1, batch=4, epochs=50, max_steps=10).passes(4)
        3
        """
        most = self.epochs * length if self.max_steps is None else self.max_steps
        return min(self.epochs, math.ceil(most / length))

    def steps_in(self, epoch: int, length: int) -> int:
        """Steps of epoch `epoch` (from 1), of `length` at most."""
        if self.max_steps is None:
            return length
        return max(0, min(length, self.max_steps - (epoch - 1) * length))


def make_adam(
    net: nn.Module | Sequence[nn.Module], schedule: Schedule, *, fused: bool = False
) -> torch.optim.Adam:
    """Adam over a network's weights, or over several parts of it with a rate of their own each;
    `fused` makes one pass over them instead of one per operation: half the time of a step where
    they are many, and other last bits."""
    parts = [net] if isinstance(net, nn.Module) else net
    groups = [{"params": list(part.parameters())} for part in parts]
    return torch.optim.Adam(groups, lr=schedule.lr, betas=schedule.betas, fused=fused)


@dataclass(frozen=True)
class Training:
    """What `run_epochs` trains.

    Parameters
    ----------
    name
        What the progress bar says.
    epoch
        Trains for one epoch, given its number from 1; returns what the history says of it, the
        first of it on the bar as well.
    modules, optimizers
        Whose state a checkpoint holds. Modules are set to training mode before each epoch.
    key
        What the training depends on (`training_key`): a checkpoint of another key is refused.
    cure
        What to do where a value of the history is no longer finite.
    beside
        Further modules whose weights a checkpoint holds: an average, the best ones so far.
    kept
        Further values (JSON) that a checkpoint holds; filled in from it.
    after
        Called after each epoch with its number; what it returns is one more row of the history.
    over
        Whether to stop before the next epoch.
    """

    name: str
    epoch: Callable[[int], Row]
    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    key: str
    cure: str
    beside: Mapping[str, nn.Module] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    after: Callable[[int], Row | None] = lambda epoch: None
    over: Callable[[], bool] = lambda: False

    @property
    def saved(self) -> dict[str, nn.Module]:
        """All modules whose weights a checkpoint holds."""
        return {**self.modules, **self.beside}


def run_epochs(training: Training, *, epochs: int, checkpoint: Path | None) -> History:
    """Train in place; return the history: a row per epoch with `epoch` (from 1) first and
    `seconds` last.

    With `checkpoint` (a file) every epoch is saved there, and a training found there is gone on
    with. Raises `RarecaseError` where a value is no longer finite, before it is saved, and
    `DataError` where the checkpoint is of another training.
    """
    history = _resume(training, checkpoint)
    done = history[-1]["epoch"] if history else 0
    if done:
        log.info("%s: going on after epoch %d", training.name, done)
    with task(training.name, total=epochs) as bar:
        bar.advance(done)
        for epoch in range(done + 1, epochs + 1):
            if training.over():
                break
            for module in training.modules.values():
                module.train()
            rows = [_timed(training, work, epoch) for work in (training.epoch, training.after)]
            history += [row for row in rows if row]
            if checkpoint is not None:
                save_training(
                    checkpoint,
                    modules=training.saved,
                    optimizers=training.optimizers,
                    meta={"key": training.key, "history": history, "kept": training.kept},
                )
            shown = [(k, v) for k, v in rows[0].items() if isinstance(v, float) and k != "seconds"]
            bar.advance(1, note=", ".join(f"{name} {value:.2f}" for name, value in shown[:2]))
    for module in training.saved.values():
        module.eval()
    return history


def _timed(training: Training, work: Callable[[int], Row | None], epoch: int) -> dict[str, Any]:
    """A row of the history; empty where the work says none."""
    began = time.perf_counter()
    row = work(epoch)
    if row is None:
        return {}
    refuse_infinite(row, epoch=epoch, cure=training.cure)
    return {"epoch": epoch, **row, "seconds": time.perf_counter() - began}


def refuse_infinite(row: Row, *, epoch: int, cure: str) -> None:
    """Raise `RarecaseError` where a value of an epoch's `row` is not finite."""
    for name, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise RarecaseError(f"{name} is no longer finite in epoch {epoch} ({value}); {cure}.")


def _resume(training: Training, checkpoint: Path | None) -> History:
    """Take up a training from its checkpoint, if there is one; the history so far."""
    if checkpoint is None or not checkpoint.is_file():
        return []
    _, meta = load_tensors(checkpoint)
    if not isinstance(meta, dict) or meta.get("key") != training.key:
        raise DataError(
            f"{checkpoint}: a checkpoint of another training (other data, settings or seed); "
            "remove it, or give another place."
        )
    load_training(checkpoint, modules=training.saved, optimizers=training.optimizers)
    training.kept.update(meta["kept"])
    history: History = meta["history"]
    return history


def training_key(
    seed: int, *facts: object, arrays: Iterable[np.ndarray] = (), modules: Mapping[str, nn.Module]
) -> str:
    """A digest of what a training depends on: the seed, `facts` (by their text), the bytes of
    `arrays` and the shapes of the weights."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    shapes = [tuple(weight.shape) for net in modules.values() for weight in net.parameters()]
    return str(derive(seed, facts, shapes, digest.hexdigest()))
