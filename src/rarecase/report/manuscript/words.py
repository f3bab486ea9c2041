"""Numbers and lists in the sentences of a methods text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rarecase.report.blocks import joined
from rarecase.report.manuscript.references import named


def decimal(value: Any) -> str:
    """A number as it is, thousands apart, never in exponents.

    >>> decimal(1e-05), decimal(2000), decimal(0.5), decimal("tuned")
    ('0.00001', '2,000', '0.5', 'tuned')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return named(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.10f}".rstrip("0").rstrip(".")


def between(values: Iterable[float]) -> str:
    """The lowest and highest of some numbers, or the one that they all are.

    >>> between([21, 22, 21]), between([3, 3])
    ('21 to 22', '3')
    """
    found = sorted(values)
    low, high = decimal(found[0]), decimal(found[-1])
    return low if low == high else f"{low} to {high}"


def listed(names: Iterable[object]) -> str:
    """Names as prose.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return joined([named(name) for name in names])


def each_of(counts: Mapping[str, Any], order: Sequence[str]) -> str:
    """Counts of classes as prose.

    >>> each_of({"LGG": 12, "HGG": 1024}, ["HGG", "LGG"])
    '1,024 HGG and 12 LGG'
    """
    return joined([f"{int(counts[name]):,} {named(name)}" for name in order])
