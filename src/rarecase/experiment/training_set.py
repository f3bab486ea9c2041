"""A fold's training part as an arm sees it, and the training set it makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Floats, Ints


@dataclass(frozen=True)
class TrainingPart:
    """Real training rows: `X` (n, d), class indices `y` (n,), patient indices `patient` (n,)."""

    X: Floats
    y: Ints
    patient: Ints
    classes: int
    rare: int

    @property
    def counts(self) -> Ints:
        """Rows of each class (classes,)."""
        return np.bincount(self.y, minlength=self.classes)

    def missing(self, amount: float) -> dict[int, int]:
        """How many rows an amount adds to each class: that share of what it lacks to be as frequent
        as the most frequent class (1: balanced).

        >>> part = TrainingPart(np.zeros((4, 1)), np.array([0, 0, 0, 1]), np.arange(4), 2, 1)
        >>> part.missing(1.0), part.missing(0.5)
        ({0: 0, 1: 2}, {0: 0, 1: 1})
        """
        lacking = self.counts.max() - self.counts
        return {c: round(amount * int(n)) for c, n in enumerate(lacking)}


@dataclass(frozen=True)
class TrainingSet:
    """What a classifier is fitted to: `X`, `y`, weights of the rows (None: all 1), and how many
    rows of each class were added to the real ones."""

    X: Floats
    y: Ints
    weight: Floats | None
    added: dict[int, int]

    @property
    def size(self) -> int:
        """Rows that were added."""
        return sum(self.added.values())
