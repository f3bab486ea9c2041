"""Consoles, and the tables that commands end with."""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rarecase import progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console() -> Console:
    """Results go to standard output; a pipe or file has room for a wide table."""
    from rich.console import Console

    out = Console(highlight=False, markup=False)  # brackets in names are brackets
    if not out.is_terminal:
        out.width = 150
    return out


class _Once(logging.Filter):
    """Lets every message through once: a table that is read several times is warned of once."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        known = record.levelno >= logging.WARNING and said in self._said
        self._said.add(said)
        return not known


@contextmanager
def reporting(args: Namespace) -> Iterator[None]:
    """Progress and log lines on standard error, as the arguments ask."""
    level = logging.INFO if args.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Once())
    for noisy in ("lightning_fabric", "lightning.fabric", "fsspec", "matplotlib", "zarr"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("distributed").setLevel(logging.WARNING)
    if args.quiet:
        yield
        return
    from rarecase.bars import reporter_here

    with progress.use(reporter_here()):
        yield


def finish(args: Namespace, value: Any, *lines: str | Table, code: int = 0) -> int:
    """End a command: `value` with --json, otherwise the lines and tables; gives the exit code."""
    if args.json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
        return code
    for line in lines:
        console().print(line, soft_wrap=isinstance(line, str))
    return code


def labels_from(origins: Mapping[str, int]) -> list[str]:
    """Which table labels come from, in a line; nothing where no table tells them."""
    words = [f"{origin} ({count} cases)" for origin, count in origins.items()]
    return [f"Labels from {'; '.join(words)}"] if words else []


NAME = 50  # characters of a name at most; what is longer is prose, which may be broken


def table(title: str, columns: list[str], rows: list[list[Any]], *, text: int = 1) -> Table:
    """A plain table whose first `text` columns are words and the others numbers."""
    from rich.table import Table
    from rich.text import Text

    out = Table(
        title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for place, head in enumerate(columns):
        words = place < text or head == "verdict"
        widest = max((len(str(row[place])) for row in rows), default=0)
        whole = (words or "interval" in head) and widest <= NAME  # is not broken
        narrow = whole or head.startswith("Δ")
        lines = head.replace(" (", "\n(") if narrow else head  # a narrow one for narrow numbers
        out.add_column(
            Text(lines), justify="left" if words else "right", overflow="fold", no_wrap=whole
        )
    for row in rows:
        out.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return out


def show(evidence: dict[str, Any], *, column: str | None = None) -> None:
    """Which features know the rare class; the arms on them; the verdicts, the self-checks.
    `column`: the one that the classes come from."""
    from rarecase.evidence.evidence import PEEKED
    from rarecase.evidence.masks import stated
    from rarecase.evidence.tables import arms_title, counts_line, said_below, table_rows
    from rarecase.evidence.tables_features import NOTE, choice_lines, feature_lines, feature_rows

    shown = console()
    shown.print(counts_line(evidence, column=column))
    shown.print()
    for line in (*feature_lines(evidence), *choice_lines(evidence)):
        shown.print(line)
    title = ""
    if (sets := feature_rows(evidence)) is not None:
        heads, rows = sets
        title = f"AUC of class {evidence['rare']} by features and classifier, the arm none"
        title += stated(evidence)
        shown.print()
        shown.print(table(title, heads, rows))
        shown.print(NOTE)
        title = arms_title(evidence)
    shown.print()
    heads, rows = table_rows(evidence)
    names = next(place for place, head in enumerate(heads) if head in ("amount", "added"))
    shown.print(table(title, heads, rows, text=names))
    shown.print()
    if evidence["protocol"] == "faithful":
        shown.print(f"{PEEKED}\n")
    for line in said_below(evidence):
        shown.print(line)


def say_features(about: Mapping[str, Any] | None) -> None:
    """How many features there are, which, what was left out and what was warned of."""
    from rarecase.features.about import lines_of

    for line in lines_of(about or {}):
        console().print(line)
