"""Generators whose worth is known: copies with a little noise, and the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rarecase.features.standardise import Space
from rarecase.generators.closed_form import ClosedForm


class Jittered(ClosedForm):
    """Real rows with a tenth of their spread as noise: nothing new in them."""

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Any:
        mine = self._of_class(code)
        noise = rng.standard_normal((self.BLOCK, mine.shape[1]))
        return mine[rng.integers(len(mine), size=self.BLOCK)] + 0.1 * self._X.std(axis=0) * noise


class TrueDistribution(ClosedForm):
    """Rows drawn from the distribution the data came from: all that a generator could know. It
    brings them into the fold's own space, as the fold does with real rows.

    `rows` (n, d) are the whole table's before they were standardised; `shift` (d,) is the rare
    class's.
    """

    def __init__(
        self, rows: Any = None, shift: Any = None, sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.rows, self.shift = rows, shift

    def _prepare(self) -> None:
        trained = np.array(self.trained_on_, dtype=int)  # patients' numbers; each has one row here
        self._space = Space.fit(self.rows[trained])

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Any:
        size = self.BLOCK, self.rows.shape[1]
        return self._space(rng.normal(size=size) + np.asarray(self.shift) * code)


def direction(shift: float, features: int) -> Any:
    """A shift of that length along all features alike."""
    return np.full(features, shift / math.sqrt(features))
