"""The lines of a scarcity curve, for its plot and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rarecase.charts.scarcity import Line
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.text import with_interval


def scarcity_lines(
    curve: pd.DataFrame, *, metric: str, full: bool = False
) -> dict[tuple[str, str], list[Line]]:
    """Features and classifier → a line for each arm, without controls; `curve` is the table of
    `scarcity_curve`, `metric` one of its scores; `full`: features and classifier are
    part of an arm's name."""
    rows: dict[Key, list[Mapping[str, Any]]] = {}
    for row in curve[curve["control_of"].isna()].to_dict("records"):
        named = {str(name): value for name, value in row.items()}
        rows.setdefault(key_of(named), []).append(named)
    found: dict[tuple[str, str], list[Line]] = {}
    for key, mine in rows.items():
        found.setdefault(key.family, []).append(_line(key.title(full=full), mine, metric))
    return found


def _line(name: str, rows: Sequence[Mapping[str, Any]], metric: str) -> Line:
    known = [row for row in rows if not pd.isna(row[metric])]
    scores = [[row[f"{metric}{end}"] for end in ("", "_low", "_high")] for row in known]
    said = [dict(zip(("value", "low", "high"), each, strict=True)) for each in scores]
    return Line(
        name=name,
        patients=[int(row["k"]) for row in known],
        scores=np.array(scores, dtype=np.float64).reshape(-1, 3),
        words=[
            f"{name}, {row['k']} rare patients: {with_interval(score)}"
            for row, score in zip(known, said, strict=True)
        ],
        plain=bool(rows[0]["reference"]),
    )
