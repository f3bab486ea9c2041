"""A linear classifier of vectors: standardised, then logistic regression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase.errors import DataError, SettingError
from rarecase.experiment.classifiers.contract import (
    Extra,
    Features,
    check_predictable,
    training_set,
)
from rarecase.features.moments import moments
from rarecase.features.samples import Samples, samples_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class LinearClassifier:
    """Logistic regression on vectors (d,), standardised by all the samples it is fitted on.

    `C` is scikit-learn's inverse strength of the L2 penalty. After fitting: `classes_` (sorted),
    `shape_`, `history_` (one row: epoch, loss, accuracy on the training samples).

    >>> X, y = np.array([[0.0], [1.0], [4.0], [5.0]]), ["HGG", "HGG", "LGG", "LGG"]
    >>> LinearClassifier().fit(X, y).predict([[0.5], [6.0]])
    array(['HGG', 'LGG'], dtype='<U3')
    """

    def __init__(self, *, C: float = 1.0, max_iter: int = 2000, random_state: int = 0):
        if not C > 0 or max_iter < 1:
            raise SettingError(f"C, max_iter: expected C > 0, max_iter ≥ 1, got {C}, {max_iter}.")
        self.C = C
        self.max_iter = max_iter
        self.random_state = random_state
        self.classes_: list[Any] = []
        self.shape_: tuple[int, ...] | None = None
        self.history_ = pd.DataFrame()

    def fit(
        self,
        X: Features,
        y: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        extra: Extra | None = None,
        extra_rows: ArrayLike | None = None,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> Self:
        """Fit to vectors `X[rows]` (n, d) with labels `y` (n,), and to `extra` if given.

        `checkpoint` and `fabric` are part of the interface and not used: a fit takes seconds.
        Raises `DataError` on NaN, wrong shapes and lengths, fewer than two classes.
        """
        real, samples, self.classes_, codes = training_set(
            X, y, rows=rows, extra=extra, extra_rows=extra_rows
        )
        if len(real.shape) != 1:
            raise DataError(
                f"X: the linear classifier takes vectors (n, d), got samples of {real.shape}; "
                "use make_classifier('cnn', …) for maps."
            )
        values = samples.read(np.arange(len(samples)))
        moments(Samples(values))  # refuses NaN
        self.shape_ = real.shape
        self._model = make_pipeline(
            StandardScaler(),
            LogisticRegression(C=self.C, max_iter=self.max_iter, random_state=self.random_state),
        ).fit(values, codes)
        proba = self._model.predict_proba(values)
        loss = -np.log(np.maximum(proba[np.arange(len(codes)), codes], 1e-300)).mean()
        accuracy = (proba.argmax(axis=1) == codes).mean()
        self.history_ = pd.DataFrame(
            [{"epoch": 1, "loss": float(loss), "accuracy": float(accuracy)}]
        )
        return self

    def predict_proba(self, X: Features, *, rows: ArrayLike | None = None) -> NDArray[np.float64]:
        """Probabilities (n, classes) of vectors `X[rows]`, in the order of `classes_`."""
        samples = samples_of(X, rows=rows)
        check_predictable(self, samples, self.shape_)
        out = np.empty((len(samples), len(self.classes_)))
        for indices, batch in samples.batches(1024):
            if not np.isfinite(batch).all():
                raise DataError(f"X: NaN or infinite values in samples {indices[0]} and on.")
            out[indices] = self._model.predict_proba(batch)
        return out

    def predict(self, X: Features, *, rows: ArrayLike | None = None) -> NDArray[Any]:
        """The most probable class of each sample (n,)."""
        best = self.predict_proba(X, rows=rows).argmax(axis=1)
        return cast("NDArray[Any]", np.asarray(self.classes_)[best])
