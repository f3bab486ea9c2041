"""How well one column alone tells a class from the others, and how likely noise would do as well.

Of patients, not rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from rarecase.arrays import Bools, Floats, Ints

HIGH = 0.95  # balanced accuracy from which on a column is looked at


@dataclass(frozen=True)
class Separation:
    """The best single cut, or the best grouping of values.

    Parameters
    ----------
    right, patients
        Patients on their side of it, of those who have a value.
    balanced
        Balanced accuracy, from 0.5 to 1 (1: it separates perfectly).
    chance
        Probability that noise does at least as well (an upper bound where it is not perfect); 1
        where it is not `HIGH`.
    """

    right: int
    patients: int
    balanced: float
    chance: float

    @property
    def perfect(self) -> bool:
        return self.right == self.patients


def by_cut(values: Floats, inside: Bools) -> Separation | None:
    """The best cut of numbers (n,) between those `inside` a class (n,) and others; None where one
    side has no value, or all have the same."""
    known = ~np.isnan(values)
    values, inside = values[known], inside[known]
    n, k = len(values), int(inside.sum())
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.diff(values[order])) + 1  # patients below each cut
    if k in (0, n) or not ends.size:
        return None
    hits = np.cumsum(inside[order])[ends - 1]
    gain = hits / k - (ends - hits) / (n - k)
    at = int(np.abs(gain).argmax())
    below, found = int(ends[at]), int(hits[at])
    if gain[at] < 0:  # the class lies above
        below, found = n - below, k - found
    return _separation(n, k, below, found, np.bincount([*ends, *(n - ends)], minlength=n + 1))


def by_value(codes: Ints, inside: Bools) -> Separation | None:
    """The best grouping of categories (n,), codes from 0, −1 for none; None where one side has no
    value, or all have the same."""
    known = codes >= 0
    codes, inside = codes[known], inside[known]
    n, k = len(codes), int(inside.sum())
    sizes = np.bincount(codes)
    if k in (0, n) or (sizes > 0).sum() < 2:
        return None
    hits = np.bincount(codes[inside], minlength=len(sizes))
    mine = hits / k > (sizes - hits) / (n - k)
    ways = np.zeros(n + 1)
    ways[0] = 1.0  # in how many ways some of the categories have so many patients together
    for size in sizes[sizes > 0]:
        ways[size:] = ways[size:] + ways[:-size]
    return _separation(n, k, int(sizes[mine].sum()), int(hits[mine].sum()), ways)


def _separation(n: int, k: int, below: int, found: int, ways: NDArray[Any]) -> Separation:
    """Of n patients, k of the class, of whom `found` are among the `below` that are called so.

    Noise: the labels are handed out anew, so that of m patients hypergeometrically many are of the
    class. `ways` (n + 1,): how many groups of m patients could have been called so. Perfect is m =
    k and all of the class, and no two groups can be: the sum over groups is exact, 2 / C(n, k) for
    numbers without ties. Else it is a union bound.
    """
    wrong = (k - found) + (below - found)
    if not wrong:
        return Separation(n, n, 1.0, int(min(ways[k], 1e300)) / math.comb(n, k))
    gain = found / k - (below - found) / (n - k)
    if (1 + gain) / 2 < HIGH:
        return Separation(n - wrong, n, (1 + gain) / 2, 1.0)
    m = np.flatnonzero(ways)
    least = np.ceil((gain + m / (n - k)) / (1 / k + 1 / (n - k)) - 1e-9)
    tail = float((ways[m] * hypergeom.sf(least - 1, n, k, m)).sum())
    return Separation(n - wrong, n, (1 + gain) / 2, min(1.0, tail))
