"""What a run will cost, before it runs: time measured on this machine, memory, disk."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rarecase.ahead import usable_cpus
from rarecase.cohort import Cohort
from rarecase.pipeline.amounts import resolve_amount
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.disk import sizes_of
from rarecase.pipeline.measure import measure
from rarecase.pipeline.plan import STAGES
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import peak_memory
from rarecase.pipeline.steps.segment import make_schedule

READING = 0.012  # seconds to read, normalise and fit a slice; small beside the rest
FIDELITY = 0.005  # seconds a sample, of a thousand channels
COMPARING = {"patients": 1.0, "slices": 10.0}  # seconds an arm and fold, about
HELD = 2**30  # bytes of features that a training holds in memory at most


@dataclass(frozen=True)
class Cost:
    """One line of the estimate: `times` repetitions of `seconds` each, `beside` of them at a time,
    `disk` bytes in all."""

    step: str
    stage: str
    times: int
    seconds: float
    disk: int
    beside: int = 1

    @property
    def total(self) -> float:
        return -(-self.times // self.beside) * self.seconds


@dataclass(frozen=True)
class Estimate:
    """The whole estimate. `memory` in bytes: the peak of this process while it measured, plus
    what the run will hold in memory at once, for each that runs side by side. `slices` in the
    cohort."""

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
    sizes = sizes_of(settings, cohort=cohort, folds=folds)
    slices, units, real, fits = sizes.slices, sizes.units, sizes.real, sizes.fits
    chosen, pretrain = settings.segmenter, settings.pretrain
    beside = max(1, min(settings.compute.processes or 1, fits))
    threads = (settings.compute.threads or usable_cpus()) // beside
    alone = settings.compute.model_copy(update={"threads": max(1, threads)})
    rates = measure(
        settings,
        channels=sizes.inputs,
        shape=sizes.shape,
        sides=sizes.sides,
        classes=len(cohort.classes),
        fabric=make_fabric(alone),
    )

    held_out = settings.split.validation * rates.predict
    epoch = real * ((1 - settings.split.validation) * rates.train + held_out)
    coarse = (
        make_schedule(chosen).coarse_epochs
        * 0.75
        * real
        * (1 - settings.split.validation)
        * rates.train
    )
    # Mirror images are looked at for those who do not train: about a fold and the validation part.
    held = (1 - real / units) + real / units * settings.split.validation
    drawn = units * rates.predict * (1 + 3 * held if chosen.flips else 1)
    segmenter = chosen.epochs * epoch - coarse + drawn
    batch = settings.generator.batch
    steps = min(
        settings.generator.epochs * -(-real // batch), settings.generator.max_steps or 2**62
    )
    control = resolve_amount(settings.sweep.headline, real=real)  # as many duplicates
    trained = sum(real + added for added in (*sizes.amounts, control)) * settings.classifier.epochs
    masks = slices * settings.slices.size**2 // 8
    # Stores are removed behind each fold, unless they are kept: disk is the most at one time.
    times = fits if settings.features.keep else 1
    generators = sizes.cells // fits
    made = times * generators * sizes.samples
    gan = sum(rates.generate) / len(rates.generate)
    costs = [
        Cost("slices", "segment", 1, slices * READING, sizes.cache),
        Cost("segmenter", "segment", fits, segmenter, fits * (rates.weights + masks), beside),
        Cost("features", "extract", fits, units * rates.predict, times * sizes.features, beside),
        Cost("synthetic", "generate", sizes.cells, steps * batch * gan, made, beside),
        Cost("fidelity", "generate", sizes.cells, units * FIDELITY, 0, beside),
        Cost("classified", "classify", sizes.cells, trained * rates.classify, 0, beside),
    ]
    if settings.compare.arms:
        seconds = (
            units * rates.predict + len(settings.compare.arms) * COMPARING[settings.compare.unit]
        )
        costs.append(Cost("arms", "classify", fits, seconds, 0, beside))
    if pretrain.cohort:
        each = 1 if chosen.dimensions == 3 else settings.simulation.slices
        others = sum(pretrain.patients.values()) * each
        seconds = pretrain.epochs * others * rates.train
        costs.insert(1, Cost("pretrain", "segment", 1, seconds, rates.weights))
    wanted = STAGES[: STAGES.index(until) + 1]
    return Estimate(
        costs=tuple(cost for cost in costs if cost.stage in wanted),
        memory=beside * (peak_memory() + min(real * sizes.sample, HELD)),
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
