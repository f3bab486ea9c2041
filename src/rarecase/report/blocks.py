"""What a page is made of: sections of paragraphs, lists, tables and figures; no HTML here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rarecase.evidence.text import number

DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Text:
    """A paragraph. `missing` says what is not there; `finding` and `warning` stand out."""

    text: str
    style: Literal["plain", "note", "missing", "finding", "warning"] = "plain"
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Bullets:
    """A list of short items; with a `title` it stands out in a box."""

    items: Sequence[str]
    title: str = ""
    kind: str = field(default="bullets", init=False)


@dataclass(frozen=True)
class Cell:
    """A value and, smaller below it, its interval or its count."""

    text: str
    below: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of strings or cells; the first `heads` columns name the row, the others hold numbers.

    `marked` are the indices of rows that stand out, such as the headline.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    heads: int = 1
    note: str = ""
    marked: Sequence[int] = ()
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Figure:
    """A picture with a caption that says what to see, and a text for who cannot see it."""

    name: str
    png: bytes
    caption: str
    alt: str
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Code:
    """Text as it stands in a file."""

    text: str
    kind: str = field(default="code", init=False)


@dataclass(frozen=True)
class Details:
    """Something long that opens on demand."""

    title: str
    blocks: Sequence[Block]
    kind: str = field(default="details", init=False)


Block = Text | Bullets | Table | Figure | Code | Details


@dataclass(frozen=True)
class Section:
    """A part of the page with its place in the table of contents."""

    anchor: str
    title: str
    blocks: Sequence[Block]


def plain_number(value: float | None, *, digits: int = 2) -> str:
    """A number for a table; a dash for what is not defined.

    >>> plain_number(0.417), plain_number(None), plain_number(-0.04)
    ('0.42', '–', '−0.04')
    """
    if value is None or math.isnan(value):
        return DASH
    return number(value, digits=digits)


def mean_with_range(values: Sequence[float]) -> Cell:
    """The mean of some values, and below it the lowest and highest where there are several.

    >>> mean_with_range([0.1, 0.3])
    Cell(text='0.20', below='0.10 to 0.30')
    """
    spread = f"{plain_number(min(values))} to {plain_number(max(values))}"
    return Cell(plain_number(sum(values) / len(values)), spread if len(values) > 1 else "")


def with_interval(score: dict[str, float | None] | None, *, signed: bool = False) -> Cell:
    """A value with its 95 % interval below it.

    >>> with_interval({"value": 0.1, "low": -0.05, "high": 0.2}, signed=True)
    Cell(text='+0.10', below='−0.05 to 0.20')
    """
    if score is None or score["value"] is None:
        return Cell(DASH)
    text = plain_number(score["value"])
    if signed and score["value"] > 0 and float(text):
        text = f"+{text}"
    if score["low"] is None:
        return Cell(text)
    return Cell(text, f"{plain_number(score['low'])} to {plain_number(score['high'])}")


def joined(words: Sequence[str]) -> str:
    """Words as prose.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "patient"), counted(1200, "slice"), counted(2, "class", "classes")
    ('1 patient', '1,200 slices', '2 classes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
