"""SMOTE and borderline SMOTE, as imbalanced-learn makes them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE, BorderlineSMOTE
from numpy.typing import NDArray

from rarecase.generators.closed import ClosedForm, check_range


class Smote(ClosedForm):
    """Points between a sample and one of its `neighbours` nearest of the same class.

    Chawla et al. 2002, by imbalanced-learn. A class of fewer samples takes as many neighbours as
    there are.

    >>> X, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat(["a", "b"], [25, 5])
    >>> Smote().fit_resample(X, y)[0].shape
    (50, 3)
    """

    def __init__(
        self, *, neighbours: int = 5, sampling_strategy: Any = "auto", random_state: Any = 0
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.neighbours = neighbours

    def _prepare(self) -> None:
        check_range("neighbours", self.neighbours, low=0, high=np.inf)

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> NDArray[np.float64]:
        mine = int((self._codes == code).sum())
        smote = SMOTE(
            sampling_strategy={1: mine + self.BLOCK},
            k_neighbors=min(self.neighbours, mine - 1),
            random_state=self._draws(code, block),
        )
        return self._last(smote, code)

    def _last(self, smote: Any, code: int) -> NDArray[np.float64]:
        with warnings.catch_warnings():
            # "more samples than the majority class": the amount is the caller's to choose
            warnings.simplefilter("ignore", UserWarning)
            both, _ = smote.fit_resample(self._X, (self._codes == code).astype(int))
        return np.asarray(both[len(self._X) :])


class BorderlineSmote(Smote):
    """SMOTE from the samples of the class that have many neighbours of other classes.

    Han et al. 2005 (borderline-1), by imbalanced-learn. Where no sample lies at a border it is
    plain SMOTE.
    """

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> NDArray[np.float64]:
        mine = int((self._codes == code).sum())
        smote = BorderlineSMOTE(
            sampling_strategy={1: mine + self.BLOCK},
            k_neighbors=min(self.neighbours, mine - 1),
            m_neighbors=min(2 * self.neighbours, len(self._X) - 1),
            random_state=self._draws(code, block),
        )
        made = self._last(smote, code)
        return made if len(made) == self.BLOCK else super()._make_flat(code, block, rng)
