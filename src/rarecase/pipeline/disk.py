"""How much disk a run needs, said before it starts; refused when there is not so much."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rarecase.bounds import human_size
from rarecase.cohort import Cohort, count_slices
from rarecase.errors import DataError
from rarecase.experiment.arm import Counts
from rarecase.pipeline.designs import Part, copies_of, planned_parts
from rarecase.pipeline.run_folder import FEATURES, SLICES, SYNTHETIC, folds_of
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.step import Step
from rarecase.pipeline.steps.cohort import load_folds
from rarecase.segmenter.networks import network_like

FLOAT16 = 2


@dataclass(frozen=True)
class Sizes:
    """What a study is made of, in numbers. Bytes are before compression: an upper bound.

    `slices` in the cohort and `units`, the samples that they make (slices, or cases), `real` of a
    fold's training patients (the mean); `parts` of the experiment; `shapes` of one sample by
    source, and augmented `copies` of them all; `generated` samples of each generator; `sides` of
    what the network sees, `inputs` its channels; `cache` bytes of the slices; `fits` folds over all
    repeats, `beside` of them computed side by side, and the stores of features of `held` there at
    one time (kept ones stay).
    """

    slices: int
    units: int
    real: int
    parts: tuple[Part, ...]
    shapes: dict[str, tuple[int, ...]]
    copies: dict[str, int]
    generated: int
    sides: tuple[int, ...]
    inputs: int
    cache: int
    fits: int
    beside: int
    held: int

    def sample(self, source: str) -> int:
        """Bytes of one sample of a source."""
        return FLOAT16 * int(np.prod(self.shapes[source]))

    def stores(self, source: str) -> int:
        """Bytes of one fold's stores of real features of a source."""
        return self.units * self.sample(source) * (1 + self.copies[source])

    @property
    def features(self) -> int:
        """Bytes of one fold's stores of real features."""
        return sum(map(self.stores, self.shapes))

    @property
    def samples(self) -> int:
        """Bytes of one fold's stores of synthetic samples."""
        return sum(
            self.generated * self.sample(part.features) * len(part.design.seeds_of(arm))
            for part in self.parts
            for arm in part.generated()
        )


def sizes_of(settings: Settings, cohort: Cohort) -> Sizes:
    """The sizes of a study; no image is read."""
    folds = load_folds(settings, cohort)
    parts, patients, real = planned_parts(settings, cohort, folds)
    slices, volumes = len(patients), settings.segmenter.dimensions == 3
    if volumes:
        slices = sum(count_slices(case, cohort.channels) for case in cohort.cases)
    fits, beside = len(folds_of(folds)), settings.compute.processes or 1
    size, channels, pretrain = settings.slices.size, len(cohort.channels), settings.pretrain
    inputs = len(pretrain.channels or range(4)) if pretrain.cohort else channels
    net = network_like(settings.segmenter, in_channels=inputs)
    sides = (settings.slices.planes, size, size) if volumes else (size, size)
    totals = [
        total
        for part in parts
        for arm in part.design.arms
        if isinstance(arm.amount, Counts)
        for total in arm.amount.totals
    ]
    return Sizes(
        slices=slices,
        units=len(patients),
        real=real,
        parts=tuple(parts),
        shapes={
            name: source_in(settings, name).shape(net, sides=sides)
            for part in parts
            for name in part.sources
        },
        copies={name: copies_of(settings, name) for part in parts for name in part.sources},
        generated=settings.generator.samples or 2 * max(totals, default=0),
        sides=sides,
        inputs=inputs,
        cache=slices * size * size * (4 * channels + 1),
        fits=fits,
        beside=beside,
        held=fits if settings.features.keep else min(beside, fits),
    )


def refuse_small_disk(
    settings: Settings, *, cohort: Cohort, run: Path, todo: Sequence[Step]
) -> None:
    """Raise `DataError` when the steps `todo` may need more than is free where `run` lies."""
    names = [step.name for step in todo]
    sizes = sizes_of(settings, cohort)
    stores = any(FEATURES in name or SYNTHETIC in name for name in names)
    needed = sizes.cache * (SLICES in names)
    needed += (sizes.features + sizes.samples) * sizes.held * stores
    free = free_disk(run)
    if needed > free and not settings.compute.ignore_disk:
        raise DataError(
            f"{run}: the run needs up to {human_size(needed)}, and {human_size(free)} are free "
            f"there. A fold's features ({', '.join(sizes.shapes)}) take "
            f"{human_size(sizes.features)} before compression, its synthetic samples "
            f"{human_size(sizes.samples)}. Choose another disk with --out, features that are "
            "smaller ('rarecase blocks'), or smaller amounts; compression may make it fit: "
            "compute.ignore_disk=true tries."
        )


def free_disk(path: Path) -> int:
    """Free bytes where `path` is or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
