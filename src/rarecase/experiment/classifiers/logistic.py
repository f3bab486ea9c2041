"""The classifier of the comparison: logistic regression with a quadratic penalty."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from rarecase.arrays import Floats
from rarecase.experiment.training_set import TrainingSet


class Model(Protocol):
    """Fits a training set at one strength and gives probabilities. `strengths`: those to choose
    from on inner folds, the most cautious first."""

    strengths: tuple[float, ...]

    def fit(self, training: TrainingSet, *, strength: float, classes: int) -> Predict: ...


class Predict(Protocol):
    """Rows (n, d) to probabilities (n, classes)."""

    def __call__(self, X: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted logistic regression. A class that it never saw has the probability 0."""

    model: LogisticRegression
    classes: int

    def __call__(self, X: Floats) -> Floats:
        p = np.zeros((len(X), self.classes))
        p[:, self.model.classes_] = self.model.predict_proba(X)
        return p

    def linear(self) -> tuple[Floats, Floats]:
        """Weights (classes, d) and offsets (classes,): the softmax of X wᵀ + b is the probability
        of each class; every class must have been seen."""
        w, b = np.asarray(self.model.coef_), np.asarray(self.model.intercept_)
        if self.classes == 2:
            w, b = np.concatenate([0 * w, w]), np.concatenate([0 * b, b])
        return w, b


class Logistic:
    """Logistic regression; a strength is scikit-learn's C for rows of squared length 1."""

    def __init__(self, strengths: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)) -> None:
        self.strengths = strengths

    def fit(self, training: TrainingSet, *, strength: float, classes: int) -> Fitted:
        """Fit; a class without a row gets the probability 0."""
        # Newton's steps need few passes where a Hessian is small; it is d² there, (classes · d)²
        # with more than two.
        solver = "newton-cholesky" if classes * training.X.shape[1] <= 1200 else "lbfgs"
        model = LogisticRegression(C=strength, solver=solver, max_iter=500)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # separable rows, weak penalty
            model.fit(training.X, training.y, sample_weight=training.weight)
        return Fitted(model, classes)
