"""One self-contained HTML file of sections, whatever command it is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rarecase.files import replacing_directory, write_text
from rarecase.report.blocks import Block, Details, Figure, Grid, Section
from rarecase.report.templates import fill


@dataclass(frozen=True)
class Page:
    """What stands on a page.

    Parameters
    ----------
    title
        The question that it answers.
    kicker
        Small above it: the run's name, when it was finished; empty parts are left out.
    stated
        Follows every table's caption, such as which masks were used.
    """

    title: str
    kicker: Sequence[str]
    sections: Sequence[Section]
    stated: str = ""


def write_page(page: Page, place: Path) -> Path:
    """Write the page and return its path. It needs no other file and no network.

    `place` is a folder, which gets the page as index.html and its figures as SVG and PDF in
    figures/; or, where it ends in .html, the page alone.
    """
    alone = is_page(place)
    if not alone:
        with replacing_directory(place / "figures") as figures:
            for figure in _figures(block for section in page.sections for block in section.blocks):
                (figures / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
                (figures / f"{figure.name}.pdf").write_bytes(figure.pdf)
    path = place if alone else place / "index.html"
    write_text(path, fill("report.html.j2", {"page": page}))
    return path


def is_page(place: Path) -> bool:
    """Whether a place names a page, and not a folder for one."""
    return place.suffix.lower() in (".html", ".htm")


def _figures(blocks: Iterator[Block] | Sequence[Block]) -> Iterator[Figure]:
    for block in blocks:
        if isinstance(block, Figure):
            yield block
        elif isinstance(block, Details | Grid):
            yield from _figures(block.blocks)
