"""What a run will cost, before it runs: time measured on this machine, memory, disk.

The speed of every kind of training step and forward pass is measured for a moment on made-up
numbers of the study's real shapes, and multiplied by how often the study needs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightning_fabric
import numpy as np
import pandas as pd
import torch

from rarecase.classifiers import FeatureCNN
from rarecase.cohort import Cohort, count_slices
from rarecase.features import feature_shape
from rarecase.generators import ACGAN
from rarecase.segmenter import Augmentation, UNet
from rarecase.segmenter.augment import apply, draw
from rarecase.segmenter.losses import dice_loss
from rarecase.study.amounts import real_training_slices, resolve_amounts
from rarecase.study.compute import make_fabric
from rarecase.study.grid import cells_of, folds_of
from rarecase.study.settings import Settings
from rarecase.study.step import peak_memory


@dataclass(frozen=True)
class Cost:
    """One line of the estimate: `times` repetitions of `seconds` each, `disk` bytes in all."""

    step: str
    times: int
    seconds: float
    disk: int

    @property
    def total(self) -> float:
        return self.times * self.seconds


@dataclass(frozen=True)
class Estimate:
    """The whole estimate. `memory` in bytes: the peak of this process while it measured, plus
    what the run will hold in memory at once. `slices` in the cohort."""

    costs: tuple[Cost, ...]
    memory: int
    slices: int

    @property
    def seconds(self) -> float:
        return sum(cost.total for cost in self.costs)

    @property
    def disk(self) -> int:
        return sum(cost.disk for cost in self.costs)


def _rate(once: Callable[[], None], *, samples: int, budget: float = 1.0) -> float:
    """Seconds a sample: one call to warm up, then calls until `budget` seconds have gone."""
    once()
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < budget:
        once()
        calls += 1
    return (time.perf_counter() - start) / (calls * samples)


def unet_rates(
    settings: Settings, *, channels: int, fabric: lightning_fabric.Fabric
) -> tuple[float, float]:
    """Seconds to train on a slice, and to predict one."""
    shape, batch, size = settings.segmenter, settings.segmenter.batch, settings.slices.size
    net = UNet(in_channels=channels, width=shape.width, depth=shape.depth, norm=shape.norm)
    optimizer = torch.optim.Adam(net.channels_last().parameters(), lr=1e-9)
    wrapped, tuned = fabric.setup(net, optimizer)
    images = torch.rand(batch, channels, size, size)
    masks = (torch.rand(batch, 1, size, size) > 0.9).float()
    generator = torch.Generator().manual_seed(0)

    def train() -> None:
        drawn = draw(Augmentation(), batch, generator=generator)
        moved, target = apply(drawn, images, masks)
        ready = fabric.to_device(moved.contiguous(memory_format=torch.channels_last))
        loss = dice_loss(wrapped(ready), fabric.to_device(masks if target is None else target))
        tuned.zero_grad()
        fabric.backward(loss)
        tuned.step()
        loss.item()

    @torch.no_grad()
    def predict() -> None:
        ready = fabric.to_device(images.contiguous(memory_format=torch.channels_last))
        wrapped(ready).sum().item()

    return _rate(train, samples=batch), _rate(predict, samples=batch)


def estimate(settings: Settings, *, cohort: Cohort, folds: pd.DataFrame) -> Estimate:
    """Measure and multiply. Takes some seconds (with the paper's network about a minute)."""
    fabric = make_fabric(settings.compute)
    counts = pd.DataFrame(
        [(c.patient, count_slices(c)) for c in cohort.cases], columns=["patient", "n"]
    )
    rows = counts.loc[counts.index.repeat(counts["n"]), ["patient"]]
    slices, real = len(rows), real_training_slices(rows, folds)
    per_repeat = folds_of(folds)
    cells = len(cells_of(per_repeat, seeds=settings.generator.seeds))
    fits = sum(len(numbers) for numbers in per_repeat.values())
    amounts = resolve_amounts(settings.sweep.amounts, real=real)
    made = settings.generator.made or 2 * max(amounts)
    size, channels = settings.slices.size, len(cohort.channels)

    pretrained = settings.pretrain.cohort is not None
    inputs = len(settings.pretrain.channels or "four") if pretrained else channels
    train_rate, predict_rate = unet_rates(settings, channels=inputs, fabric=fabric)
    net = UNet(in_channels=inputs, width=settings.segmenter.width, depth=settings.segmenter.depth)
    weights = 4 * sum(p.numel() for p in net.parameters())
    block = settings.features.block
    shape = feature_shape(net, block=block, height=size, width=size)
    values = int(np.prod(shape))
    gan_rate, cnn_rate = head_rates(settings, shape=shape, classes=len(cohort.classes))

    steps = min(
        settings.generator.epochs * (real // settings.generator.batch + 1),
        settings.generator.max_steps or 10**9,
    )
    trained = sum(real + amount for amount in amounts) * settings.classifier.epochs
    fitting = real * (1 - settings.split.validation)
    unet = settings.segmenter.epochs * (
        fitting * train_rate + real * settings.split.validation * predict_rate
    )
    costs = [Cost("slices", 1, slices * 0.012, slices * size * size * (4 * channels + 1))]
    if pretrained:
        others = sum(settings.pretrain.patients.values()) * settings.simulation.slices
        costs.append(Cost("pretrain", 1, settings.pretrain.epochs * others * train_rate, weights))
    costs += [
        Cost(
            "segmenter",
            fits,
            unet + slices * predict_rate,
            fits * (weights + slices * size**2 // 8),
        ),
        Cost("features", fits, slices * predict_rate, fits * slices * values * 2),
        Cost(
            "synthetic",
            cells,
            steps * settings.generator.batch * gan_rate,
            cells * made * values * 2,
        ),
        Cost("classified", cells, trained * cnn_rate, 0),
    ]
    memory = peak_memory() + min(real * values * 2, 2**30)
    return Estimate(costs=tuple(costs), memory=memory, slices=slices)


def head_rates(settings: Settings, *, shape: tuple[int, ...], classes: int) -> tuple[float, float]:
    """Seconds a sample of one generator step, and of one classifier step."""
    samples = max(4 * settings.generator.batch, 32)
    rng = np.random.default_rng(0)
    X = rng.random((samples, *shape), dtype=np.float32)
    y = np.array([f"class {i % classes}" for i in range(samples)])
    chosen = settings.generator
    gan = ACGAN(
        width=chosen.width,
        hidden=(chosen.hidden_generator, chosen.hidden_discriminator),
        batch_size=chosen.batch,
        epochs=1,
    )
    cnn = FeatureCNN(
        channels=tuple(settings.classifier.channels),
        dense=settings.classifier.dense,
        batch_size=settings.classifier.batch,
        epochs=1,
    )
    gan_rate = _rate(lambda: _quiet(lambda: gan.fit(X, y)), samples=samples)
    if len(shape) == 1:
        return gan_rate, 1e-5
    return gan_rate, _rate(lambda: _quiet(lambda: cnn.fit(X, y)), samples=samples)


def _quiet(call: Callable[[], object]) -> None:
    call()


def human_time(seconds: float) -> str:
    """Seconds in words.

    >>> human_time(5), human_time(3700), human_time(200000)
    ('5 s', '1 h 02 min', '2 d 08 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24:02d} h"


def human_size(size: float) -> str:
    """Bytes in words.

    >>> human_size(1536), human_size(5e9)
    ('1.5 kB', '4.7 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def free_disk(path: Path) -> int:
    """Free bytes where `path` is or will be."""
    import shutil

    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
