"""Who performs the steps: one process, or several that each take a fold, or a part of one.

On a CPU two trainings of one thread each get further than one of two threads: small networks leave
threads waiting for each other; on a GPU, several fill what one leaves idle. What runs side by side,
and with how many threads, follows from the study alone, not from what is left to do: a run that
goes on gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

from rarecase.pipeline.grid import ARMS, OF_GENERATORS
from rarecase.pipeline.settings import ComputeSettings
from rarecase.pipeline.step import Step, perform

After = Callable[[Step], None]


class Executor(Protocol):
    """Performs steps. They come in an order in which each stands behind those it needs."""

    def run(self, steps: Sequence[Step], *, after: After) -> None:
        """Perform every step; call `after` when one is done."""


class SerialExecutor:
    """In this process, one after another."""

    def run(self, steps: Sequence[Step], *, after: After) -> None:
        for step in steps:
            perform(step)
            after(step)


@dataclass(frozen=True)
class Wave:
    """Folds that run side by side, each with so many threads."""

    folds: tuple[str, ...]
    threads: int


def waves(folds: Sequence[str], *, processes: int, threads: int) -> list[Wave]:
    """Which folds run together: `processes` at a time, the last ones with what threads are left.

    >>> waves(["a", "b", "c"], processes=2, threads=4)
    [Wave(folds=('a', 'b'), threads=2), Wave(folds=('c',), threads=4)]
    """
    size = max(1, min(processes, len(folds)))
    parts = [tuple(folds[start : start + size]) for start in range(0, len(folds), size)]
    return [Wave(part, max(1, threads // len(part))) for part in parts]


def fold_of(step: Step) -> str | None:
    """The fold that a step belongs to; None for steps of the whole study.

    Steps of one fold need nothing from another.
    """
    parts = step.name.split("/")
    return "/".join(parts[:2]) if parts[0].startswith("repeat-") else None


def branch_of(step: Step) -> str | None:
    """What a step of a fold is part of that needs nothing of its fold's other branches: a generator
    with its fidelity and classifiers (`acgan-64-seed0`), or the arms; None for what all need."""
    parts = step.name.split("/")
    if parts[2:] == [ARMS]:
        return ARMS
    return parts[3] if len(parts) == 4 and parts[2] in OF_GENERATORS else None


class ProcessExecutor:
    """Folds side by side, a process each; what is the whole study's in this process.

    Where there are at least twice as many processes as folds in a wave, a fold's branches are
    shared out among those it can have.
    """

    def __init__(self, whole: Sequence[Step], compute: ComputeSettings) -> None:
        """`whole`: every step of the study, done or not."""
        names = dict.fromkeys(name for step in whole if (name := fold_of(step)) is not None)
        self.processes, self.threads = compute.processes or 1, compute.threads or 1
        self.waves = waves(list(names), processes=self.processes, threads=self.threads)
        branches = (branch_of(step) for step in whole if fold_of(step) is not None)
        self.branches = list(dict.fromkeys(name for name in branches if name is not None))

    def run(self, steps: Sequence[Step], *, after: After) -> None:
        from rarecase.pipeline.workers import perform_side_by_side

        for inside, group in groupby(steps, key=lambda step: fold_of(step) is not None):
            part = list(group)
            if not inside:
                SerialExecutor().run(part, after=after)
                continue
            for wave in self.waves:
                for lanes, threads in self._lanes(wave, part):
                    given = [[_with_threads(step, threads) for step in lane] for lane in lanes]
                    perform_side_by_side([lane for lane in given if lane], after=after)

    def _lanes(self, wave: Wave, steps: Sequence[Step]) -> Iterator[tuple[list[list[Step]], int]]:
        """The lanes of a wave, with the threads that each of them has; one set after another."""
        each = min(self.processes // len(wave.folds), len(self.branches))
        mine = [[step for step in steps if fold_of(step) == fold] for fold in wave.folds]
        if each < 2:
            yield mine, wave.threads
            return
        yield [[step for step in fold if branch_of(step) is None] for fold in mine], wave.threads
        shares = [set(self.branches[start::each]) for start in range(each)]
        lanes = [
            [step for step in fold if branch_of(step) in share] for fold in mine for share in shares
        ]
        yield lanes, max(1, self.threads // len(lanes))


def make_executor(whole: Sequence[Step], compute: ComputeSettings) -> Executor:
    """The executor that the settings ask for. `whole`: every step of the study, done or not."""
    if (compute.processes or 1) > 1:
        return ProcessExecutor(whole, compute)
    return SerialExecutor()


def _with_threads(step: Step, threads: int) -> Step:
    """The same step, told how many threads it has."""
    settings = step.context.settings
    compute = settings.compute.model_copy(update={"threads": threads, "processes": 1})
    context = replace(step.context, settings=settings.model_copy(update={"compute": compute}))
    return replace(step, context=context)
