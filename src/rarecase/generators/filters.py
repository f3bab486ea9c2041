"""Which synthetic samples to keep: filters by their names, and how many samples make up an amount.

The paper's (Mehra and Sahoo, arXiv 2209.14097, section 3) is `agreement`: those whose class the
discriminator gets right. It rewards a generator for agreeing with itself; the others ask real
samples alone (see `real_data_filters`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError, SettingError, nearest
from rarecase.generators.real_data_filters import Bools, dense, near, recognised

AGREEMENT = "agreement"


def _agreement(*_: ArrayLike, agrees: ArrayLike | None, **__: Any) -> Bools:
    if agrees is None:
        raise SettingError(
            f"filter {AGREEMENT!r}: give as agrees what the generator's agreement(X, y) says."
        )
    return np.asarray(agrees, dtype=bool)


def _recognised(
    X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike,
    *, groups: ArrayLike | None, seed: int, agrees: ArrayLike | None,
) -> Bools:  # fmt: skip
    return recognised(X, y, synthetic, requested, groups=groups, seed=seed)


def _by_distance(keep: Callable[..., Bools]) -> Callable[..., Bools]:
    """A filter on distances, taken in deviations of each real feature."""

    def scaled(
        X: ArrayLike, y: ArrayLike, synthetic: ArrayLike, requested: ArrayLike, **_: Any
    ) -> Bools:
        real = np.asarray(X, dtype=np.float64)
        spread = real.std(axis=0)
        spread[spread == 0] = 1
        return keep(real / spread, y, np.asarray(synthetic, dtype=np.float64) / spread, requested)

    return scaled


FILTERS: dict[str, Callable[..., Bools]] = {
    "recognised": _recognised,
    "near": _by_distance(near),
    "dense": _by_distance(dense),
    AGREEMENT: _agreement,
}


def check_name(name: str) -> None:
    """Raise `SettingError` for a filter that there is not."""
    if name not in FILTERS:
        raise SettingError(f"filter {name!r} is unknown; {nearest(name, FILTERS)}")


def vectors(X: ArrayLike) -> NDArray[np.float64]:
    """What an independent filter sees of samples (n, d) or (n, c, …): each as a vector, of maps the
    mean of each channel, (n, d) or (n, c).

    >>> vectors(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[1.5, 5.5]]
    """
    values = np.asarray(X)
    if values.ndim < 3:
        return np.asarray(values, dtype=np.float64)
    flat = values.reshape(*values.shape[:2], -1)
    return np.asarray(flat.mean(axis=2, dtype=np.float64))  # a copy in float64 would be large


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
        Of `FILTERS`.
    X, y, groups
        Real vectors (n, d), their classes and patients (n,).
    synthetic, requested
        Synthetic vectors (m, d) and the classes that were requested of the generator (m,).
    agrees
        What a generator's discriminator says of them (m,): `agreement` needs it.

    Returns
    -------
    Which to keep, (m,).

    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0], [9.5]]), ["a"] * 3 + ["b"] * 2
    >>> kept_by("near", X, y, [[1.5], [5.0]], ["a", "a"]).tolist()
    [True, False]
    """
    check_name(name)
    return FILTERS[name](X, y, synthetic, requested, groups=groups, agrees=agrees, seed=seed)


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
    names, mask = _checked(labels, kept)
    rows = [
        (name, int((names == name).sum()), int(mask[names == name].sum()))
        for name in np.unique(names).tolist()
    ]
    return pd.DataFrame(rows, columns=["label", "generated", "kept"])


@dataclass(frozen=True)
class Taken:
    """The samples that make up an amount: `rows` (indices, sorted) and what was missing per
    class."""

    rows: NDArray[np.int64]
    missing: dict[Any, int]


def take_per_class(
    labels: ArrayLike, kept: ArrayLike, amount: int, classes: Sequence[Any]
) -> Taken:
    """The first kept samples of each class, `amount` in all, spread equally over `classes`.

    What does not divide goes to the classes named first. Amounts nest: the samples of a smaller
    amount are among those of a larger. A class with too few kept samples gives what it has, and
    `missing` says how many it was short of.

    >>> take_per_class(["a", "b", "a", "b"], [True, True, True, False], 4, ["a", "b"])
    Taken(rows=array([0, 1, 2]), missing={'b': 1})
    """
    names, mask = _checked(labels, kept)
    if amount < 0:
        raise DataError(f"amount: expected a number of samples from 0 on, got {amount}.")
    if not classes or len(set(classes)) != len(classes):
        raise DataError(f"classes: expected distinct classes, got {list(classes)}.")
    share, rest = divmod(amount, len(classes))
    picked: list[NDArray[np.int64]] = []
    missing = {}
    for place, name in enumerate(classes):
        wanted = share + (place < rest)
        found = np.flatnonzero(mask & (names == name))[:wanted]
        picked.append(found.astype(np.int64))
        if len(found) < wanted:
            missing[name] = wanted - len(found)
    return Taken(np.sort(np.concatenate(picked)), missing)


def _checked(labels: ArrayLike, kept: ArrayLike) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    names, mask = np.asarray(labels), np.asarray(kept)
    if names.ndim != 1 or names.shape != mask.shape or mask.dtype != np.bool_:
        raise DataError(
            "labels and kept: expected a label and a bool a sample, got shapes "
            f"{names.shape} and {mask.shape} ({mask.dtype})."
        )
    return names, mask
