"""Filters that do not ask the generator: what does the real data say of a synthetic sample?

The paper keeps what the discriminator, the generator's own opponent, calls right. These ask real
samples alone, and never the discriminator. All take the fold's real training samples (n, d) with
their classes (n,), and synthetic ones (m, d) with the requested classes (m,); they return
which to keep, (m,) of bool.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase.errors import DataError, SettingError
from rarecase.features.samples import checked_labels
from rarecase.generators.audit.distances import distance_blocks, nearest

Bools = NDArray[np.bool_]
Keep = Callable[[NDArray[np.float64], NDArray[np.float64]], Bools]
"""Real and synthetic samples of one class: which of the synthetic ones to keep."""


def recognised(
    X: ArrayLike,
    y: ArrayLike,
    synthetic: ArrayLike,
    requested: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Bools:
    """Those whose class a classifier of real samples recognises: the mean of logistic regressions
    that were each fitted without one fold of the patients (`groups`). One patient's oddities weigh
    less so, as long as they are few. Classes weigh the same: a rare one would hardly be recognised.

    >>> X, y = np.array([[0.0], [0.2], [0.1], [5.0], [5.1], [5.2]]), ["a"] * 3 + ["b"] * 3
    >>> recognised(X, y, [[0.1], [5.0], [4.9]], ["a", "b", "a"], folds=3).tolist()
    [True, True, False]
    """
    real, labels, vectors, wanted = _checked(X, y, synthetic, requested)
    if folds < 2:
        raise SettingError(f"folds: expected 2 or more, got {folds}.")
    who = np.arange(len(real)) if groups is None else np.asarray(groups).astype(str)
    if who.shape != labels.shape:
        raise DataError(f"groups: expected one per sample ({len(real)}), got shape {who.shape}.")
    classes = np.unique(labels)
    patients = [np.unique(who[labels == name]).size for name in classes]
    if min(patients) < 2:
        few = classes.tolist()[int(np.argmin(patients))]
        raise DataError(f"y: class {few!r} has one patient; expected two or more of each.")
    split = StratifiedGroupKFold(min(folds, *patients), shuffle=True, random_state=seed)
    total, fitted = np.zeros((len(vectors), classes.size)), 0
    for train, _ in split.split(real, labels, who):
        if np.unique(labels[train]).size < classes.size:
            continue  # a fold that took a class's last patients
        model = make_pipeline(StandardScaler(), _judge())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            total += model.fit(real[train], labels[train]).predict_proba(vectors)
        fitted += 1
    if not fitted:
        raise DataError("groups: no fold leaves patients of every class to learn from.")
    best: NDArray[Any] = classes[total.argmax(axis=1)]
    return np.asarray(best == wanted)


def _judge() -> LogisticRegression:
    return LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)


def near(
    X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike, *, share: float = 0.95
) -> Bools:
    """Those no farther from the nearest real sample of their class than `share` of the real ones of
    the class are from theirs.

    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0], [9.5]]), ["a"] * 3 + ["b"] * 2
    >>> near(X, y, [[1.5], [5.0], [9.2]], ["a", "a", "b"]).tolist()
    [True, False, True]
    """
    if not 0 < share <= 1:
        raise SettingError(f"share: expected above 0 and up to 1, got {share}.")

    def keep(own: NDArray[np.float64], samples: NDArray[np.float64]) -> Bools:
        usual = np.quantile(nearest(own, own, same=True)[:, 0], share)
        return np.asarray(nearest(samples, own)[:, 0] <= usual)

    return _by_class(X, y, synthetic, requested, keep)


def dense(
    X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike, *, neighbours: int = 5
) -> Bools:
    """Those that lie within the ball of a real sample of their class, which reaches to its
    `neighbours`-th neighbour of the class (what precision counts; Kynkäänniemi et al. 2019,
    arXiv 1904.06991, with the ball's edge).

    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0], [9.5]]), ["a"] * 3 + ["b"] * 2
    >>> dense(X, y, [[1.5], [5.0], [9.2]], ["a", "a", "b"], neighbours=1).tolist()
    [True, False, True]
    """
    if neighbours < 1:
        raise SettingError(f"neighbours: expected 1 or more, got {neighbours}.")

    def keep(own: NDArray[np.float64], samples: NDArray[np.float64]) -> Bools:
        k = min(neighbours, len(own) - 1)
        reach = nearest(own, own, k=k, same=True)[:, -1]
        within = np.zeros(len(samples), dtype=bool)
        for rows, columns, apart in distance_blocks(samples, own):
            within[rows] |= (apart <= reach[None, columns]).any(axis=1)
        return within

    return _by_class(X, y, synthetic, requested, keep)


def _by_class(
    X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike, keep: Keep
) -> Bools:
    real, labels, vectors, wanted = _checked(X, y, synthetic, requested)
    kept = np.zeros(len(vectors), dtype=bool)
    for name in np.unique(wanted).tolist():
        own, mine = real[labels == name], wanted == name
        if len(own) < 2:
            raise DataError(f"y: class {name!r} has {len(own)} real sample(s); expected two.")
        kept[mine] = keep(own, vectors[mine])
    return kept


def _checked(
    X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike
) -> tuple[NDArray[np.float64], NDArray, NDArray[np.float64], NDArray]:
    real, vectors = _flat(X, name="X"), _flat(synthetic, name="synthetic")
    if real.shape[1] != vectors.shape[1]:
        raise DataError(
            f"X, synthetic: expected as many features, got {real.shape[1]} and {vectors.shape[1]}."
        )
    labels, wanted = checked_labels(y, len(real)), checked_labels(requested, len(vectors))
    known = np.unique(labels).tolist()
    for name in np.unique(wanted).tolist():
        if name not in known:
            raise DataError(f"requested: no real sample is of class {name!r}; y holds {known}.")
    return real, labels, vectors, wanted


def _flat(samples: ArrayLike, *, name: str) -> NDArray[np.float64]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim < 2 or not len(values):
        raise DataError(f"{name}: expected samples (n, d), got shape {values.shape}.")
    if not np.isfinite(values).all():
        raise DataError(f"{name}: some values are missing or infinite.")
    return values.reshape(len(values), -1)
