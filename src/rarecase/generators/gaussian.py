"""A Gaussian a class, its covariance shrunk towards the one that all classes share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from rarecase.generators.closed import ClosedForm


class Gaussian(ClosedForm):
    """Samples of N(mean of the class, covariance of the class).

    The covariance is (1 − δ) S + δ P: S that of the class's samples, P the pooled one within
    classes, itself shrunk towards a multiple of the identity, and δ the shrinkage that Ledoit and
    Wolf (J. Multivariate Analysis 2004) find for S. The fewer samples a class has, the more of its
    variation is borrowed from the others. No d × d matrix is formed.

    >>> X, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat(["a", "b"], [25, 5])
    >>> Gaussian().fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    def _prepare(self) -> None:
        count = len(self.classes_)
        self._means = [self._of_class(c).mean(axis=0) for c in range(count)]
        self._rest = [self._of_class(c) - mean for c, mean in enumerate(self._means)]
        pooled = np.concatenate(self._rest)
        self._pooled_shrinkage = _shrinkage(pooled)
        self._shrinkage = [_shrinkage(rest) for rest in self._rest]
        self._spread = np.sqrt(np.square(pooled).mean())  # of the identity's multiple

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> NDArray[np.float64]:
        own, pooled = self._rest[code], np.concatenate(self._rest)
        delta, inner = self._shrinkage[code], self._pooled_shrinkage
        noise = self._spread * rng.standard_normal((self.BLOCK, own.shape[1]))
        shared = np.sqrt(1 - inner) * _like(pooled, self.BLOCK, rng) + np.sqrt(inner) * noise
        varied = np.sqrt(1 - delta) * _like(own, self.BLOCK, rng) + np.sqrt(delta) * shared
        return np.asarray(self._means[code] + varied)


def _shrinkage(centred: NDArray[np.float64]) -> float:
    """Ledoit and Wolf's δ, 0 to 1; 1 where two samples or none vary."""
    if len(centred) < 3 or not np.any(centred):
        return 1.0
    return float(ledoit_wolf_shrinkage(centred, assume_centered=True))


def _like(
    centred: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draws of N(0, XᵀX / n), as random combinations of the rows of X (n, d)."""
    drawn = rng.standard_normal((count, len(centred))) @ centred
    return np.asarray(drawn / np.sqrt(len(centred)))
