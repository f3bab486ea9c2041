"""Real samples once more, points between them, and mixtures of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE, BorderlineSMOTE
from scipy.stats import beta
from sklearn import config_context

from rarecase.arrays import Floats
from rarecase.generators import validation
from rarecase.generators.closed_form import ClosedForm
from rarecase.seeds import derive, numpy_rng

LARGEST = 1e12  # of alpha: all draws of Beta(alpha, alpha) are 1/2 there


class Duplicates(ClosedForm):
    """Random oversampling: real samples of the class in random order, all of them before any comes
    again.

    >>> X, y = np.array([[1.0], [2.0], [3.0], [9.0], [8.0]]), ["a", "a", "a", "b", "b"]
    >>> sorted(Duplicates().fit(X, y).sample({"b": 4})[0].ravel().tolist())
    [8.0, 8.0, 9.0, 9.0]
    """

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        mine = self._of_class(code)
        first, last = block * self.BLOCK, (block + 1) * self.BLOCK
        rounds = range(first // len(mine), -(-last // len(mine)))
        orders = [
            numpy_rng(self.seed_, "duplicates", self.classes_[code], r).permutation(len(mine))
            for r in rounds
        ]
        begin = rounds.start * len(mine)
        return np.asarray(mine[np.concatenate(orders)[first - begin : last - begin]])


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
        validation.between("neighbours", self.neighbours, low=0, high=np.inf)

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        return self._smote(SMOTE, code, block, {})

    def _smote(self, kind: Any, code: int, block: int, more: dict[str, int]) -> Floats:
        """What a sampler of imbalanced-learn adds to the class."""
        mine = int((self._codes == code).sum())
        smote = kind(
            k_neighbors=min(self.neighbours, mine - 1),
            random_state=derive(self.seed_, type(self).__name__, code, block) % 2**32,
            **more,
        )
        # What `fit_resample` calls when it has checked the rows, which this did when it was fitted,
        # and has worked out how many are added: its checks take longer than its work.
        smote.sampling_strategy_ = {1: self.BLOCK}
        with config_context(assume_finite=True, skip_parameter_validation=True):
            both, _ = smote._fit_resample(self._X, (self._codes == code).astype(int))
        return np.asarray(both[len(self._X) :])


class BorderlineSmote(Smote):
    """SMOTE from the samples of the class that have many neighbours of other classes.

    Han et al. 2005 (borderline-1), by imbalanced-learn. Where no sample lies at a border it is
    plain SMOTE.
    """

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        around = min(2 * self.neighbours, len(self._X) - 1)
        made = self._smote(BorderlineSMOTE, code, block, {"m_neighbors": around})
        return made if len(made) == self.BLOCK else super()._make_flat(code, block, rng)


class Mixup(ClosedForm):
    """λ a + (1 − λ) b of two samples of one class, λ from Beta(alpha, alpha).

    Zhang et al. 2018 (arXiv 1710.09412) in feature space, kept within a class so that the label is
    known.

    >>> X, y = np.array([[0.0], [1.0], [5.0], [6.0]]), ["a", "a", "b", "b"]
    >>> made, _ = Mixup().fit(X, y).sample({"b": 50})
    >>> bool(5.0 <= made.round(9).min() and made.round(9).max() <= 6.0)
    True
    """

    def __init__(
        self, *, alpha: float = 1.0, sampling_strategy: Any = "auto", random_state: Any = 0
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.alpha = alpha

    def _prepare(self) -> None:
        validation.between("alpha", self.alpha, low=0, high=LARGEST)

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        mine = self._of_class(code)
        first, second = rng.integers(len(mine), size=(2, self.BLOCK))
        share = rng.beta(self.alpha, self.alpha, size=(self.BLOCK, 1))
        return np.asarray(share * mine[first] + (1 - share) * mine[second])


class Remix(ClosedForm):
    """λ a + (1 − λ) b of a sample b of the class and a sample a of any class at least `kappa` times
    as frequent, λ from Beta(alpha, alpha) below `tau`; the mixture is called the rarer class.

    Chou et al. 2020 (arXiv 2007.03943), equation 5 and its rule for labels, in feature space. A
    class with no class so much more frequent is mixed with itself.

    >>> X, y = np.array([[0.0]] * 6 + [[1.0], [1.0]]), ["a"] * 6 + ["b"] * 2
    >>> made, _ = Remix().fit(X, y).sample({"b": 50})
    >>> bool(0.5 <= made.round(9).min() and made.round(9).max() <= 1.0)
    True
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        kappa: float = 3.0,
        tau: float = 0.5,
        sampling_strategy: Any = "auto",
        random_state: Any = 0,
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.alpha, self.kappa, self.tau = alpha, kappa, tau

    def _prepare(self) -> None:
        validation.between("alpha", self.alpha, low=0, high=LARGEST)
        validation.between("tau", self.tau, low=0, high=1)
        # Below 1 a mixture would be called the more frequent.
        validation.number(
            "kappa", self.kappa, lambda x: 1 <= x < np.inf, expected="a finite number of at least 1"
        )
        counts = np.bincount(self._codes, minlength=len(self.classes_))
        self._partners = [
            np.flatnonzero(counts[self._codes] >= self.kappa * counts[code])
            for code in range(len(self.classes_))
        ]

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        mine, partners = self._of_class(code), self._partners[code]
        others = self._X[partners] if partners.size else mine
        base = mine[rng.integers(len(mine), size=self.BLOCK)]
        added = others[rng.integers(len(others), size=self.BLOCK)]
        # Below tau, through the distribution function.
        chance = rng.random((self.BLOCK, 1)) * beta.cdf(self.tau, self.alpha, self.alpha)
        share = beta.ppf(chance, self.alpha, self.alpha)
        return np.asarray(share * added + (1 - share) * base)
