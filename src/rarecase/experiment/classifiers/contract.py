"""What every classifier of features offers, whatever it is fitted on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.samples import Joined, Samples, checked_labels, samples_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from rarecase.features.store import FeatureStore

Features: TypeAlias = "ArrayLike | FeatureStore | Samples"
Extra: TypeAlias = "tuple[Features, ArrayLike]"


class Classifier(Protocol):
    """Fits on real and, if given, extra samples; `classes_` (sorted) orders the probabilities."""

    classes_: list[Any]
    history_: pd.DataFrame

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
        """Fit to `X[rows]` with labels `y` and to `extra[0][extra_rows]` with labels `extra[1]`."""

    def predict_proba(self, X: Features, *, rows: ArrayLike | None = None) -> NDArray[np.float64]:
        """Probabilities (n, classes) of `X[rows]`."""


def training_set(
    X: Features,
    y: ArrayLike,
    *,
    rows: ArrayLike | None,
    extra: Extra | None,
    extra_rows: ArrayLike | None,
) -> tuple[Samples, Samples | Joined, list[Any], NDArray[np.int64]]:
    """The real samples, all samples, the classes, and the class index of each of all samples.

    Raises `DataError` on lengths or shapes that differ, on fewer than two classes, and on an
    extra sample of a class that no real sample has.
    """
    real = samples_of(X, rows=rows)
    labels = checked_labels(y, len(real))
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(f"y: expected at least two classes, got only {classes.tolist()}.")
    codes = np.searchsorted(classes, labels)
    if extra is None:
        return real, real, classes.tolist(), codes
    made = samples_of(extra[0], rows=extra_rows)
    made_labels = checked_labels(extra[1], len(made))
    if len(made) == 0:
        return real, real, classes.tolist(), codes
    for name in np.unique(made_labels).tolist():
        if name not in classes.tolist():
            hint = nearest(str(name), [str(known) for known in classes.tolist()])
            raise DataError(f"extra: class {name!r} has no real sample; {hint}")
    both = np.concatenate([codes, np.searchsorted(classes, made_labels)])
    return real, Joined(real, made), classes.tolist(), both


def check_predictable(model: object, samples: Samples, shape: tuple[int, ...] | None) -> None:
    """`SettingError` before `fit`, `DataError` on samples of another shape than was fitted."""
    if shape is None:
        raise SettingError(f"this {type(model).__name__} is not fitted; call fit(X, y) first.")
    if samples.shape != shape:
        raise DataError(f"X: expected samples of shape {shape}, got {samples.shape}.")
