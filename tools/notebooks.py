"""Execute the tutorials and keep what they print and draw; the README's picture is one of theirs.

python tools/notebooks.py [NAME ...]
"""

from __future__ import annotations

import argparse
import base64
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parent.parent / "docs"
TUTORIALS = DOCS / "tutorials"
PICTURE = ("table", "scores.plot", DOCS / "images" / "table-scores.png")
"""The notebook, what the cell's code holds, and where its picture goes."""
BAR = "━"  # progress, which says how long it took
SECONDS = 900  # for a cell


def names() -> list[str]:
    """The tutorials."""
    return sorted(path.stem for path in TUTORIALS.glob("*.ipynb"))


def read(name: str) -> Any:
    """A tutorial as it lies there."""
    return nbformat.read(TUTORIALS / f"{name}.ipynb", as_version=4)


def executed(name: str) -> Any:
    """A tutorial with outputs of its own, made in an empty folder. Raises nbclient's
    `CellExecutionError` where a cell fails."""
    notebook = read(name)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=where).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it began and ended
    notebook.metadata.pop("language_info", None)  # the version of Python of whoever executed it
    return notebook


def texts(notebook: Any) -> list[tuple[str, list[str]]]:
    """The code of every cell and the texts that it gave: what is printed, what is shown as HTML and
    as text, less progress; of a picture that there is one."""
    return [
        (cell.source, [text for output in cell.outputs for text in _texts(output)])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def _texts(output: Any) -> Iterator[str]:
    if output.output_type == "stream":
        yield output.text
    for kind, value in sorted(output.get("data", {}).items()):
        if kind.startswith("image/"):
            yield kind
        elif BAR not in value:
            yield re.sub(r"0x[0-9a-f]+", "0x…", value)


def picture(notebook: Any, code: str) -> bytes:
    """The first picture of the cell that holds this code."""
    cell = next(cell for cell in notebook.cells if code in cell.source)
    data = next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
    return base64.b64decode(data)


def write(name: str, notebook: Any) -> None:
    """Keep a tutorial, and the picture that is taken from it."""
    nbformat.validate(notebook)
    nbformat.write(notebook, TUTORIALS / f"{name}.ipynb")
    of, code, place = PICTURE
    if name == of:
        place.write_bytes(picture(notebook, code))


def main() -> None:
    """Execute those named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    for name in parser.parse_args().names or names():
        write(name, executed(name))


if __name__ == "__main__":
    main()
