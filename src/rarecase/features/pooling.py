"""Samples of any kind as vectors: of maps the mean of each channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.features.samples import Samples, is_store

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore


def vectors(X: ArrayLike | FeatureStore | Samples) -> NDArray[np.float64]:
    """Each sample of (n, d) or (n, c, …) as a vector: as it is, of maps the mean of each channel,
    (n, d) or (n, c).

    >>> vectors(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[1.5, 5.5]]
    """
    samples = Samples(X) if is_store(X) else X
    if isinstance(samples, Samples):
        if samples.in_memory:  # in float64, where they are
            return vectors(samples.array())
        parts = [vectors(batch) for _, batch in samples.batches()]
        return np.concatenate([np.empty((0, samples.shape[0])), *parts])
    values = np.asarray(samples)
    if values.ndim < 3:
        return np.asarray(values, dtype=np.float64)
    flat = values.reshape(*values.shape[:2], math.prod(values.shape[2:]))
    return np.asarray(flat.mean(axis=2, dtype=np.float64))  # a copy in float64 would be large
