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


def executed(page: Path) -> dict[str, Any]:
    """The names that the interactive code of a page leaves."""
    blocks = re.findall(
        r"^```python\n(>>>.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    names: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples("\n".join(blocks)):
        exec(compile(example.source, page.name, "single"), names)  # it is the page's own
    return names


def main() -> None:
    """Draw `found.scores.plot()`."""
    mpl.use("agg")
    axes = executed(DOCS / "tutorials" / "table.md")["found"].scores.plot()
    axes.figure.savefig(DOCS / "images" / "table-scores.png", dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
