"""What all trained generators share: scaling, the training, sampling, saving."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.arrays import Bools, Ints
from rarecase.features.moments import Moments, moments, warn_of_coarse
from rarecase.features.samples import Samples, epoch_batches, epoch_length, read_ahead
from rarecase.generators.base import Generator
from rarecase.generators.collapse import diagnose
from rarecase.generators.early_stopping import Average, Watch
from rarecase.generators.scale import Scale
from rarecase.numbers import plainly
from rarecase.seeds import numpy_rng, torch_rng, torch_seeded
from rarecase.training import Row, Schedule, Training, make_adam, run_epochs, training_key

Step = Callable[[Tensor, Tensor, torch.Generator, int], Tensor]
"""Scaled samples (n, *shape), class indices (n,), a source of randomness and how many steps were
done before: does one optimisation step and returns what the epoch sums up (k,)."""


@dataclass
class Player:
    """A network with its optimiser, both under Fabric. A gradient longer than `clip` is cut to it,
    and one that is not finite is left out."""

    fabric: Fabric
    net: Any
    optimizer: Any
    clip: float | None

    def step(self, loss: Tensor) -> None:
        """One step on a loss that is this network's alone."""
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.move()

    def move(self) -> None:
        """Go where the gradients point."""
        if self.clip is not None:
            length = self.fabric.clip_gradients(
                self.net, self.optimizer, max_norm=self.clip, error_if_nonfinite=False
            )
            if length is not None and not bool(torch.isfinite(length)):
                return
        self.optimizer.step()


@dataclass(frozen=True)
class Fitting:
    """What a step is made of: the networks as `players`; the training samples and their class
    indices (n,), for what must be known of them beforehand; a folder for what memory cannot
    hold."""

    fabric: Fabric
    players: Mapping[str, Player]
    optimizers: Mapping[str, torch.optim.Adam]
    samples: Samples
    label: Ints
    schedule: Schedule
    scratch: Path | None


class Neural(Generator):
    """A generator that trains networks.

    A subclass names its networks (`_networks`; the one called `SAMPLED` is sampled from, and with
    those named in `KEPT` it is saved), its step (`_step`, whose sums are called `SUMS`) and its
    schedule (`_schedule`); see `perceptrons` for what those of vectors share. After fitting also
    `diagnosis_` (see `collapse.diagnose`).
    """

    TABLES: ClassVar[tuple[str, ...]] = ("history", "diagnosis")
    SAMPLED: ClassVar[str] = "generator"
    KEPT: ClassVar[tuple[str, ...]] = ()
    SUMS: ClassVar[tuple[str, ...]]

    noise: Any  # dimensions of the noise
    average: float = 0.0  # decay of the moving average of weights that is sampled with; 0: none
    clip: float | None = None  # length to which gradients are cut; None: no guard

    diagnosis_: pd.DataFrame
    _nets: dict[str, nn.Module]
    _scale: Scale

    @abstractmethod
    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        """New networks by name, for samples of `shape_` with so many values."""

    @abstractmethod
    def _step(self, fit: Fitting) -> Step:
        """The optimisation step."""

    @abstractmethod
    def _schedule(self, samples: int) -> Schedule:
        """How long so many samples are learnt from."""

    def _check_settings(self) -> None:
        """Raise `SettingError` for one that cannot be."""

    def _fabric(self) -> Fabric:
        """Where to train unless told otherwise."""
        return Fabric(accelerator="cpu", devices=1)

    def _centred(self, found: Moments) -> bool:
        """Whether samples are scaled around their mean."""
        return True

    def _held_out(self, codes: Ints) -> Bools:
        """Samples (n,) that are not learnt from."""
        return np.zeros(len(codes), dtype=bool)

    def _watch(
        self, net: nn.Module, samples: Samples, codes: Ints, held: Bools, *, epochs: int
    ) -> Watch | None:
        """What decides where to stop."""
        return None

    def _seeds(self, use: str) -> tuple[str, ...]:
        """The texts that what is drawn for a use (weights, shuffle, noise, sample) derives from;
        other texts draw other numbers."""
        name = type(self).__name__
        own = {"weights": (name, "weights"), "sample": (name,)}
        return own.get(use, (f"{name} {use}",))

    def _draw(self, net: nn.Module, label: Tensor, random: torch.Generator) -> Tensor:
        """Scaled samples (n, …) of class indices `label` (n,) from the network to sample from: of
        noise and class, unless a subclass knows better."""
        z = torch.randn(len(label), self._noise, generator=random).to(label.device)
        return cast("Tensor", net(z, label))

    @property
    def _noise(self) -> int:
        return int(self.noise)

    def _row(self, sums: list[float], batches: int, seen: int) -> Row:
        """The sums of an epoch, its batches and its samples: what the history says of it."""
        return {name: value / batches for name, value in zip(self.SUMS, sums, strict=True)}

    def _fit(
        self, samples: Samples, codes: Ints, *, checkpoint: Path | None, fabric: Fabric | None
    ) -> None:
        self._check_settings()
        fabric = fabric or self._fabric()
        warn_of_coarse(samples)
        samples = samples.on(fabric.device)
        found = moments(samples)
        table = len(self.shape_) == 1
        self._scale = Scale.of(found, table=table, centred=self._centred(found))
        self._build()
        held = self._held_out(codes)
        kept = np.flatnonzero(~held)
        schedule = self._schedule(len(kept))
        optimizers = {n: make_adam(net, schedule, fused=True) for n, net in self._nets.items()}
        players = {}
        for name, net in self._nets.items():
            wrapped, tuned = fabric.setup(net, optimizers[name])
            players[name] = Player(fabric, wrapped, tuned, self.clip)
        fit = Fitting(
            fabric, players, optimizers, samples.only(kept) if held.any() else samples,
            codes[kept], schedule, scratch=None if checkpoint is None else checkpoint.parent,
        )  # fmt: skip
        net = self._nets[self.SAMPLED]
        average = Average(net, decay=self.average) if self.average else None
        shown = net if average is None else average.net
        watch = self._watch(shown, samples, codes, held, epochs=schedule.epochs)
        settings = self.get_params(deep=False) | {"random_state": self.seed_}
        key = training_key(
            self.seed_, found.digest, schedule, sorted(settings.items(), key=str),
            arrays=(codes, kept, self._scale.shift, self._scale.factor), modules=self._nets,
        )  # fmt: skip
        training = Training(
            "training the generator", self._epoch(fit, average), self._nets, optimizers, key,
            cure=f"lower lr (now {plainly(schedule.lr)})",
            beside={} if average is None else {"average": average.net},
        )  # fmt: skip
        if watch is not None:
            training = replace(
                training, beside={**training.beside, "best": watch.best},
                kept=watch.state, after=watch.look, over=lambda: watch.over,
            )  # fmt: skip
        passes = schedule.passes(epoch_length(len(kept), schedule.batch))
        self.history_ = pd.DataFrame(run_epochs(training, epochs=passes, checkpoint=checkpoint))
        if watch is not None and watch.state["epoch"]:
            shown = watch.best
        self._nets = {name: self._nets[name] for name in self.KEPT} | {self.SAMPLED: shown}
        self.diagnosis_ = diagnose(self, samples, codes)

    def _epoch(self, fit: Fitting, average: Average | None) -> Callable[[int], Row]:
        """One pass over the training samples."""
        step, device = self._step(fit), fit.fabric.device
        labels = torch.from_numpy(fit.label).to(device)
        shift, factor = self._scale.tensors(len(self.shape_), device)
        length = epoch_length(len(fit.samples), fit.schedule.batch)

        def epoch(number: int) -> Row:
            shuffle = numpy_rng(self.seed_, *self._seeds("shuffle"), number)
            batches = epoch_batches(len(fit.samples), fit.schedule.batch, shuffle)
            batches = batches[: fit.schedule.steps_in(number, length)]
            random = torch_rng(self.seed_, *self._seeds("noise"), number)
            sums, steps = None, (number - 1) * length
            for batch, values in read_ahead(fit.samples, batches, device=device):
                label = labels[torch.from_numpy(batch).to(device, non_blocking=True)]
                # No name for the scaled batch here: the step frees it when it is done with it.
                found = step(values.float().sub_(shift).div_(factor), label, random, steps)
                sums, steps = found if sums is None else sums + found, steps + 1
                if average is not None:
                    average.follow(steps)
            assert sums is not None
            return self._row(sums.tolist(), len(batches), sum(len(batch) for batch in batches))

        return epoch

    def _build(self) -> None:
        """New networks for `shape_` and `classes_`, their weights drawn from the seed."""
        with torch_seeded(self.seed_, *self._seeds("weights")):
            self._nets = self._networks(math.prod(self.shape_), len(self.classes_))

    def _vectors(self, net: nn.Module, code: int, block: int) -> NDArray[np.float32]:
        """Scaled samples of a block, (BLOCK, …)."""
        random = torch_rng(self.seed_, *self._seeds("sample"), self.classes_[code], block)
        label = torch.full((self.BLOCK,), code, device=next(net.parameters()).device)
        with torch.inference_mode():
            drawn = self._draw(net, label, random)
        return cast("NDArray[np.float32]", drawn.float().cpu().numpy())

    def _make(self, code: int, block: int) -> NDArray[np.float32]:
        drawn = self._vectors(self._nets[self.SAMPLED], code, block)
        return self._scale.undo(drawn.reshape(-1, *self.shape_))

    def _state(self) -> dict[str, NDArray[Any]]:
        weights = {
            f"{name}.{key}": value.cpu().numpy()
            for name, net in self._nets.items()
            for key, value in net.state_dict().items()
        }
        return self._scale.state() | weights

    def _set_state(self, arrays: dict[str, NDArray[Any]], *, device: str) -> None:
        self._scale = Scale.taken(arrays)
        self._build()
        self._nets = {name: self._nets[name] for name in (*self.KEPT, self.SAMPLED)}
        for name, net in self._nets.items():
            weights = {key: torch.from_numpy(arrays[f"{name}.{key}"]) for key in net.state_dict()}
            net.load_state_dict(weights)
            net.to(device).eval()
