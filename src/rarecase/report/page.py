"""One self-contained HTML file of sections, whatever command it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rarecase.charts.svg import pdf
from rarecase.files import replacing_directory, write_text
from rarecase.report.blocks import Figure, Section, every_block
from rarecase.report.places import places
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
            for block in every_block([block for each in page.sections for block in each.blocks]):
                if isinstance(block, Figure):
                    (figures / f"{block.name}.svg").write_text(block.svg, encoding="utf-8")
                    (figures / f"{block.name}.pdf").write_bytes(pdf(block.drawing))
    path = place if alone else place / "index.html"
    write_text(path, fill("report.html.j2", {"page": page, "place": places(page.sections)}))
    return path


def is_page(place: Path) -> bool:
    """Whether a place names a page, and not a folder for one."""
    return place.suffix.lower() in (".html", ".htm")
