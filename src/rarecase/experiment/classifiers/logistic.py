"""Logistic regression with a quadratic penalty, its solver chosen by the width of the features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from rarecase.arrays import Floats, Ints
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.classifiers.newton import fit_all

WIDEST = 1200  # classes × features up to which Newton's steps are faster: a Hessian is its square


class Logistic(LogisticRegression):  # type: ignore[misc]
    """scikit-learn's; `C` is the inverse regularisation strength for rows of squared length 1."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows `X` (n, d) of classes `y` (n,)."""
        classes, code = np.unique(y, return_inverse=True)
        if classes.size < 2 or not _small(X, classes.size):
            self.max_iter = 500
            super().fit(X, y, sample_weight)
            return self
        found = fit_all([(_rows(X), code, sample_weight)], [self.C], classes=classes.size)
        return self._at(classes, found[0, 0])

    def fit_grid(
        self, sets: Sequence[tuple[Any, Ints, Floats | None]], strengths: Sequence[float]
    ) -> list[list[Logistic]]:
        """One for every set of rows, classes and weights and every `C`, [set][C], fitted at once
        where that is faster; other settings as here."""
        each = [np.unique(y) for _, y, _ in sets]
        classes, shapes = each[0], {np.shape(X)[1] for X, _, _ in sets}
        alike = len(shapes) == 1 and all(np.array_equal(classes, c) for c in each)
        if not alike or classes.size < 2 or not _small(sets[0][0], classes.size):
            return [[self._like(C).fit(*one) for C in strengths] for one in sets]
        coded = [(_rows(X), np.searchsorted(classes, y), weight) for X, y, weight in sets]
        found = fit_all(coded, strengths, classes=classes.size)
        return [
            [self._like(C)._at(classes, w) for C, w in zip(strengths, one, strict=True)]
            for one in found
        ]

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities (n, classes)."""
        w, b = linear(self)
        z = _rows(X) @ w.T + b
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        found: Floats = z / z.sum(axis=1, keepdims=True)
        return found

    def _like(self, C: float) -> Logistic:
        made = copy.copy(self)  # set_params would read signatures, a thousand times
        made.C = C
        return made

    def _at(self, classes: Any, weights: Floats) -> Self:
        self.classes_, self.n_features_in_ = classes, weights.shape[1] - 1
        self.coef_, self.intercept_ = weights[:, :-1], weights[:, -1]
        return self


def _small(X: Any, classes: int) -> bool:
    return classes * int(np.shape(X)[1]) <= WIDEST


def _rows(X: Any) -> Floats:
    return np.asarray(X, dtype=np.float64)


def make() -> Classifier:
    """The classifier of vectors unless another is named."""
    return Classifier("logistic", Logistic(), grid={"C": (0.1, 1.0, 10.0, 100.0)}, rotate=True)


def linear(model: Logistic) -> tuple[Floats, Floats]:
    """Weights (classes, d) and offsets (classes,) of a fitted one: the softmax of X wᵀ + b is the
    probability of each class; every class must have been seen."""
    w, b = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(model.classes_) == 2:
        w, b = np.concatenate([0 * w, w]), np.concatenate([0 * b, b])
    return w, b
