"""Which synthetic samples to keep: those whose class the discriminator gets right.

Mehra and Sahoo (arXiv 2209.14097), section 3. It rewards a generator for agreeing with itself:
the table says how many were kept, so that the share can be reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError


def filter_table(labels: ArrayLike, kept: ArrayLike) -> pd.DataFrame:
    """One row a class: label, made, kept (counts), sorted by label.

    >>> filter_table(["HGG", "LGG", "LGG"], [True, True, False])
      label  made  kept
    0   HGG     1     1
    1   LGG     2     1
    """
    names, mask = _checked(labels, kept)
    rows = [
        (name, int((names == name).sum()), int(mask[names == name].sum()))
        for name in np.unique(names).tolist()
    ]
    return pd.DataFrame(rows, columns=["label", "made", "kept"])


@dataclass(frozen=True)
class Taken:
    """The samples that make up an amount: `rows` (indices, sorted) and what was missing a class."""

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


def keep(name: str, generator: Any, X: Any, y: Any, *, real: Any, labels: Any, groups: Any) -> Any:
    return generator.agreement(X, y)
