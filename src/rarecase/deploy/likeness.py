"""Is a new case like those that a model has learnt from?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.seeds import numpy_rng

Floats = NDArray[np.float64]

AXES = 10
PARTS = 10  # in which the known cases are held out to learn how far a new one may lie
BEYOND = 3.0  # deviations of the logarithm of the distance
ROBUST = 1.4826  # median deviations from the median in a standard deviation
FEWEST = 8


@dataclass(frozen=True, eq=False)
class Likeness:
    """Distance of a case's vector (d,) from the known ones: along their principal axes and beside
    them. Nothing of a single known case is kept.

    mean, scale (d,); axes (d, k); spread (k,), the deviation along each; beside, the deviation off
    the axes. `limit`: the distance that cases of the same kind hardly exceed.
    """

    mean: Floats
    scale: Floats
    axes: Floats
    spread: Floats
    beside: float
    limit: float

    @staticmethod
    def fit(X: Floats, *, seed: int = 0) -> Likeness:
        """From the vectors of known cases (n, d). The limit comes from cases held out in turn:
        three deviations of their logarithms beyond the median. Both are robust: one odd case among
        thirty would otherwise make room for a scan of another kind."""
        if len(X) < FEWEST:
            raise DataError(f"likeness: expected {FEWEST} cases or more, got {len(X)}.")
        part = numpy_rng(seed, "likeness").permutation(len(X)) % min(PARTS, len(X))
        logs = np.empty(len(X))
        for number in np.unique(part):
            held = part == number
            logs[held] = np.log(_fit(X[~held], limit=np.inf).distance(X[held]))
        middle = float(np.median(logs))
        spread = ROBUST * float(np.median(np.abs(logs - middle)))
        return _fit(X, limit=float(np.exp(middle + BEYOND * max(spread, logs.std() / 2))))

    def distance(self, X: Floats) -> Floats:
        """How far vectors (n, d) lie off, (n,); about 1 for what is known."""
        rows = (X - self.mean) / self.scale
        along = rows @ self.axes
        off = np.square(rows).sum(axis=1) - np.square(along).sum(axis=1)
        known = np.square(along / self.spread).mean(axis=1)
        besides = np.clip(off, 0, None) / self.beside**2
        found: Floats = np.sqrt((known + besides) / 2 + 1e-12)
        return found

    def arrays(self) -> dict[str, Floats]:
        """All of it as arrays, for a file."""
        return {
            "mean": self.mean, "scale": self.scale, "axes": self.axes, "spread": self.spread,
            "rest": np.array([self.beside, self.limit]),
        }  # fmt: skip

    @staticmethod
    def of(arrays: Mapping[str, Floats]) -> Likeness:
        """Back from `arrays`."""
        beside, limit = (float(v) for v in arrays["rest"])
        return Likeness(
            arrays["mean"], arrays["scale"], arrays["axes"], arrays["spread"], beside, limit
        )


def _fit(X: Floats, *, limit: float) -> Likeness:
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    # A feature that never varies would make any other value infinitely far.
    scale = np.maximum(deviation, max(1e-3 * float(deviation.mean()), 1e-9))
    rows = (X - mean) / scale
    count = max(1, min(AXES, len(X) // 4))
    _, values, vectors = np.linalg.svd(rows, full_matrices=False)
    axes = vectors[:count].T
    spread = np.maximum(values[:count] / np.sqrt(len(X)), 1e-6)
    off = np.square(rows).sum(axis=1) - np.square(rows @ axes).sum(axis=1)
    beside = float(np.sqrt(max(off.mean(), 1e-9)))
    return Likeness(mean, scale, axes, spread, beside, limit)
