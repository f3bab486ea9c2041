"""What a run will cost, before it runs: time measured on this machine, memory, disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.cohort import Cohort, count_slices
from rarecase.features import feature_shape
from rarecase.segmenter import UNet
from rarecase.study.amounts import real_training_slices, resolve_amounts
from rarecase.study.compute import make_fabric
from rarecase.study.grid import folds_of
from rarecase.study.measure import measure
from rarecase.study.plan import STAGES
from rarecase.study.settings import Settings
from rarecase.study.step import peak_memory

READING = 0.012  # seconds to read, normalise and fit a slice; small beside the rest
HELD = 2**30  # bytes of features that a training holds in memory at most


@dataclass(frozen=True)
class Cost:
    """One line of the estimate: `times` repetitions of `seconds` each, `disk` bytes in all."""

    step: str
    stage: str
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


def estimate(
    settings: Settings, *, cohort: Cohort, folds: pd.DataFrame, until: str = "report"
) -> Estimate:
    """Measure and multiply, for the stages up to `until`.

    Takes some seconds, with the paper's network about a minute. `folds`: repeat, patient, fold.
    """
    counts = {case.case: count_slices(case) for case in cohort.cases}
    patients = [case.patient for case in cohort.cases for _ in range(counts[case.case])]
    rows = pd.DataFrame({"patient": patients})
    slices, real = len(rows), real_training_slices(rows, folds)
    fits = sum(len(numbers) for numbers in folds_of(folds).values())
    cells = fits * settings.generator.seeds
    amounts = resolve_amounts(settings.sweep.amounts, real=real)
    made = settings.generator.made or 2 * max(amounts)

    size, channels, pretrain = settings.slices.size, len(cohort.channels), settings.pretrain
    inputs = len(pretrain.channels or range(4)) if pretrain.cohort else channels
    chosen = settings.segmenter
    net = UNet(in_channels=inputs, width=chosen.width, depth=chosen.depth)
    shape = feature_shape(net, block=settings.features.block, height=size, width=size)
    sample = 2 * int(np.prod(shape))
    rates = measure(
        settings,
        channels=inputs,
        shape=shape,
        classes=len(cohort.classes),
        fabric=make_fabric(settings.compute),
    )

    held_out = settings.split.validation * rates.predict
    epoch = real * ((1 - settings.split.validation) * rates.train + held_out)
    segmenter = chosen.epochs * epoch + slices * rates.predict
    batch = settings.generator.batch
    steps = min(
        settings.generator.epochs * -(-real // batch), settings.generator.max_steps or 2**62
    )
    trained = sum(real + amount for amount in amounts) * settings.classifier.epochs
    cache = slices * size * size * (4 * channels + 1)
    masks = slices * size * size // 8
    costs = [
        Cost("slices", "segment", 1, slices * READING, cache),
        Cost("segmenter", "segment", fits, segmenter, fits * (rates.weights + masks)),
        Cost("features", "extract", fits, slices * rates.predict, fits * slices * sample),
        Cost("synthetic", "generate", cells, steps * batch * rates.generate, cells * made * sample),
        Cost("classified", "classify", cells, trained * rates.classify, 0),
    ]
    if pretrain.cohort:
        others = sum(pretrain.patients.values()) * settings.simulation.slices
        seconds = pretrain.epochs * others * rates.train
        costs.insert(1, Cost("pretrain", "segment", 1, seconds, rates.weights))
    wanted = STAGES[: STAGES.index(until) + 1]
    return Estimate(
        costs=tuple(cost for cost in costs if cost.stage in wanted),
        memory=peak_memory() + min(real * sample, HELD),
        slices=slices,
    )


def human_time(seconds: float) -> str:
    """Seconds in words.

    >>> human_time(5), human_time(3700), human_time(200000)
    ('5 s', '62 min', '2 d 07 h')
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
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
