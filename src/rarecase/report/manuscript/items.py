"""An item of a reporting guideline."""

from __future__ import annotations

from typing import Literal, NamedTuple

Answered = Literal["yes", "in part", "no"]


class Item(NamedTuple):
    """An item of a guideline: its number there, and in a few words of ours what it asks.

    `where`: keys of `checklist.PLACES`; none: only the authors can answer. `needs`: a key of
    `checklist.CONDITIONS` without which the study does not answer it. `left`: what the authors add.
    """

    number: str
    asks: str
    answered: Answered = "no"
    where: tuple[str, ...] = ()
    left: str = ""
    needs: str = ""
