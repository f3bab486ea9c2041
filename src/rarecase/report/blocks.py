"""What a page is made of: sections of paragraphs, lists, tables and figures; no HTML here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from matplotlib.figure import Figure as Canvas

from rarecase.charts.svg import bound_words, lay_out, svg
from rarecase.evidence.answer import Finding
from rarecase.evidence.text import Score, cell, interval
from rarecase.imaging.drawing import PREDICTED_OUTLINE, TRUE_OUTLINE
from rarecase.report.sheet import Sheet
from rarecase.report.style import ANSWERS


@dataclass(frozen=True)
class Text:
    """A paragraph. `missing` says what is not there; `warning` stands out."""

    text: str
    style: Literal["plain", "note", "missing", "warning"] = "plain"
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Bullets:
    """A list of short items; with a `title` it stands out in a box of its style."""

    items: Sequence[str]
    title: str = ""
    style: Literal["warning", "finding"] = "warning"
    kind: str = field(default="bullets", init=False)


@dataclass(frozen=True)
class Cell:
    """A value and, smaller below it, its interval or its count.

    `value` is the number that the row is sorted by; without it the text's own is.
    """

    text: str
    below: str = ""
    value: float | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Table:
    """Rows of strings or cells; the first `heads` columns name the row, the others hold numbers.

    `marked` are the indices of rows that stand out, such as what was planned.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    heads: int = 1
    note: str = ""
    marked: Sequence[int] = ()
    kind: str = field(default="table", init=False)

    def folded(self, title: str, *, most: int) -> Block:
        """Itself, or where it has more than `most` rows what opens on demand."""
        return Details(title, [self]) if len(self.rows) > most else self


@dataclass(frozen=True)
class Figure:
    """A picture with a caption that says what to see, and a text for who cannot see it.

    `svg` is what `drawing` shows; `name` is part of file names, one on a page.
    """

    name: str
    svg: str
    drawing: Canvas = field(compare=False, repr=False)
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


@dataclass(frozen=True)
class Answer:
    """The findings of a study, a line each, and what would help; at the top of its page."""

    findings: Sequence[Finding]
    helps: str = ""
    kind: str = field(default="answer", init=False)

    def mark(self, finding: Finding) -> str:
        """Of a finding with a badge, the sign of its answer."""
        return ANSWERS[finding.answer][2]


@dataclass(frozen=True)
class Grid:
    """Figures beside each other where there is room, below each other where there is none."""

    blocks: Sequence[Block]
    kind: str = field(default="grid", init=False)


@dataclass(frozen=True)
class Viewer:
    """Slices of cases that open from the rows of the section's table; `cases` are those of
    `slices_packed.pack_stacks`. `true`, `predicted`: whether there are such masks."""

    cases: Sequence[Mapping[str, Any]]
    true: bool
    predicted: bool
    colours: Mapping[str, str] = field(
        default_factory=lambda: {"true": TRUE_OUTLINE, "predicted": PREDICTED_OUTLINE}, init=False
    )
    kind: str = field(default="viewer", init=False)


LONGEST_STEM = 60  # letters of four bytes; file systems end at 255 bytes
Block = Text | Bullets | Answer | Table | Figure | Sheet | Code | Details | Grid | Viewer


@dataclass(frozen=True)
class Section:
    """A part of the page with its place in the table of contents."""

    anchor: str
    title: str
    blocks: Sequence[Block]


def every_block(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks in the order of the page, those within others after these."""
    for block in blocks:
        yield block
        if isinstance(block, Details | Grid):
            yield from every_block(block.blocks)


def drawn(figure: Canvas, *, name: str, caption: str, alt: str) -> Figure:
    """A matplotlib figure as a block; its layout is worked out once."""
    name = file_stem(name)
    bound_words(figure)
    lay_out(figure)
    return Figure(name, svg=svg(figure, name=name), drawing=figure, caption=caption, alt=alt)


def scored(score: Score | None, *, change: bool = False) -> Cell:
    """A score of the evidence, its interval below it.

    >>> scored({"value": 0.1, "low": -0.05, "high": 0.2}, change=True)
    Cell(text='+0.10', below='−0.05 to 0.20')
    """
    value = None if score is None else score["value"]
    return Cell(cell(value, change=change), interval(score), value)


def mean_with_range(values: Sequence[float]) -> Cell:
    """The mean of some values, and below it the lowest and highest where there are several.

    >>> mean_with_range([0.1, 0.3])
    Cell(text='0.20', below='0.10 to 0.30')
    """
    spread = f"{cell(min(values))} to {cell(max(values))}"
    mean = sum(values) / len(values)
    return Cell(cell(mean), spread if len(values) > 1 else "", mean)


def file_stem(name: str) -> str:
    """A name as part of a file's and as an id: other names give others, however long they are.

    >>> file_stem("curves-acgan (tumour, cnn)")
    'curves-acgan-tumour-cnn'
    >>> file_stem("a/b"), file_stem("a<b")
    ('a-b-c14cddc0', 'a-b-4a826aac')
    """
    plain = re.sub(r"[ (),]+", "-", name).strip("-.")  # what our own names hold
    safe = re.sub(r"[^\w.-]+", "-", plain)[:LONGEST_STEM]
    if safe == plain:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}".lstrip("-.")


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
