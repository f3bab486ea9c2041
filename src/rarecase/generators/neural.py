"""What the generators for vectors share: scaling, networks, the training loop, saving."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase import __version__
from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.cohort.splits import validation_patients
from rarecase.errors import DataError
from rarecase.features.moments import moments, warn_of_coarse
from rarecase.features.samples import Samples, epoch_length
from rarecase.files import replacing_file, write_json
from rarecase.generators import checks
from rarecase.generators.base import Generator
from rarecase.generators.collapse import diagnose, energy_distance
from rarecase.generators.loop import (
    Average,
    Scale,
    Schedule,
    Step,
    Training,
    Watch,
    make_adam,
    resume,
    run_epochs,
    training_key,
)
from rarecase.generators.saving import read_settings, saved_card, saved_table, written_settings
from rarecase.seeds import torch_rng, torch_seeded

LARGEST = 2 * 2**30  # bytes of weights, gradients and moments that a training may take
CHECKS = 10  # looks at held-out samples in a whole training
PATIENCE = 4  # looks without a lower distance after which a training ends


@dataclass
class Player:
    """A network with its optimiser, both under Fabric. A gradient longer than `clip` is cut to it,
    and one that is not finite is left out."""

    fabric: Fabric
    net: Any
    optimizer: Any
    clip: float | None

    @classmethod
    def of(
        cls, fabric: Fabric, net: nn.Module, optimizer: torch.optim.Adam, *, clip: float | None
    ) -> Self:
        """A network and its optimiser, brought under Fabric."""
        wrapped, tuned = fabric.setup(net, optimizer)
        return cls(fabric, wrapped, tuned, clip)

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


class Neural(Generator):
    """A generator of vectors (d,), and of other shapes flattened to them, made of perceptrons.

    Settings: `hidden` widths; `noise` dimensions; Adam's `lr` and `betas` (None: the class's own,
    `LR` and `BETAS`); `batch_size`; `steps` of optimisation; `average`, the decay of the moving
    average of weights that samples are drawn with (0: none); `clip`, the length to which gradients
    are cut (None: no guard); `holdout`, a share of the training patients that is not learnt from
    and only decides where to stop (0: none). Vectors are standardised inside, each column by its
    own deviation; one that never varies comes back as it is. After fitting also `diagnosis_` (see
    `collapse.diagnose`).

    A subclass names its networks (`_networks`; the one called `SAMPLED` is sampled from) and its
    step (`_step`, whose sums are called `SUMS`).
    """

    BLOCK: ClassVar[int] = 64
    SAMPLED: ClassVar[str] = "generator"
    SUMS: ClassVar[tuple[str, ...]]
    LR: ClassVar[float] = 2e-4
    BETAS: ClassVar[tuple[float, float]] = (0.5, 0.999)

    diagnosis_: pd.DataFrame

    def __init__(
        self,
        *,
        hidden: tuple[int, ...] = (256, 256),
        noise: int = 32,
        lr: float | None = None,
        betas: tuple[float, float] | None = None,
        batch_size: int = 64,
        steps: int = 2000,
        average: float = 0.99,
        clip: float | None = 10.0,
        holdout: float = 0.0,
        sampling_strategy: Any = "auto",
        random_state: Any = 0,
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.hidden = hidden
        self.noise = noise
        self.lr = lr
        self.betas = betas
        self.batch_size = batch_size
        self.steps = steps
        self.average = average
        self.clip = clip
        self.holdout = holdout

    @abstractmethod
    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        """New networks by name, for vectors of so many features."""

    @abstractmethod
    def _step(
        self, players: Mapping[str, Player], X: NDArray[np.float32], label: NDArray[np.int64]
    ) -> Step:
        """The optimisation step. `X` (n, d), `label` (n,): all scaled training vectors and their
        class indices, for what must be known of them beforehand."""

    def _draw(self, net: nn.Module, label: Tensor, random: torch.Generator) -> Tensor:
        """Scaled vectors (n, d) of class indices `label` (n,) from the network to sample from: of
        noise and class, unless a subclass knows better."""
        z = torch.randn(len(label), self.noise, generator=random).to(label.device)
        made: Tensor = net(z, label)
        return made

    def _fit(
        self,
        samples: Samples,
        codes: NDArray[np.int64],
        *,
        checkpoint: Path | None,
        fabric: Fabric | None,
    ) -> None:
        self._check_settings()
        fabric = fabric or Fabric(accelerator="cpu", devices=1)
        warn_of_coarse(samples)
        samples = samples.on(fabric.device)
        found = moments(samples)
        self._scale = Scale.of(found, table=len(self.shape_) == 1, centred=True)
        self._nonnegative = found.nonnegative
        self._build()
        held = self._held_out(codes)
        kept = np.flatnonzero(~held)
        training_samples, label = _picked(samples, kept), codes[kept]
        schedule = self._schedule(len(kept))
        optimizers = {name: make_adam(net, schedule) for name, net in self._nets.items()}
        players = {
            name: Player.of(fabric, net, optimizers[name], clip=self.clip)
            for name, net in self._nets.items()
        }
        sampled = self._nets[self.SAMPLED]
        average = Average(sampled, decay=self.average) if self.average else None
        shown = sampled if average is None else average.net
        training = Training(
            type(self).__name__,
            self._step(players, self._scaled(training_samples), label),
            self._row,
            self._nets,
            optimizers,
            average=average,
            watch=self._watch(shown, samples, codes, held, epochs=schedule.epochs),
        )
        key = training_key(
            found.digest, label, training.kept(), scale=self._scale, schedule=schedule,
            seed=self.seed_,
            settings=(sorted(self._saved_settings().items(), key=str), kept.tolist()),
        )  # fmt: skip
        history = run_epochs(
            fabric, training, training_samples, label, scale=self._scale, schedule=schedule,
            seed=self.seed_, history=resume(checkpoint, key, training),
            checkpoint=checkpoint, key=key,
        )  # fmt: skip
        self.history_ = pd.DataFrame(history)
        best = training.watch is not None and training.watch.epoch > 0
        self._net = training.watch.best if best and training.watch is not None else shown
        self.diagnosis_ = diagnose(self, samples, codes)

    def _row(self, sums: list[float], batches: int, seen: int) -> dict[str, float]:
        return {name: value / batches for name, value in zip(self.SUMS, sums, strict=True)}

    def _build(self) -> None:
        """New networks for `shape_` and `classes_`, their weights drawn from `random_state`."""
        features = math.prod(self.shape_)
        with torch.device("meta"):
            weights = sum(
                weight.numel()
                for net in self._networks(features, len(self.classes_)).values()
                for weight in net.parameters()
            )
        if 16 * weights > LARGEST:  # weights, gradients, two moments; 4 bytes each
            raise DataError(
                f"X: {type(self).__name__} is made of perceptrons, and for samples of "
                f"{self.shape_} ({features:,} values) would need {16 * weights / 2**30:.0f} GiB to "
                "train. ACGAN takes maps with convolutions; `tumour` vectors are small."
            )
        with torch_seeded(self.seed_, type(self).__name__, "weights"):
            self._nets = self._networks(features, len(self.classes_))
        self._net = self._nets[self.SAMPLED]

    def _held_out(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Samples of the patients that only the early stop looks at."""
        names = [str(who) for who in self._patients]
        label = {name: str(code) for name, code in zip(names, codes, strict=True)}
        held = set(validation_patients(label, self.holdout, self.seed_))
        return np.array([name in held for name in names])

    def _schedule(self, samples: int) -> Schedule:
        """`steps` in passes over so many samples."""
        epochs = math.ceil(self.steps / epoch_length(samples, self.batch_size))
        lr, betas = self.lr or self.LR, self.betas or self.BETAS
        return Schedule(lr, betas, self.batch_size, epochs, self.steps)

    def _watch(
        self,
        net: nn.Module,
        samples: Samples,
        codes: NDArray[np.int64],
        held: NDArray[np.bool_],
        *,
        epochs: int,
    ) -> Watch | None:
        """An early stop on the energy distance to held-out training samples, class by class."""
        rows = {code: np.flatnonzero(held & (codes == code)) for code in range(len(self.classes_))}
        rows = {code: mine for code, mine in rows.items() if len(mine) > 1}
        if not rows:
            return None
        real = {code: self._scaled(_picked(samples, mine)) for code, mine in rows.items()}

        def distance() -> float:
            before, self._net = self._net, net
            mode = net.training
            net.eval()
            made = {
                code: np.concatenate([self._vectors(code, block) for block in range(4)])
                for code in real
            }
            net.train(mode)
            self._net = before
            return float(np.mean([energy_distance(real[c], made[c]) for c in real]))

        return Watch(net, distance, every=max(1, epochs // CHECKS), patience=PATIENCE)

    def _scaled(self, samples: Samples) -> NDArray[np.float32]:
        """All samples as the networks see them, (n, d)."""
        sides = (-1, *(1,) * (len(self.shape_) - 1))
        values = samples.array().astype(np.float32, copy=False)
        scaled = (values - self._scale.shift.reshape(sides)) / self._scale.factor.reshape(sides)
        return np.asarray(scaled.reshape(len(values), -1))

    def _vectors(self, code: int, block: int) -> NDArray[np.float32]:
        """Scaled vectors of a block, (BLOCK, d)."""
        random = torch_rng(self.seed_, type(self).__name__, self.classes_[code], block)
        device = next(self._net.parameters()).device
        label = torch.full((self.BLOCK,), code, device=device)
        with torch.inference_mode():
            made = self._draw(self._net, label, random)
        return cast("NDArray[np.float32]", made.float().cpu().numpy())

    def _make(self, code: int, block: int) -> NDArray[np.float32]:
        made = torch.from_numpy(self._vectors(code, block)).reshape(-1, *self.shape_)
        values = self._scale.undo(made).numpy()
        return np.maximum(values, 0) if self._nonnegative else values

    def save(self, directory: Path | str) -> None:
        """Write generator.safetensors, generator.json, history.csv and diagnosis.csv into
        `directory`."""
        self._check_fitted()
        settings, directory = written_settings(self._saved_settings()), Path(directory)
        tensors = self._scale.saved()
        tensors |= {f"net.{key}": value for key, value in self._net.state_dict().items()}
        directory.mkdir(parents=True, exist_ok=True)
        save_tensors(directory / "generator.safetensors", tensors)
        for name, table in (("history.csv", self.history_), ("diagnosis.csv", self.diagnosis_)):
            with replacing_file(directory / name) as beside:
                table.to_csv(beside, index=False)
        write_json(
            directory / "generator.json",
            {
                "kind": type(self).__name__,
                "version": __version__,
                "classes": self.classes_,
                "trained_on": self.trained_on_,
                "shape": list(self.shape_),
                "nonnegative": self._nonnegative,
                "settings": settings,
            },
        )

    @classmethod
    def load(cls, directory: Path | str, *, device: str = "cpu") -> Self:
        """Read back what `save` wrote; the samples are the same. `DataError` when it is not one."""
        directory = Path(directory)
        said = saved_card(directory, cls.__name__)
        made = cls(**read_settings(said["settings"]))
        made.seed_ = made.random_state
        made.classes_, made.trained_on_ = said["classes"], said["trained_on"]
        made.shape_, made._nonnegative = tuple(said["shape"]), said["nonnegative"]
        made.history_ = saved_table(directory / "history.csv")
        made.diagnosis_ = saved_table(directory / "diagnosis.csv")
        tensors, _ = load_tensors(directory / "generator.safetensors")
        made._scale = Scale.taken(tensors)
        made._build()
        made._net.load_state_dict({k.removeprefix("net."): v for k, v in tensors.items()})
        made._net.to(device).eval()
        return made

    def _check_settings(self) -> None:
        checks.widths("hidden", self.hidden)
        for name, lowest in (("steps", 1), ("batch_size", 2), ("noise", 1)):
            checks.whole(name, getattr(self, name), low=lowest)
        for name, value in (("lr", self.lr), ("clip", self.clip)):
            if value is not None:
                checks.above_zero(name, value)
        if self.betas is not None:
            checks.betas(self.betas)
        for name in ("average", "holdout"):
            checks.share(name, getattr(self, name))


def _picked(samples: Samples, rows: NDArray[np.int64]) -> Samples:
    """Some of the samples."""
    return samples if len(rows) == len(samples) else samples.only(rows)
