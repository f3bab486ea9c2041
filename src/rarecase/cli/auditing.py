"""`rarecase generate --audit`: what is made, beside patients that it was not learnt from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from rarecase.cli.generating import Real
    from rarecase.generators.base import Generator

SHOWN = {
    "precision": "precision", "recall": "recall", "density": "density", "coverage": "coverage",
    "frechet": "Fréchet", "told apart": "told apart", "nn ratio": "nn ratio",
    "near copies": "near copies", "membership": "membership",
}  # fmt: skip


def audited(generator: Generator, real: Real, *, seed: int) -> list[dict[str, Any]]:
    """A line a class and source (made, real) with every measure; None where it cannot be said."""
    from rarecase.generators.audit.audit import audit_generator

    found = audit_generator(generator, real.X, real.labels, groups=real.patients, seed=seed)
    return [
        {
            str(key): None if isinstance(v, float) and not math.isfinite(v) else v
            for key, v in row.items()
        }
        for row in found.to_dict("records")
    ]


def audit_table(lines: Sequence[dict[str, Any]]) -> Table:
    """The lines for people; the rows `real` say what a perfect generator would get."""
    from rarecase.cli.show import table

    rows = [
        [line["class"], line["source"], line["held"]]
        + ["" if line[key] is None else f"{line[key]:.2f}" for key in SHOWN]
        for line in lines
    ]
    title = "Against patients held out (real: other real patients in place of made samples)"
    return table(title, ["class", "source", "held out", *SHOWN.values()], rows, text=2)
