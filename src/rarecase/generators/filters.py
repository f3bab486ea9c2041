"""Which synthetic samples to keep: filters by their names, and how many samples make up an amount.

The paper's (Mehra and Sahoo, arXiv 2209.14097, section 3) is `agreement`: those whose class the
discriminator, the generator's own opponent, gets right. It rewards a generator for agreeing with
itself. The others ask real samples alone. They take the fold's real training samples (n, d) with
their classes (n,), and synthetic ones (m, d) with the requested classes (m,); they return which to
keep, (m,) of bool.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase.arrays import Bools
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.samples import checked_labels
from rarecase.features.standardise import vectors
from rarecase.generators.audit import distances
from rarecase.generators.audit.distances import Samples
from rarecase.generators.validation import whose

AGREEMENT = "agreement"


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
    real, labels, drawn, wanted = _checked(X, y, synthetic, requested)
    if folds < 2:
        raise SettingError(f"folds: expected 2 or more, got {folds}.")
    who, classes = whose(groups, len(real)), np.unique(labels)
    patients = [np.unique(who[labels == name]).size for name in classes]
    if min(patients) < 2:
        few = classes.tolist()[int(np.argmin(patients))]
        raise DataError(f"y: class {few!r} has one patient; expected two or more of each.")
    split = StratifiedGroupKFold(min(folds, *patients), shuffle=True, random_state=seed)
    total, fitted = np.zeros((len(drawn), classes.size)), 0
    for train, _ in split.split(real, labels, who):
        if np.unique(labels[train]).size < classes.size:
            continue  # a fold that took a class's last patients
        judge = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
        model = make_pipeline(StandardScaler(), judge)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            total += model.fit(real[train], labels[train]).predict_proba(drawn)
        fitted += 1
    if not fitted:
        raise DataError("groups: no fold leaves patients of every class to learn from.")
    return np.asarray(classes[total.argmax(axis=1)] == wanted)


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

    def keep(own: Samples, drawn: Samples) -> Bools:
        usual = np.quantile(distances.nearest(own, own, same=True)[:, 0], share)
        return np.asarray(distances.nearest(drawn, own)[:, 0] <= usual)

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

    def keep(own: Samples, drawn: Samples) -> Bools:
        k = min(neighbours, len(own) - 1)
        reach = distances.nearest(own, own, k=k, same=True)[:, -1]
        within = np.zeros(len(drawn), dtype=bool)
        for rows, columns, apart in distances.distance_blocks(drawn, own):
            within[rows] |= (apart <= reach[None, columns]).any(axis=1)
        return within

    return _by_class(X, y, synthetic, requested, keep)


DISTANCES: dict[str, Callable[..., Bools]] = {"near": near, "dense": dense}
FILTERS = ("recognised", *DISTANCES, AGREEMENT)


def kept_by(
    name: str,
    X: ArrayLike,
    y: ArrayLike,
    synthetic: ArrayLike,
    requested: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    agrees: ArrayLike | None = None,
    seed: int = 0,
) -> Bools:
    """Which synthetic samples a filter keeps.

    Parameters
    ----------
    name
        Of `FILTERS`. Those by distance take it in deviations of each real feature.
    X, y, groups
        Real vectors (n, d), their classes and patients (n,).
    synthetic, requested
        Synthetic vectors (m, d) and the classes that were requested of the generator (m,).
    agrees
        What a generator's discriminator says of them (m,): `agreement` needs it.

    Returns
    -------
    Which to keep, (m,).

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0], [9.5]]), ["a"] * 3 + ["b"] * 2
    >>> kept_by("near", X, y, [[1.5], [5.0]], ["a", "a"]).tolist()
    [True, False]
    """
    check_name(name)
    if name == AGREEMENT:
        if agrees is None:
            raise SettingError(
                f"filter {AGREEMENT!r}: give as agrees what the generator's agreement(X, y) says."
            )
        return np.asarray(agrees, dtype=bool)
    if name == "recognised":
        return recognised(X, y, synthetic, requested, groups=groups, seed=seed)
    real = np.asarray(X, dtype=np.float64)
    spread = real.std(axis=0)
    spread[spread == 0] = 1
    drawn = np.asarray(synthetic, dtype=np.float64)
    return DISTANCES[name](real / spread, y, drawn / spread, requested)


def kept_of(
    name: str | None,
    X: Any,
    y: ArrayLike,
    synthetic: Any,
    requested: ArrayLike,
    *,
    groups: ArrayLike | None,
    agrees: Callable[[], Bools],
) -> Bools:
    """`kept_by` of vectors or maps in arrays or stores (n, …) and (m, …); without a filter's name
    all, (m,). What the discriminator says is asked only where it counts."""
    if name is None:
        return np.ones(len(synthetic), dtype=bool)
    if name == AGREEMENT:
        return agrees()
    return kept_by(name, vectors(X), y, vectors(synthetic), requested, groups=groups)


def check_name(name: str) -> None:
    """Raise `SettingError` for a filter that there is not."""
    if name not in FILTERS:
        raise SettingError(f"filter {name!r} is unknown; {nearest(name, FILTERS)}")


def first_kept(mask: Bools, amount: int) -> Bools:
    """A mask up to and with its `amount`-th kept sample; all of it where there are fewer.

    >>> first_kept(np.array([True, False, True, True]), 2).tolist()
    [True, False, True]
    """
    places = np.flatnonzero(mask)
    return mask if len(places) < amount else mask[: places[amount - 1] + 1 if amount else 0]


def filter_table(labels: ArrayLike, kept: ArrayLike) -> pd.DataFrame:
    """One row per class: label, generated, kept (counts), sorted by label.

    >>> filter_table(["HGG", "LGG", "LGG"], [True, True, False])
      label  generated  kept
    0   HGG          1     1
    1   LGG          2     1
    """
    names, mask = np.asarray(labels), np.asarray(kept)
    if names.ndim != 1 or names.shape != mask.shape or mask.dtype != np.bool_:
        raise DataError(
            "labels and kept: expected a label and a bool a sample, got shapes "
            f"{names.shape} and {mask.shape} ({mask.dtype})."
        )
    classes, place, generated = np.unique(names, return_inverse=True, return_counts=True)
    count = np.bincount(place[mask], minlength=len(classes))
    return pd.DataFrame({"label": classes, "generated": generated, "kept": count})


def _by_class(
    X: ArrayLike,
    y: ArrayLike,
    synthetic: ArrayLike,
    requested: ArrayLike,
    keep: Callable[[Samples, Samples], Bools],
) -> Bools:
    """`keep` says of real and synthetic samples of one class which of the latter to keep."""
    real, labels, drawn, wanted = _checked(X, y, synthetic, requested)
    kept = np.zeros(len(drawn), dtype=bool)
    for name in np.unique(wanted).tolist():
        own, mine = real[labels == name], wanted == name
        if len(own) < 2:
            raise DataError(f"y: class {name!r} has {len(own)} real sample(s); expected two.")
        kept[mine] = keep(own, drawn[mine])
    return kept


def _checked(
    X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike
) -> tuple[Samples, NDArray[Any], Samples, NDArray[Any]]:
    real, drawn = distances.checked_pair(
        np.asarray(X, dtype=np.float64), np.asarray(synthetic, dtype=np.float64),
        names=("X", "synthetic"), least=1,
    )  # fmt: skip
    labels, wanted = checked_labels(y, len(real)), checked_labels(requested, len(drawn))
    known = np.unique(labels).tolist()
    for name in np.unique(wanted).tolist():
        if name not in known:
            raise DataError(f"requested: no real sample is of class {name!r}; y holds {known}.")
    return real, labels, drawn, wanted
