"""Consoles, and the tables that commands end with."""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rarecase import progress
from rarecase.cli.bars import Bars, Lines


def console() -> Console:
    """Results go to standard output; a pipe or file has room for a wide table."""
    out = Console(highlight=False, markup=False)  # brackets in names are brackets
    if not out.is_terminal:
        out.width = 120
    return out


@contextmanager
def reporting(args: Namespace) -> Iterator[None]:
    """Progress and log lines on standard error, as the arguments ask."""
    level = logging.INFO if args.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr, force=True)
    for noisy in ("lightning_fabric", "lightning.fabric", "fsspec", "matplotlib", "zarr"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    if args.quiet:
        yield
        return
    error = Console(stderr=True, highlight=False)
    with progress.use(Bars(error) if error.is_terminal else Lines()):
        yield


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def table(title: str, columns: list[str], rows: list[list[Any]], *, text: int = 1) -> Table:
    """A plain table whose first `text` columns are words and the others numbers."""
    out = Table(
        title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for place, head in enumerate(columns):
        out.add_column(Text(head), justify="left" if place < text else "right", overflow="fold")
    for row in rows:
        out.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return out


def with_interval(score: dict[str, float | None]) -> str:
    """`0.61 (0.48–0.74)`, or a dash where the score is not defined."""
    if score["value"] is None:
        return "–"
    if score["low"] is None or score["high"] is None:
        return f"{score['value']:.2f}"
    return f"{score['value']:.2f} ({score['low']:.2f}–{score['high']:.2f})"


def evidence_table(evidence: dict[str, Any]) -> Table:
    """Patient-level scores of every arm and amount, with their intervals."""
    scored = evidence["rows"][0]["patients"]["scores"]
    wanted = ("accuracy", "balanced_accuracy", "auc_rare", "auc_macro")
    names = [name for name in scored if name.startswith("recall_") or name in wanted]
    rows = [
        [row["arm"], row["amount"]]
        + [with_interval(row["patients"]["scores"][name]) for name in names]
        for row in evidence["rows"]
    ]
    heads = [name.replace("_", " ") for name in names]
    return table("Patients never seen, with 95 % intervals", ["arm", "synthetic", *heads], rows)
