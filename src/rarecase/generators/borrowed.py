"""Rare samples that vary as common ones do."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.arrays import Floats
from rarecase.errors import DataError
from rarecase.generators.closed_form import ClosedForm
from rarecase.generators.gaussian import Units, shrinkage

log = logging.getLogger(__name__)


class Borrowed(ClosedForm):
    """Rare samples with variation borrowed from the common class and from other patients' slices.

    A sample is the mean of its class, plus what is its patient's own, plus what is the slice's own.
    A new one takes the mean of its class; for the patient √(1 − δ) of the deviation of a patient of
    the class and √δ of that of a patient of the most frequent class, δ being the shrinkage that
    Ledoit and Wolf find for the class's patients (the fewer, the more is borrowed); and the slice's
    part of any slice of any patient. Deviations are real ones and keep their shape, which a
    Gaussian's do not. `groups` say whose a sample is; without them each is a patient's only one,
    slices have no part, and samples of the most frequent class are copies (which is said).
    No column leaks into another and one that never varies stays as it is. With `standardise` δ is
    found on columns divided by their deviation over all samples, so that units do not matter (see
    `Gaussian`).

    After feature transfer (Yin et al. 2019, arXiv 1803.09014), which transfers the variation of
    classes with many samples over to those with few, and the delta-encoder (Schwartz et al. 2018,
    arXiv 1806.04734), which learns it from pairs within a class; here in closed form.

    >>> X, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat(["a", "b"], [25, 5])
    >>> Borrowed().fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    def __init__(
        self, *, standardise: bool = True, sampling_strategy: Any = "auto", random_state: Any = 0
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.standardise = standardise

    def _prepare(self) -> None:
        who, at = np.unique(self._patients, return_inverse=True)
        size = np.bincount(at)[:, None]
        means = np.zeros((who.size, self._X.shape[1]))
        np.add.at(means, at, self._X)
        means /= size
        code = np.empty(who.size, dtype=np.int64)
        code[at] = self._codes
        if (code[at] != self._codes).any():
            raise DataError(
                "groups: a patient has samples of two classes; a patient has one. Give each "
                "examination its own group."
            )
        count = len(self.classes_)
        # A class's mean is that of its patients: one with many slices counts as much as another.
        self._means = [means[code == c].mean(axis=0) for c in range(count)]
        self._between = [means[code == c] - self._means[c] for c in range(count)]
        self._within = self._X - means[at]
        self._units = Units(self._X, standardise=self.standardise)
        self._delta = [shrinkage(self._units.without(each)) for each in self._between]
        self._frequent = int(np.argmax(np.bincount(code, minlength=count)))
        self._copies_said = False
        self._nonnegative = bool(self._X.min() >= 0)

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        own, common, delta = self._between[code], self._between[self._frequent], self._delta[code]
        if code == self._frequent:
            delta = 0.0  # its own are the most there are
            if not (self._copies_said or self._within.any()):
                self._copies_said = True
                log.warning(
                    "Borrowed: with one sample per patient, those generated of %s, the most "
                    "frequent class, are copies of real ones. Give groups where patients have "
                    "several, or take another generator for this class.", self.classes_[code],
                )  # fmt: skip

        def drawn(of: NDArray[Any]) -> NDArray[Any]:
            return np.asarray(of[rng.integers(len(of), size=self.BLOCK)])

        patient = np.sqrt(1 - delta) * drawn(own) + np.sqrt(delta) * drawn(common)
        made = self._means[code] + patient + drawn(self._within)
        made[:, self._units.still] = self._units.value  # whatever the sums were rounded to
        return np.maximum(made, 0) if self._nonnegative else np.asarray(made)
