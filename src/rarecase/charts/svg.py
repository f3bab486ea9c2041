"""Figures as vectors: one drawing for the page, for `.plot()` and for the paper."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from rarecase.imaging.drawing import FAINT, INK, LOOK

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
TOLD = "told:"
INLINE = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    "#e6e8ec": "var(--line)",
    "#ffffff": "var(--paper)",
}
"""Colours that follow the page from light to dark; all others stand on both."""

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def told(artist: Artist, titles: Sequence[str]) -> None:
    """Give what is drawn its values in words, shown where the mouse rests on it.

    `titles` holds one for each marker of a line or point of a scatter (drawn where it is finite,
    so leave out what is not), or a single one for the whole artist, such as a bar.
    """
    artist.set_gid(TOLD + json.dumps(list(titles)))


def svg(figure: Figure, *, name: str) -> str:
    """The figure as an SVG element whose text is text, the same for the same figure.

    `name` tells its ids from those of other figures of a page. The size is that of the figure;
    `told` artists have `title` elements.
    """
    stream = io.StringIO()
    # Text stays text: it can be searched, read aloud and copied. Verdana is as wide as DejaVu.
    how: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "image.composite_image": False}
    with rc_context({**LOOK, **how}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(stream.getvalue())
    for found in root.findall(f"{{{SVG}}}metadata"):
        root.remove(found)
    for group in root.iter(f"{{{SVG}}}g"):
        if (titles := group.get("id", "")).startswith(TOLD):
            del group.attrib["id"]
            _tell(group, json.loads(titles.removeprefix(TOLD)))
    text = ElementTree.tostring(root, encoding="unicode")
    text = re.sub(r'( id="|url\(#|xlink:href="#)', rf"\g<1>{name}-", text)
    return text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")


def pdf(figure: Figure) -> bytes:
    """The figure as PDF, the same for the same figure."""
    stream = io.BytesIO()
    with rc_context({**LOOK, "pdf.fonttype": 42}):  # TrueType, as journals ask
        figure.savefig(stream, format="pdf", metadata={"CreationDate": None})
    return stream.getvalue()


def inline(text: str, *, alt: str) -> str:
    """An SVG of `svg` as part of a page: as wide as there is room, in the page's colours."""
    root = ElementTree.fromstring(text)
    for size in ("width", "height"):
        del root.attrib[size]
    root.set("role", "img")
    root.set("aria-label", alt)
    found = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in INLINE.items():
        found = found.replace(colour, variable)
    return found


def _tell(group: ElementTree.Element, titles: Sequence[str]) -> None:
    marks = list(group.iter(f"{{{SVG}}}use"))
    places = marks if len(marks) == len(titles) else [group]
    if len(places) != len(titles):
        raise ValueError(f"{len(titles)} titles for {len(marks)} marks, in {titles[:1]}")
    for place, words in zip(places, titles, strict=True):
        title = ElementTree.Element(f"{{{SVG}}}title")
        title.text = words
        place.insert(0, title)
