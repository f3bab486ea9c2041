"""The contact sheet of a cohort: every case as a small picture, and every problem found."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rarecase.cohort.inspect import Inspection
from rarecase.cohort.thumbnail import Thumbnail
from rarecase.evidence.text import class_counts
from rarecase.files import write_text
from rarecase.numbers import plainly
from rarecase.report.blocks import counted
from rarecase.report.templates import fill

_OUTLINE = (86, 180, 233)
_COLUMNS = ("case", "patient", "label", "site", "channels", "slices", "size", "spacing", "stored",
            "minimum", "median", "maximum", "tumour_ml", "tumour_pixels")  # fmt: skip


def write_contact_sheet(found: Inspection, path: Path, *, source: str) -> None:
    """Write one self-contained HTML page for what `inspect_cohort(…, thumbnails=True)` found."""
    severity = {p.case: p.severity for p in reversed(found.problems) if p.case is not None}
    cases = [
        {
            "row": row,
            "cells": {name: _cell(value) for name, value in row.items()},
            "severity": severity.get(str(row["case"]), ""),
            "png": _png(shown),
            "where": "" if shown is None else f"slice {shown.slice}, {shown.channel}",
        }
        for row in found.to_dict()["cases"]
        for shown in [found.thumbnails.get(str(row["case"]))]
    ]
    counts = Counter(problem.severity for problem in found.problems)
    told = [counted(counts[kind], kind) for kind in ("error", "warning", "note") if counts[kind]]
    values: dict[str, Any] = {
        "source": source,
        "found": found,
        "orientation": _orientation(found),
        "cases": cases,
        "columns": [n for n in _COLUMNS if _there(n, found)],
        "count": counted(len(cases), "case"),
        "classes": class_counts(found.classes, found.column),
        "problems": ", ".join(told),
    }
    write_text(path, fill("contact_sheet.html.j2", values))


def _there(column: str, found: Inspection) -> bool:
    """Whether a column of the table says something."""
    if column not in found.cases or (column == "label" and not found.classes):
        return False
    return bool(found.cases[column].notna().any())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return plainly(value) if isinstance(value, float) else str(value)


def _orientation(found: Inspection) -> str:
    """Which way up the pictures are, as far as headers say so."""
    shown = found.thumbnails.values()
    placed = sum(each.placed for each in shown)
    if not placed:
        return "No header says which way up they are."
    text = "Front on top, the patient's right on the left"
    if placed < len(shown):
        text += f", in {placed} of {len(shown)}; no header says so of the others"
    return f"{text}."


def _png(shown: Thumbnail | None) -> bytes | None:
    if shown is None:
        return None
    rgb = np.repeat(shown.image[..., None], 3, axis=-1)
    if shown.outline is not None:
        rgb[shown.outline] = _OUTLINE
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, format="PNG", optimize=True)
    return stream.getvalue()
