"""The picture of the tutorial on a table, drawn from the page's own code.

python tools/pictures.py
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

DOCS = Path(__file__).parent.parent / "docs"


def session(page: Path) -> str:
    """The interactive code of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(>>>.*?)^```$", text, re.DOTALL | re.MULTILINE))


def executed(page: Path) -> dict[str, Any]:
    """The names that the interactive code of a page leaves."""
    names: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(session(page)):
        exec(compile(example.source, page.name, "single"), names)  # it is the page's own
    return names


def main() -> None:
    """Draw `found.scores.plot()`."""
    mpl.use("agg")
    axes = executed(DOCS / "tutorials" / "table.md")["found"].scores.plot()
    axes.figure.savefig(DOCS / "images" / "table-scores.png", dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
