"""What a run will cost, before it runs: time measured on this machine, memory, disk."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from rarecase.cohort import Cohort
from rarecase.experiment.arm import Arm, Counts
from rarecase.experiment.sampling import new_generator
from rarecase.pipeline import run_folder
from rarecase.pipeline.designs import Part, copies_of
from rarecase.pipeline.disk import Sizes, sizes_of
from rarecase.pipeline.measure import Rates, measure
from rarecase.pipeline.plan import STAGES
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.step import Step, peak_memory, unfinished
from rarecase.segmenter.initial import initial
from rarecase.shown import Brief, grid_of, html

READING = 0.012  # seconds to read, normalise and fit a slice; small beside the rest
MEASURED = 0.005  # seconds a sample, of a thousand channels
COMPARING = {"patients": 1.0, "slices": 10.0}  # seconds an arm and fold, about
FREE = Rates(0.0, 0.0, defaultdict(float), defaultdict(float), 0, {})  # where nothing is left to do
HELD = 2**30  # bytes of features that a training holds in memory at most


@dataclass(frozen=True)
class Cost:
    """One line of the estimate: `times` repetitions of `seconds` each, `beside` of them at a time,
    `disk` bytes in all. `names`: a pattern of the steps that it is of; `memory`: bytes that each
    needs beside what every step does, where that was measured."""

    step: str
    stage: str
    times: int
    seconds: float
    disk: int
    beside: int = 1
    names: str = "*"
    memory: int = 0

    def left(self, steps: Sequence[str], todo: Sequence[str]) -> Cost:
        """What of it is left when of the `steps` of a study only `todo` are to be done. Stores of a
        fold come and go: where any is left, there is as much of them at one time as before."""
        of, left = (len(fnmatch.filter(names, self.names)) for names in (steps, todo))
        whole = max(of, 1)
        kept = self.stage in ("extract", "generate") and left > 0
        return replace(
            self, times=left, seconds=self.seconds * self.times / whole,
            disk=self.disk if kept else self.disk * left // whole,
        )  # fmt: skip

    @property
    def total(self) -> float:
        return -(-self.times // self.beside) * self.seconds


@dataclass(frozen=True, repr=False)
class Estimate(Brief):
    """The whole estimate. `memory` in bytes: the peak of this process while it measured, plus
    what the run will hold in memory at once, for each that runs side by side. `slices` in the
    cohort."""

    costs: tuple[Cost, ...]
    memory: int
    slices: int

    def to_frame(self) -> pd.DataFrame:
        """A row for each kind of step: its name, how many times, seconds of each and in all, bytes
        on disk."""
        rows = [(c.step, c.times, c.seconds, c.total, c.disk) for c in self.costs]
        return pd.DataFrame(rows, columns=["step", "times", "each", "seconds", "disk"])

    def _about(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds), "memory, GB": round(self.memory / 1e9, 1),
            "disk, GB": round(self.disk / 1e9, 1), "slices": self.slices,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return html("Steps", grid_of(self.to_frame()), above=[repr(self)])

    @property
    def seconds(self) -> float:
        return sum(cost.total for cost in self.costs)

    @property
    def disk(self) -> int:
        return sum(cost.disk for cost in self.costs)


def estimate(
    settings: Settings,
    *,
    cohort: Cohort,
    steps: Sequence[Step],
    until: str = "report",
) -> Estimate:
    """Measure and multiply, for what is left of the `steps`, those of the stages up to `until`.

    Takes some seconds, with the paper's network about a minute.
    """
    names, todo = ([s.name for s in some] for some in (steps, unfinished(steps)))
    sizes = sizes_of(settings, cohort)
    slices, fits, beside = sizes.slices, sizes.fits, sizes.beside
    pretrain = settings.pretrain
    rates = measure(settings, sizes, cohort=cohort) if todo else FREE
    masks = slices * settings.slices.size**2 // 8
    costs = [
        Cost("slices", "segment", 1, slices * READING, sizes.cache, names=run_folder.SLICES),
        Cost("segmenter", "segment", fits, _segmenter_seconds(settings, sizes, rates),
             fits * (rates.weights + masks), beside, f"*/{run_folder.SEGMENTER}"),
        # Stores are removed behind each fold, unless they are kept: disk is the most at one time.
        *(
            Cost(f"features {name}", "extract", fits, seconds,
                 sizes.held * sizes.stores(name), beside,
                 f"*/{run_folder.FEATURES}/{name}", memory)
            for name, (seconds, memory) in _source_costs(
                settings, sizes, rates, cases=len(cohort.cases)
            )
        ),
        *_generator_costs(settings, sizes, rates),
        *(
            Cost(f"cells {part.name}", "classify", fits,
                 _part_seconds(part, settings, rates, real=sizes.real), 0, beside,
                 f"*/{run_folder.CELLS}/{part.name}-*")
            for part in sizes.parts
        ),
    ]  # fmt: skip
    if pretrain.cohort:
        each = 1 if settings.segmenter.dimensions == 3 else settings.simulation.slices
        others = sum(pretrain.patients.values()) * each
        seconds = pretrain.epochs * others * rates.train
        costs.insert(
            1, Cost("pretrain", "segment", 1, seconds, rates.weights, names=run_folder.PRETRAIN)
        )
    largest = max(sizes.sample(source) for source in sizes.shapes)
    tried = max((cost.memory for cost in costs), default=0)
    wanted = STAGES[: STAGES.index(until) + 1]
    return Estimate(
        costs=tuple(cost.left(names, todo) for cost in costs if cost.stage in wanted),
        memory=beside * (peak_memory() + max(min(sizes.real * largest, HELD), tried)),
        slices=slices,
    )


def _source_costs(
    settings: Settings, sizes: Sizes, rates: Rates, *, cases: int
) -> list[tuple[str, tuple[float, int]]]:
    """Seconds in a fold and bytes of memory of every source: as tried on a case, or about a pass of
    the U-Net over all slices; of one that learns classes once more for each inner fold, of others
    for each augmented copy."""
    usual = sizes.units * rates.predict
    found = []
    for name in sizes.shapes:
        each, memory = rates.sources.get(name, (usual / max(cases, 1), 0))
        learns = source_in(settings, name).learns
        times = 1 + (settings.tuning.inner if learns else copies_of(settings, name))
        found.append((name, (times * each * cases, memory)))
    return found


def _segmenter_seconds(settings: Settings, sizes: Sizes, rates: Rates) -> float:
    chosen, validation = settings.segmenter, settings.split.validation
    if initial(chosen.init) is None and not settings.pretrain.cohort:
        chosen = chosen.from_scratch()
    real, units = sizes.real, sizes.units
    trained: float = real * (1 - validation) * rates.train
    epoch = trained + real * validation * rates.predict
    coarse = round(chosen.coarse * chosen.epochs) * 0.75 * trained
    # Mirror images are looked at for those who do not train: about a fold and the validation part.
    others = chosen.cross_fit or settings.tuning.masks == "none"
    held = 1.0 if others else (1 - real / units) + real / units * validation
    drawn = units * rates.predict * (1 + 3 * held if chosen.flips else 1)
    if settings.tuning.masks == "none":
        return drawn
    inner = max(chosen.cross_fit - 1, 0) / (1 - validation)  # of what the fold's own network takes
    return (1 + inner) * (chosen.epochs * epoch - coarse) + drawn


def _generator_costs(settings: Settings, sizes: Sizes, rates: Rates) -> list[Cost]:
    found = []
    for part in sizes.parts:
        for arm in part.generated():
            number = len(part.design.seeds_of(arm))
            passes = _passes(arm, settings, real=sizes.real)
            seconds = passes * sizes.real * rates.generate[part.name, arm.name]
            disk = sizes.held * number * sizes.generated * sizes.sample(part.features)
            fits, name = sizes.fits * number, f"{part.features}-{arm.name}-seed*"
            found += [
                Cost(f"synthetic {arm.name}", "generate", fits, seconds, disk, sizes.beside,
                     f"*/{run_folder.SYNTHETIC}/{name}"),
                Cost(f"fidelity {arm.name}", "generate", fits, sizes.units * MEASURED, 0,
                     sizes.beside, f"*/{run_folder.FIDELITY}/{name}"),
            ]  # fmt: skip
    return found


def _passes(arm: Arm, settings: Settings, *, real: int) -> float:
    """How often a generator goes over the training samples."""
    params = new_generator(arm.sampler, seed=0, standardised=False).get_params()
    if "epochs" in params:
        steps = params["epochs"] * -(-real // (params["batch_size"] or settings.generator.batch))
        return float(params["epochs"] * min(1.0, (params["max_steps"] or steps) / steps))
    return float(params["steps"] * params["batch_size"] / real) if "steps" in params else 1.0


def _part_seconds(part: Part, settings: Settings, rates: Rates, *, real: int) -> float:
    if not part.design.classifier.lazy:
        return len(part.design.arms) * COMPARING[settings.tuning.unit]
    trained = 0.0
    for arm in part.design.arms:
        fits = [0]
        if isinstance(arm.amount, Counts):
            totals = list(arm.amount.totals)
            fits = totals + [t for t in totals if arm.synthetic and t == arm.amount.planned]
        trained += len(part.design.seeds_of(arm)) * sum(real + added for added in fits)
    epochs = part.design.classifier.estimator.get_params().get("epochs", 1)
    return float(trained * epochs * rates.classify[part.name])


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
