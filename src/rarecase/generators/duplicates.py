"""Real samples once more: the control that a synthetic sample has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rarecase.generators.closed import ClosedForm
from rarecase.seeds import numpy_rng


class Duplicates(ClosedForm):
    """Random oversampling: real samples of the class in random order, all of them before any comes
    again.

    >>> X, y = np.array([[1.0], [2.0], [3.0], [9.0], [8.0]]), ["a", "a", "a", "b", "b"]
    >>> sorted(Duplicates().fit(X, y).sample({"b": 4})[0].ravel().tolist())
    [8.0, 8.0, 9.0, 9.0]
    """

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> NDArray[np.float64]:
        mine = self._of_class(code)
        places = np.arange(block * self.BLOCK, (block + 1) * self.BLOCK)
        rounds = places // len(mine)
        orders = {
            r: numpy_rng(self.seed_, "duplicates", self.classes_[code], r).permutation(len(mine))
            for r in np.unique(rounds).tolist()
        }
        chosen = [orders[r][p % len(mine)] for r, p in zip(rounds, places, strict=True)]
        return np.asarray(mine[chosen])
