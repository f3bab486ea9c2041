"""Which channel and which slices of a case are shown: one rule for every picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

USUAL = "flair"
"""Masks of gliomas are drawn on it: the whole of them shows there."""


def shown_channel(channels: Sequence[str], *, drawn_on: Sequence[int] = ()) -> int:
    """The place of the channel that stands under a mask: that on which the mask was drawn
    (`drawn_on`: those that it could be, where that is known), FLAIR, or the first.

    >>> shown_channel(["t1", "flair"]), shown_channel(["t1", "t2"])
    (1, 0)
    >>> shown_channel(["t1", "flair", "t1gd"], drawn_on=[2])
    2
    """
    could = list(drawn_on) or range(len(channels))
    return next((place for place in could if channels[place] == USUAL), could[0])


def spread_over(areas: ArrayLike, most: int) -> list[int]:
    """Up to `most` slices of a case, rising: from the first to the last that has an area, evenly,
    the largest among them; where none has any, evenly over the case without its ends.

    >>> spread_over([0, 1, 5, 9, 6, 3, 2, 0], 3)
    [1, 3, 6]
    >>> spread_over([0] * 20, 3)
    [5, 10, 14]
    """
    area = np.asarray(areas)
    there = np.flatnonzero(area)
    if not len(there):
        inner = np.linspace(0, len(area) - 1, min(most, len(area)) + 2)[1:-1]
        return sorted({int(place) for place in inner.round()})
    chosen = there[np.linspace(0, len(there) - 1, min(most, len(there))).round().astype(int)]
    largest = int(area.argmax())
    if largest not in chosen:
        ends = 1 if len(chosen) > 2 else 0  # the first and the last stay, to show how far it goes
        inner = chosen[ends : len(chosen) - ends]
        inner[np.abs(inner - largest).argmin()] = largest
    return sorted({int(place) for place in chosen})
