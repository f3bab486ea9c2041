"""Ways to make a training set of a fold's real rows: as they are, weighted, fewer, or more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from rarecase.experiment.training_set import TrainingPart, TrainingSet
from rarecase.generators.base import Generator
from rarecase.seeds import derive, numpy_rng

log = logging.getLogger(__name__)
Sets = Callable[[Mapping[int, int]], TrainingSet]


class Recipe(Protocol):
    """`prepare` does what does not hang on the amount (fitting a generator) and returns a function
    from counts to add a class to the training set. `adds`: whether it has an amount at all;
    `random`: whether it hangs on the generator seed."""

    adds: bool
    random: bool

    def prepare(self, part: TrainingPart, *, seed: int) -> Sets:
        """Get ready on the real rows of `part`."""


class Plain:
    """The real rows as they are."""

    adds = random = False

    def prepare(self, part: TrainingPart, *, seed: int) -> Sets:
        return lambda counts: TrainingSet(part.X, part.y, None, {})


class ClassWeight:
    """Rows weighted so that every class weighs the same, all together as much as before."""

    adds = random = False

    def prepare(self, part: TrainingPart, *, seed: int) -> Sets:
        weight = len(part.y) / (part.classes * np.maximum(part.counts, 1))
        return lambda counts: TrainingSet(part.X, part.y, weight[part.y], {})


class Undersample:
    """As many rows of every class as the rarest has, drawn at random."""

    adds, random = False, True

    def prepare(self, part: TrainingPart, *, seed: int) -> Sets:
        rng, fewest = numpy_rng(seed, "undersample"), part.counts.min()
        kept = [
            rng.choice(np.flatnonzero(part.y == c), size=fewest, replace=False)
            for c in range(part.classes)
        ]
        rows = np.sort(np.concatenate(kept))
        return lambda counts: TrainingSet(part.X[rows], part.y[rows], None, {})


class _Collapses(logging.Filter):
    """Keeps back what a generator says of its collapse, class by class, and says once of each kind
    of generator that it happened: a comparison fits hundreds, and its classes are numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        kind, *_, percent = record.args if isinstance(record.args, tuple) else ("a generator", 0)
        if kind not in self.said:
            self.said.add(str(kind))
            log.warning(
                "%s collapsed in a fit of this comparison: what it makes varies %.0f %% as much "
                "as real samples do. Its arm tells little of what it can do (said once).",
                kind, percent,
            )  # fmt: skip
        return False


_collapses = _Collapses()


@contextmanager
def _collapses_said_once() -> Iterator[None]:
    speaker = logging.getLogger("rarecase.generators.collapse")
    speaker.addFilter(_collapses)
    try:
        yield
    finally:
        speaker.removeFilter(_collapses)


class Oversample:
    """The real rows and rows of a generator that is fitted to them.

    `agreeing`: only rows that the generator's discriminator calls what they were made for (the
    paper's filter); made four times over at most, then fewer are taken.
    """

    adds = random = True

    def __init__(self, make: Callable[[int], Generator], *, agreeing: bool = False) -> None:
        self.make = make  # random state → an unfitted generator
        self.agreeing = agreeing

    def prepare(self, part: TrainingPart, *, seed: int) -> Sets:
        generator = self.make(derive(seed, "generator") % 2**32)
        with _collapses_said_once():
            generator.fit(part.X, part.y, groups=part.patient)

        def of(counts: Mapping[int, int]) -> TrainingSet:
            wanted = {c: n for c, n in counts.items() if n}
            take = _agreeing if self.agreeing else _plain
            made, label = take(generator, wanted)
            added = {c: int((label == c).sum()) for c in wanted}
            return TrainingSet(
                np.concatenate([part.X, made]), np.concatenate([part.y, label]), None, added
            )

        return of


def _plain(generator: Generator, wanted: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return generator.sample(wanted)


def _agreeing(generator: Generator, wanted: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    X, y = generator.sample({c: 4 * n for c, n in wanted.items()})
    right = generator.agreement(X, y)
    rows = [np.flatnonzero(right & (y == c))[:n] for c, n in wanted.items()]
    taken = np.concatenate([*rows, np.empty(0, np.int64)])
    return X[taken], y[taken]
