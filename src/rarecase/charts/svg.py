"""Figures as vectors: one drawing for the page, for `.plot()` and for the paper."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from fontTools import subset
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from rarecase.imaging.drawing import FAINT, INK, LOOK, short, visible

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
TOLD = "told:"
INLINE = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    "#e6e8ec": "var(--line)",
    "#ffffff": "var(--paper)",
}
"""Colours that follow the page from light to dark; all others stand on both."""

SHAPING = ("GSUB", "GPOS", "GDEF", "kern")
LINE, NAME = 110, 48
"""Letters that a line of a figure has room for, and a name along an axis or in a legend."""

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def told(artist: Artist, titles: Sequence[str]) -> None:
    """Give what is drawn its values in words, shown where the mouse rests on it.

    `titles` holds one for each marker of a line or point of a scatter (drawn where it is finite,
    so leave out what is not), or a single one for the whole artist, such as a bar.
    """
    artist.set_gid(TOLD + json.dumps(list(titles)))


def bound_words(figure: Figure) -> None:
    """Shorten what would leave no room for the drawing, such as a class with a name of a page."""
    words, names = list(figure.texts), list(figure.legends)
    for axes in figure.axes:
        words += [each for each in axes.get_children() if isinstance(each, Text)]
        words += [axes.xaxis.label, axes.yaxis.label]
        names += [legend] if (legend := axes.get_legend()) is not None else []
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            if isinstance(axis.get_major_locator(), FixedLocator):
                places = list(axis.get_majorticklocs())
                labels = axis.get_major_formatter().format_ticks(places)
                bounded = [_bounded(text, NAME) for text in labels]
                if bounded != labels:
                    axis.set_ticks(places, labels=bounded)
    for text in words:
        text.set_text(_bounded(text.get_text(), LINE))
    for legend in names:
        for text in legend.get_texts():
            text.set_text(_bounded(text.get_text(), NAME))


def lay_out(figure: Figure) -> None:
    """Work the layout out, once for all that is drawn of the figure."""
    if (engine := figure.get_layout_engine()) is not None:
        with _canvas(figure, FigureCanvasAgg, {}):
            engine.execute(figure)
    figure.set_layout_engine("none")


def svg(figure: Figure, *, name: str) -> str:
    """The figure as an SVG element whose text is text, the same for the same figure.

    `name` tells its ids from those of other figures of a page. The size is that of the figure;
    `told` artists have `title` elements.
    """
    stream = io.StringIO()
    # Text stays text: it can be searched, read aloud and copied. Verdana is as wide as DejaVu.
    how: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "image.composite_image": False}
    with _canvas(figure, FigureCanvasSVG, how) as canvas:
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
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
    # TrueType, as journals ask.
    with _canvas(figure, FigureCanvasPdf, {"pdf.fonttype": 42}) as canvas, _lean_fonts():
        canvas.print_pdf(stream, metadata={"CreationDate": None})
    return stream.getvalue()


def inline(text: str, *, alt: str) -> str:
    """An SVG of `svg` as part of a page: as wide as there is room, in the page's colours, with the
    ids alone that it needs."""
    root = ElementTree.fromstring(text)
    needed = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
    for element in root.iter():
        if element.get("id") not in needed:
            element.attrib.pop("id", None)
    for size in ("width", "height"):
        del root.attrib[size]
    root.set("role", "img")
    root.set("aria-label", alt)
    found = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in INLINE.items():
        found = found.replace(f": {colour}", f": {variable}")  # of a style, not of what is written
    return found


@contextmanager
def _canvas(figure: Figure, kind: type[FigureCanvasBase], how: Any) -> Iterator[Any]:
    """A canvas to draw the figure on once, where `savefig` draws it twice; afterwards the figure
    is as it was."""
    before, dpi, ground = figure.canvas, figure.dpi, figure.get_facecolor()
    try:
        with rc_context({**LOOK, **how}):
            figure.set_facecolor(LOOK["savefig.facecolor"])
            yield kind(figure)
    finally:
        figure.set_facecolor(ground)
        figure.set_dpi(dpi)
        figure.set_canvas(before)


@contextmanager
def _lean_fonts() -> Iterator[None]:
    """Embed fonts without the tables that shape text: matplotlib has placed every glyph, and to
    cut these tables down takes longer than all else of a PDF."""
    before: list[str] = subset.Options._drop_tables_default
    subset.Options._drop_tables_default = [*before, *SHAPING]
    try:
        yield
    finally:
        subset.Options._drop_tables_default = before


def _bounded(text: str, most: int) -> str:
    return "\n".join(short(visible(line), most=most) for line in text.split("\n"))


def _tell(group: ElementTree.Element, titles: Sequence[str]) -> None:
    marks = list(group.iter(f"{{{SVG}}}use"))
    places = marks if len(marks) == len(titles) else [group]
    if len(places) != len(titles):
        raise ValueError(f"{len(titles)} titles for {len(marks)} marks, in {titles[:1]}")
    for place, words in zip(places, titles, strict=True):
        title = ElementTree.Element(f"{{{SVG}}}title")
        title.text = words
        place.insert(0, title)
