"""Logistic regression with a quadratic penalty, its solver chosen by the width of the features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from rarecase.arrays import Floats
from rarecase.experiment.classifiers.contract import Classifier


class Logistic(LogisticRegression):  # type: ignore[misc]
    """scikit-learn's; `C` is the inverse regularisation strength for rows of squared length 1."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows `X` (n, d) of classes `y` (n,)."""
        # Newton's steps need few passes where a Hessian is small; it is d² there, (classes · d)²
        # with more than two.
        small = np.unique(y).size * np.shape(X)[1] <= 1200
        self.solver = "newton-cholesky" if small else "lbfgs"
        self.max_iter = 500
        super().fit(X, y, sample_weight)
        return self


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
