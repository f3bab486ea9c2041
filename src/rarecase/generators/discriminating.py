"""Generators with a discriminator that also says what class a sample is."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError
from rarecase.features.samples import Samples, checked_labels
from rarecase.generators.base import Generator

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore


class DiscriminatingGenerator(Generator):
    """A generator whose discriminator can be asked (the paper's filter). A subclass also gives
    `_classify`."""

    def agreement(
        self, X: ArrayLike | FeatureStore, y: ArrayLike, *, rows: ArrayLike | None = None
    ) -> NDArray[np.bool_]:
        """For each sample, whether the discriminator's class is `y`'s (the paper's filter)."""
        self._check_fitted()
        samples = Samples(X, rows=rows)
        if samples.shape != self.shape_:
            raise DataError(f"X: expected samples of shape {self.shape_}, got {samples.shape}.")
        labels = checked_labels(y, len(samples))
        codes = {label: self._code(label) for label in np.unique(labels).tolist()}
        asked = np.array([codes[label] for label in labels.tolist()], dtype=np.int64)
        guessed = [self._classify(batch) for _, batch in samples.batches()]
        result: NDArray[np.bool_] = np.concatenate([*guessed, np.empty(0, np.int64)]) == asked
        return result

    def class_accuracy(
        self, X: ArrayLike | FeatureStore, y: ArrayLike, *, rows: ArrayLike | None = None
    ) -> float:
        """Share of samples whose class the discriminator gets right, 0 to 1."""
        return float(self.agreement(X, y, rows=rows).mean())

    @abstractmethod
    def _classify(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        """The discriminator's class indices (n,) for samples in the data's units."""

    def _agrees(self, X: NDArray[np.float32], code: int) -> NDArray[np.bool_]:
        return np.asarray(self._classify(X) == code)
