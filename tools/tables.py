"""The tables of the documentation that registries fill: written between their heads and the next
blank line.

python tools/tables.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rarecase.experiment.arms import PLAIN, SELECTION, VARIANTS
from rarecase.features.sources.registry import SOURCES
from rarecase.generators.registry import KINDS

DOCS = Path(__file__).parent.parent / "docs"
Row = tuple[str, ...]


def arms() -> Iterator[Row]:
    """Arms without samples, and with those of a generator under another name."""
    yield from ((f"`{arm.name}`", text) for arm, text in PLAIN.items())
    yield ("every generator", "its samples: [the table of generators](generators.md)")
    yield from ((f"`{arm.name}`", text) for arm, text in (VARIANTS | SELECTION).items())


TABLES: dict[str, dict[Row, list[Row]]] = {
    "generators.md": {
        ("name", "trains", "what it generates"): [
            (f"`{kind.name}`", "yes" if kind.trained else "no", kind.text)
            for kind in KINDS.values()
        ]
    },
    "evidence.md": {("arm", "what it does"): list(arms())},
    "data.md": {
        ("source", "features"): [(f"`{name}`", listed.text) for name, listed in SOURCES.items()]
    },
}
"""Page → heads of a table → its rows."""


def line(row: Row) -> str:
    """A row as Markdown has it."""
    return f"| {' | '.join(row)} |"


def filled(text: str, *, heads: Row, rows: list[Row]) -> str:
    """A page whose table of these heads has these rows."""
    before, found, after = text.partition(line(heads) + "\n")
    if not found:
        raise SystemExit(f"no table with the heads {line(heads)}")
    rest = after[after.index("\n\n") :]
    rule = "|" + "---|" * len(heads)
    return before + "\n".join([line(heads), rule, *map(line, rows)]) + rest


def main() -> int:
    """Write the tables; with `--check`, say which are not as they would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one differs")
    check, differing = parser.parse_args().check, 0
    for page, tables in TABLES.items():
        path = DOCS / page
        text = wanted = path.read_text(encoding="utf-8")
        for heads, rows in tables.items():
            wanted = filled(wanted, heads=heads, rows=rows)
        if check and wanted != text:
            print(f"docs/{page}: not what the registries say; run python tools/tables.py")
            differing += 1
        elif wanted != text:
            path.write_text(wanted, encoding="utf-8")
    return min(differing, 1)


if __name__ == "__main__":
    sys.exit(main())
