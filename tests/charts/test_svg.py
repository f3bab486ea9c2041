from xml.etree import ElementTree

import pytest

from rarecase.charts.svg import SVG, bound_words, inline, lay_out, pdf, svg, told
from rarecase.imaging.drawing import INK, canvas, look, panels

HOSTILE = '</svg><script>alert("1")</script> $x$ ג'


def drawing(words, points=2):
    with look():
        figure = canvas(2.0)
        (axes,) = panels(figure, 1, 1)
        axes.set_title(HOSTILE)
        told(axes.plot(range(points), range(points), "o", color=INK)[0], words)
    return figure


def test_each_mark_says_its_value_and_text_is_text():
    text = svg(drawing([HOSTILE, "b"]), name="one")
    root = ElementTree.fromstring(text)
    marks = [use for use in root.iter(f"{{{SVG}}}use") if use.find(f"{{{SVG}}}title") is not None]
    assert [mark.find(f"{{{SVG}}}title").text for mark in marks] == [HOSTILE, "b"]
    assert HOSTILE in [found.text for found in root.iter(f"{{{SVG}}}text")]
    assert "<script" not in text


def test_one_title_is_the_whole_artists():
    root = ElementTree.fromstring(svg(drawing(["all"], points=3), name="one"))
    assert [t.text for t in root.iter(f"{{{SVG}}}title")] == ["all"]


def test_titles_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="2 titles for 3 marks"):
        svg(drawing(["a", "b"], points=3), name="one")


def test_the_same_figure_is_the_same_text_and_ids_are_its_own():
    one, again, other = (svg(drawing(["a", "b"]), name=n) for n in ("one", "one", "other"))
    assert one == again
    ids = [{e.get("id") for e in ElementTree.fromstring(t).iter()} - {None} for t in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert pdf(drawing(["a", "b"])) == pdf(drawing(["a", "b"]))


def test_on_a_page_ink_follows_the_page():
    text = inline(svg(drawing(["a", "b"]), name="one"), alt='a "chart"')
    root = ElementTree.fromstring(text)
    assert root.get("aria-label") == 'a "chart"'
    assert "width" not in root.attrib
    assert "var(--ink)" in text
    assert INK not in text


def test_a_drawing_leaves_the_figure_as_it_was():
    figure = drawing(["a", "b"])
    figure.set_facecolor("red")
    before = figure.canvas, figure.dpi, figure.get_facecolor()
    svg(figure, name="one")
    pdf(figure)
    assert (figure.canvas, figure.dpi, figure.get_facecolor()) == before


def test_a_layout_once_worked_out_is_that_of_savefig():
    figure, other = drawing(["a", "b"]), drawing(["a", "b"])
    lay_out(figure)
    with look():
        other.draw_without_rendering()
    bounds, expected = (f.axes[0].get_position().bounds for f in (figure, other))
    assert bounds == pytest.approx(expected, abs=1e-9)


def test_no_name_takes_the_room_of_the_drawing_or_turns_what_follows():
    with look():
        figure = canvas(2.0)
        (axes,) = panels(figure, 1, 1)
        axes.plot([0, 1], label="x" * 10_000)
        axes.set_title("a\u202eb " + "y" * 10_000)
        axes.set_yticks([0, 1], ["z" * 10_000, "short"])
        figure.legend(loc="outside lower center")
    bound_words(figure)
    lay_out(figure)
    assert axes.get_position().width > 0.3
    texts = [t.text for t in ElementTree.fromstring(svg(figure, name="n")).iter(f"{{{SVG}}}text")]
    assert max(len(text) for text in texts) <= 110
    assert "short" in texts
    assert any(text.startswith("a[U+202E]b yyy") for text in texts)
