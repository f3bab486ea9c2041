"""A filter by its name, and how many of its samples make up an amount."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import SettingError, nearest
from rarecase.generators.real_data_filters import Bools, dense, near, recognised

AGREEMENT = "agreement"  # the paper's, which the generator itself answers
FILTERS = ("recognised", "near", "dense", AGREEMENT)


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
    made: ArrayLike,
    asked: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> Bools:
    """Which of the vectors `made` (m, d) for the classes `asked` (m,) an independent filter keeps,
    (m,), given real ones `X` (n, d) of classes `y` and patients `groups` (n,). Distances are taken
    in deviations of each real feature. Raises `SettingError` for an unknown name and for
    `agreement`, which only a generator's discriminator can answer.

    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0], [9.5]]), ["a"] * 3 + ["b"] * 2
    >>> kept_by("near", X, y, [[1.5], [5.0]], ["a", "a"]).tolist()
    [True, False]
    """
    check_name(name)
    if name == AGREEMENT:
        raise SettingError(
            f"filter {name!r} is a generator's own: ask its agreement(X, y). The others are "
            f"{', '.join(FILTERS[:-1])}."
        )
    if name == "recognised":
        return recognised(X, y, made, asked, groups=groups, seed=seed)
    real = np.asarray(X, dtype=np.float64)
    spread = real.std(axis=0)
    spread[spread == 0] = 1
    distance: Callable[..., Bools] = near if name == "near" else dense
    return distance(real / spread, y, np.asarray(made, dtype=np.float64) / spread, asked)


def first_kept(mask: Bools, amount: int) -> Bools:
    """A mask up to and with its `amount`-th kept sample; all of it where there are fewer.

    >>> first_kept(np.array([True, False, True, True]), 2).tolist()
    [True, False, True]
    """
    places = np.flatnonzero(mask)
    return mask if len(places) < amount else mask[: places[amount - 1] + 1 if amount else 0]
