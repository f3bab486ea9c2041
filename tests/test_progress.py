"""Progress is shown in notebooks without being asked for, and elsewhere only when it is."""

import subprocess
import sys

import nbformat
from nbclient import NotebookClient

from rarecase import bars, progress, show_progress

CELL = """
import sys, time
sys.modules["ipywidgets"] = None  # as where it is not installed
from rarecase import progress
with progress.task("outer", total=2) as outer:
    for i in range(2):
        with progress.placed("fold 1"), progress.task("inner", total=3) as inner:
            for j in range(3):
                time.sleep(0.12)
                inner.advance(note=f"step {j}")
        outer.advance()
with progress.task("too quick to be shown", total=1) as bar:
    bar.advance()
"""


def test_a_notebook_shows_bars_and_keeps_the_last_state():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    said = output.data["text/plain"].split()
    assert said[0] == "outer" and "2/2" in said and "inner" not in said


def test_what_a_notebook_shows_is_written_anew_in_its_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, text, *, raw):
            shown.append(("update", text["text/plain"]))

    def display(text, *, raw, display_id):
        shown.append(("display", text["text/plain"]))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(bars, "QUICK", 0.0)
    monkeypatch.setattr(bars, "DRAWN_EVERY", 0.0)
    reporter = bars.Notebook()
    with reporter.task("a[b]", total=2) as outer:
        with reporter.task("inner", total=1) as inner:
            inner.advance(note="<b>no\x1b[31mte\u202e" + "x" * 10_000)
        outer.advance()
    assert [kind for kind, _ in shown] == ["display", "update", "update"]
    lines = [text.splitlines() for _, text in shown]
    assert [len(each) for each in lines] == [2, 1, 1]
    assert max(map(len, lines[0])) <= bars.WIDTH
    assert lines[0][0].startswith("a[b]") and "<b>no?[31mte?x" in lines[0][1]
    assert "1/2" in lines[-1][0]
    with reporter.task("next", total=1) as bar:
        bar.advance()
    assert shown[-2][0] == "display" and "next" in shown[-1][1]


SCRIPT = """
from rarecase import bars, progress, show_progress
bars.LINE_EVERY = 0.0
with progress.task("unasked", total=1) as bar:
    bar.advance()
show_progress()
with progress.task("asked", total=4) as bar:
    bar.advance(3)
show_progress(False)
with progress.task("no more", total=1) as bar:
    bar.advance()
"""


def test_a_script_shows_nothing_until_it_is_asked():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.startswith("asked: 3/4, about 0 s left")
    assert "unasked" not in done.stderr and "no more" not in done.stderr


def test_a_notebook_can_be_told_to_show_none(monkeypatch):
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    usual = progress._usual
    monkeypatch.setattr(usual, "wanted", None)
    monkeypatch.setattr(usual, "made", [])
    show_progress(False)
    with progress.task("silent", total=1) as bar:
        bar.advance()
    assert not usual.made
    show_progress(None)
    with progress.task("shown", total=1):
        assert len(usual.made) == 1
