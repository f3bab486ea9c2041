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


def write_page(page: Page, folder: Path) -> Path:
    """Write `folder`/index.html, and its figures as SVG and PDF into `folder`/figures; return the
    path of the page. It needs no other file and no network."""
    with replacing_directory(folder / "figures") as figures:
        for block in every_block([block for each in page.sections for block in each.blocks]):
            if isinstance(block, Figure):
                (figures / f"{block.name}.svg").write_text(block.svg, encoding="utf-8")
                (figures / f"{block.name}.pdf").write_bytes(pdf(block.drawing))
    path = folder / "index.html"
    write_text(path, fill("report.html.j2", {"page": page, "place": places(page.sections)}))
    return path
