"""How much disk a run needs, said before it starts; refused when there is not so much."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.cohort import Cohort, count_slices
from rarecase.errors import DataError
from rarecase.features import source_of
from rarecase.pipeline.amounts import real_training_slices, resolve_amounts
from rarecase.pipeline.grid import FEATURES, SYNTHETIC, folds_of, study_cells
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Step
from rarecase.pipeline.steps.cohort import SLICES, load_folds
from rarecase.segmenter import UNet

FLOAT16 = 2


@dataclass(frozen=True)
class Sizes:
    """What a study is made of, in numbers. Bytes are before compression: an upper bound.

    `slices` in the cohort and `units`, the samples that they make (slices, or cases), `real` of a
    fold's training patients (the mean), `made` synthetic samples a generator; `sample` bytes of one
    feature sample of `shape`, `sides` of what the network sees; `fits` folds over all repeats,
    `cells` generators over all.
    """

    slices: int
    units: int
    real: int
    amounts: tuple[int, ...]
    made: int
    shape: tuple[int, ...]
    sides: tuple[int, ...]
    inputs: int
    cache: int
    fits: int
    cells: int

    @property
    def sample(self) -> int:
        return FLOAT16 * int(np.prod(self.shape))

    @property
    def features(self) -> int:
        """Bytes of one fold's store of real features."""
        return self.units * self.sample

    @property
    def samples(self) -> int:
        """Bytes of one generator's store of synthetic samples."""
        return self.made * self.sample


def sizes_of(settings: Settings, *, cohort: Cohort, folds: pd.DataFrame) -> Sizes:
    """The sizes of a study; no image is read. `folds`: columns repeat, patient, fold."""
    counts = {case.case: count_slices(case, cohort.channels) for case in cohort.cases}
    slices, volumes = sum(counts.values()), settings.segmenter.dimensions == 3
    patients = [
        case.patient for case in cohort.cases for _ in range(1 if volumes else counts[case.case])
    ]
    real = real_training_slices(pd.DataFrame({"patient": patients}), folds)
    amounts = resolve_amounts(settings.sweep.amounts, real=real)
    size, channels, pretrain = settings.slices.size, len(cohort.channels), settings.pretrain
    inputs = len(pretrain.channels or range(4)) if pretrain.cohort else channels
    chosen = settings.segmenter
    net = UNet(
        in_channels=inputs, width=chosen.width, depth=chosen.depth, dimensions=chosen.dimensions
    )
    sides = (settings.slices.planes, size, size) if volumes else (size, size)
    return Sizes(
        slices=slices,
        units=len(patients),
        real=real,
        amounts=tuple(amounts),
        made=settings.generator.made or 2 * max(amounts),
        shape=source_of(settings.features.block).shape(net, sides=sides),
        sides=sides,
        inputs=inputs,
        cache=slices * size * size * (4 * channels + 1),
        fits=sum(len(numbers) for numbers in folds_of(folds).values()),
        cells=len(study_cells(settings, folds)),
    )


def peak_stores(settings: Settings, sizes: Sizes) -> int:
    """The most bytes that stores of features take at one time: those of a fold and of all of its
    generators, or those of every fold where they are kept."""
    fold = sizes.features + sizes.cells // sizes.fits * sizes.samples
    return fold * (sizes.fits if settings.features.keep else 1)


def refuse_small_disk(
    settings: Settings, *, cohort: Cohort, run: Path, todo: Sequence[Step]
) -> None:
    """Raise `DataError` when the steps `todo` may need more than is free where `run` lies."""
    names = [step.name for step in todo]
    sizes = sizes_of(settings, cohort=cohort, folds=load_folds(settings, cohort))
    stores = any(FEATURES in name or SYNTHETIC in name for name in names)
    needed = sizes.cache * (SLICES in names) + peak_stores(settings, sizes) * stores
    free = free_disk(run)
    if needed > free and not settings.compute.ignore_disk:
        raise DataError(
            f"{run}: the run needs up to {human_size(needed)}, and {human_size(free)} are free "
            f"there. A fold's features of {settings.features.block} take "
            f"{human_size(sizes.features)} before compression, its synthetic samples "
            f"{human_size(sizes.samples)} for each generator. Choose another disk with --out, a "
            "block with smaller features ('rarecase blocks'), or a smaller sweep; compression may "
            "make it fit: compute.ignore_disk=true tries."
        )


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
