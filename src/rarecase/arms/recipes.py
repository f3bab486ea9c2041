"""Ways to make a training set of a fold's real rows: as they are, weighted, fewer, or more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from rarecase.arms.part import TrainingPart, TrainingSet
from rarecase.generators.base import Generator
from rarecase.seeds import derive, numpy_rng

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
