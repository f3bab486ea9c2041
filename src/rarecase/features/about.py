"""What the features of an experiment are, to be kept beside its evidence and shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rarecase.features.columns import Columns
from rarecase.features.feature_set import FeatureSet
from rarecase.features.leaks import Suspicion
from rarecase.features.table_columns import said_left_out

FEATURES = "features.json"
FIRST = 5  # names that a line shows


def about_features(
    sets: Sequence[FeatureSet],
    found: Sequence[Suspicion],
    *,
    accept: Collection[str] = (),
    impute: str | None = None,
    left_out: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What features.json holds.

    `sets` {name: {columns, categories {column: names}, parts (of each column of a join), missing
    (values)}}, `left_out` {column: why}, `impute`, `warnings` [{column, kind, words, stops,
    accepted}].
    """
    columns = {each.name: each.columns for each in sets if each.columns is not None}
    about = about_columns(columns, found, accept=accept)
    for each in sets:
        if each.name in columns:
            about["sets"][each.name]["missing"] = int(np.isnan(np.asarray(each.X)).sum())
    return about | {"left_out": dict(left_out or {}), "impute": impute}


def about_columns(
    sets: Mapping[str, Columns], found: Sequence[Suspicion], *, accept: Collection[str] = ()
) -> dict[str, Any]:
    """The same where only the columns are known; gaps are imputed."""
    about = {}
    for name, columns in sets.items():
        names = list(columns.names)
        about[name] = {
            "columns": names,
            "categories": {names[i]: list(levels) for i, levels in columns.levels.items()},
            "parts": columns.part.tolist() if columns.part.any() else None,
            "missing": None,
        }
    warnings = [asdict(s) | {"accepted": s.stops and s.column in accept} for s in found]
    return {"sets": about, "left_out": {}, "impute": "median", "warnings": warnings}


def lines_of(about: Mapping[str, Any]) -> list[str]:
    """What a person is told of it; nothing of an empty one."""
    lines: list[str] = []
    if not about:
        return lines
    for name, each in about["sets"].items():
        columns = each["columns"]
        numbered = columns == [str(i) for i in range(len(columns))]
        named = "" if numbered else f" ({_first(columns)})"
        head = "Features" if len(about["sets"]) == 1 else f"Features {name}"
        gaps = each["missing"] or 0
        fate = "filled in within each fold" if about["impute"] else "left to the classifier"
        lines.append(f"{head}: {len(columns)}{named}." + (
            f" {gaps} of their values are missing, {fate}." if gaps else ""
        ))  # fmt: skip
    lines += said_left_out(about["left_out"])
    accepted = [f"{w['column']} ({w['kind']})" for w in about["warnings"] if w["accepted"]]
    if accepted:
        lines.append(f"Accepted by name: {_first(accepted)}.")
    warned = [f"{w['column']} ({w['kind']})" for w in about["warnings"] if not w["accepted"]]
    if warned:
        lines.append(f"Warnings about columns: {_first(warned)}; see {FEATURES}.")
    return lines


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:FIRST]) + (", …" if len(names) > FIRST else "")
