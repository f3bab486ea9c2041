"""Gaussians whose covariance is shrunk towards the one that all classes share: one per class, or
a mixture of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from rarecase.arrays import Floats
from rarecase.generators import validation
from rarecase.generators.closed_form import ClosedForm
from rarecase.seeds import derive


class Gaussian(ClosedForm):
    """Samples of N(mean of the class, covariance of the class).

    The covariance is (1 − δ) S + δ P: S that of the class's samples, P the pooled one within
    classes, itself shrunk towards a multiple of the identity, and δ the shrinkage that Ledoit and
    Wolf (J. Multivariate Analysis 2004) find for S. The fewer samples a class has, the more of its
    variation is borrowed from the others. No d × d matrix is formed. With `standardise` all of it
    is done on columns divided by their deviation over all samples, so that units do not matter.
    `compare` has standardised before it rotates, and goes without: along the axes that it rotates
    to, deviations are what is to be learnt. A column that never varies stays as it is.

    >>> X, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat(["a", "b"], [25, 5])
    >>> Gaussian().fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    def __init__(
        self, *, standardise: bool = True, sampling_strategy: Any = "auto", random_state: Any = 0
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.standardise = standardise

    def _prepare(self) -> None:
        self._units = Units(self._X, standardise=self.standardise)
        parts = [self._units.without(self._of_class(code)) for code in range(len(self.classes_))]
        self._normals = Normals(parts)

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        return self._units.within(self._normals.draw(code, self.BLOCK, rng))


class GaussianMixture(ClosedForm):
    """Samples of a mixture of up to `components` Gaussians per class, as `Gaussian` makes them.

    The parts of a class are found by k-means, with `standardise` (see `Gaussian`) on columns
    divided by their deviation over all samples, and weigh what they hold; a part has at least
    `smallest` samples, so that a class of few stays one Gaussian.

    >>> X, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat(["a", "b"], [25, 5])
    >>> GaussianMixture().fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    def __init__(
        self,
        *,
        components: int = 4,
        smallest: int = 8,
        standardise: bool = True,
        sampling_strategy: Any = "auto",
        random_state: Any = 0,
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.components = components
        self.smallest = smallest
        self.standardise = standardise

    def _prepare(self) -> None:
        validation.between("components", self.components, low=0, high=np.inf)
        validation.between("smallest", self.smallest, low=1, high=np.inf)
        self._units = Units(self._X, standardise=self.standardise)
        parts: list[NDArray[Any]] = []
        self._places: list[range] = []
        for code in range(len(self.classes_)):
            mine = self._units.without(self._of_class(code))
            found = self._split(mine, seed=derive(self.seed_, "parts", code))
            self._places.append(range(len(parts), len(parts) + len(found)))
            parts += found
        self._normals = Normals(parts)

    def _split(self, mine: NDArray[Any], *, seed: int) -> list[NDArray[Any]]:
        from sklearn.cluster import KMeans

        count = int(min(self.components, len(mine) // self.smallest))
        while count > 1:
            # No more of them than there are different samples, and none with fewer than `smallest`.
            different = len(np.unique(mine, axis=0))
            means = KMeans(min(count, different), n_init=5, random_state=seed % 2**32)
            part = means.fit_predict(mine)
            sizes = np.bincount(part)
            if sizes.min() >= self.smallest:
                return [mine[part == number] for number in range(len(sizes))]
            count -= 1
        return [mine]

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Floats:
        places = self._places[code]
        sizes = np.array([self._normals.sizes[place] for place in places], dtype=np.float64)
        chosen = rng.choice(len(places), size=self.BLOCK, p=sizes / sizes.sum())
        made = np.stack([self._normals.draw(place, self.BLOCK, rng) for place in places])
        return self._units.within(made[chosen, np.arange(self.BLOCK)])


class Units:
    """What columns of samples `X` (n, d) are divided by, `size` (d,): their deviation over all
    classes together, so that data that are already standardised stay as they are; 1 where they
    never vary, and everywhere without `standardise`. Of those that never vary, `still`, the `value`
    that they have."""

    def __init__(self, X: NDArray[Any], *, standardise: bool) -> None:
        self.still = np.flatnonzero(np.ptp(X, axis=0) == 0)
        self.value = X[0, self.still]
        centred = X - X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        square = np.einsum("nd,nd->d", centred, centred, dtype=np.float64) / len(X)
        size = np.sqrt(square).astype(X.dtype)
        size[self.still] = 0
        size[size == 0] = 1
        self.size = size if standardise else np.ones_like(size)

    def without(self, X: NDArray[Any]) -> NDArray[Any]:
        """Values (n, d) in these units."""
        return np.asarray(X / self.size)

    def within(self, X: NDArray[Any]) -> Floats:
        """Values (n, d) in the data's units again."""
        made = X * self.size
        made[:, self.still] = self.value
        return np.asarray(made)


class Normals:
    """Gaussians of groups of samples (n, d), each covariance shrunk towards the pooled one."""

    def __init__(self, groups: Sequence[NDArray[Any]]) -> None:
        self.sizes = [len(group) for group in groups]
        self.means = [group.mean(axis=0) for group in groups]
        less = [group - mean for group, mean in zip(groups, self.means, strict=True)]
        self.pooled = np.concatenate(less)
        self.rest = np.split(self.pooled, np.cumsum(self.sizes)[:-1])
        self.shrinkage = [shrinkage(each) for each in self.rest]
        self.pooled_shrinkage = shrinkage(self.pooled)
        # Of the multiple of the identity that the pooled covariance is shrunk towards.
        self.spread = float(np.sqrt(np.square(self.pooled).mean()))

    def draw(self, group: int, count: int, rng: np.random.Generator) -> Floats:
        """Samples (count, d) like those of a group."""
        own = self.rest[group]
        delta, inner = self.shrinkage[group], self.pooled_shrinkage
        noise = self.spread * rng.standard_normal((count, own.shape[1]))
        shared = np.sqrt(1 - inner) * _like(self.pooled, count, rng) + np.sqrt(inner) * noise
        varied = np.sqrt(1 - delta) * _like(own, count, rng) + np.sqrt(delta) * shared
        return np.asarray(self.means[group] + varied)


def shrinkage(centred: Floats) -> float:
    """Ledoit and Wolf's δ of samples less their mean (n, d), 0 to 1; 1 where two samples or none
    vary."""
    count, width = centred.shape
    if count < 3 or not np.any(centred):
        return 1.0
    if count >= width:
        return max(0.0, float(ledoit_wolf_shrinkage(centred, assume_centered=True)))
    # The same from the products of samples, n² of them, which have the same sum of squares as the
    # d² of columns: maps have far more values than there are samples.
    gram = np.asarray(centred @ centred.T, dtype=np.float64)
    length = np.diagonal(gram)
    square = np.square(gram).sum() / count**2
    apart = square - (length.sum() / count) ** 2 / width
    noise = (np.square(length).sum() / count - square) / count
    return float(np.clip(noise / apart, 0, 1)) if apart > 0 else 0.0


def _like(centred: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Draws of N(0, XᵀX / n), as random combinations of the rows of X (n, d)."""
    drawn = rng.standard_normal((count, len(centred))) @ centred
    return np.asarray(drawn / np.sqrt(len(centred)))
