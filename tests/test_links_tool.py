"""tools/links.py: what it finds in a site."""

import runpy
from pathlib import Path

import pytest

FAULTS = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "links.py"))["faults"]
GOOD = '<h1 id="top">A</h1><a href="b.html#there">b</a><a href="#top">up</a><img src="p.png">'


def site(folder, first):
    (folder / "a.html").write_text(first)
    (folder / "b.html").write_text('<p id="there"></p><a href="https://example.org/x#y">far</a>')
    (folder / "p.png").touch()
    (folder / "_static").mkdir()
    (folder / "_static" / "raw.html").write_text('<a href="nowhere">a template</a>')
    return list(FAULTS(folder))


def test_a_whole_site_has_none(tmp_path):
    assert site(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('<a href="c.html">c</a>', "a.html: c.html leads nowhere"),
        ('<a href="b.html#here">b</a>', "a.html: b.html#here: no such place in b.html"),
        ('<a href="#gone">g</a>', "a.html: #gone: no such place in a.html"),
        ('<img src="q.png">', "a.html: q.png leads nowhere"),
        ('<script src="https://cdn.example.org/x.js"></script>',
         "a.html: loads https://cdn.example.org/x.js from elsewhere"),
        ('<link rel="stylesheet" href="//example.org/x.css">',
         "a.html: loads //example.org/x.css from elsewhere"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path, wrong, said):
    assert site(tmp_path, GOOD + wrong) == [said]
