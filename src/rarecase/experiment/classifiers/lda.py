"""Linear discriminant analysis with a shrunken covariance."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from rarecase.arrays import Floats
from rarecase.experiment.classifiers.contract import Classifier


class Lda(LinearDiscriminantAnalysis):  # type: ignore[misc]
    """scikit-learn's with the solver `lsqr` and the shrinkage `auto`, whose checks take ten times
    as long as its arithmetic where a comparison fits thousands to a hundred rows each."""

    def __init__(self) -> None:
        super().__init__(solver="lsqr", shrinkage="auto")

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to rows `X` (n, d) of classes `y` (n,)."""
        rows = np.asarray(X, dtype=np.float64)
        classes, code, counts = np.unique(y, return_inverse=True, return_counts=True)
        if counts.min() < 2 or classes.size < 2:
            super().fit(X, y)
            return self
        priors = counts / counts.sum()
        each = [rows[code == c] for c in range(classes.size)]
        means = np.stack([mine.mean(axis=0) for mine in each])
        covariance = sum(p * ledoit_wolf(mine) for p, mine in zip(priors, each, strict=True))
        weights = np.linalg.lstsq(covariance, means.T, rcond=None)[0].T
        offsets = np.log(priors) - 0.5 * np.einsum("cd,cd->c", means, weights)
        self.classes_, self.priors_, self.means_ = classes, priors, means
        self.n_features_in_ = rows.shape[1]
        if classes.size == 2:
            weights, offsets = weights[1:] - weights[:1], offsets[1:] - offsets[:1]
        self.coef_, self.intercept_ = weights, offsets
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities (n, classes)."""
        z = np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_
        if z.shape[1] == 1:
            z = np.concatenate([np.zeros_like(z), z], axis=1)
        return np.asarray(softmax(z, axis=1))


def ledoit_wolf(X: Floats) -> Floats:
    """Covariance (d, d) of rows (n, d), shrunken towards a multiple of the identity by Ledoit and
    Wolf (2004) after every feature was scaled to a variance of 1, and scaled back."""
    n, d = X.shape
    centred = X - X.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    constant = spread <= 10 * np.finfo(np.float64).eps * np.abs(X).max(axis=0, initial=0)
    spread = np.where(constant, 1.0, spread)
    z = centred / spread
    empirical = z.T @ z / n
    if d == 1:  # there is nothing to shrink it towards
        return np.asarray(empirical * spread**2)
    mean = np.trace(empirical) / d
    squares = np.square(z)
    spent = (float((squares.sum(axis=1) ** 2).sum()) / n - float(np.square(empirical).sum())) / n
    apart = float(np.square(empirical).sum()) - d * mean**2
    share = min(spent, apart) / apart if spent > 0 and apart > 0 else 0.0
    shrunken = (1 - share) * empirical + share * mean * np.eye(d)
    return np.asarray(shrunken * np.outer(spread, spread))


def make() -> Classifier:
    """The shrinkage is Ledoit and Wolf's, estimated from the training samples: nothing is tuned. A
    Gaussian per class with one covariance is what it assumes, so that it is what endless synthetic
    samples of the arm `gaussian` would lead to."""
    return Classifier("lda", Lda(), rotate=True)
