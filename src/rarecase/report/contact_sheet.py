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
from rarecase.files import write_text
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
            "severity": severity.get(str(row["case"]), ""),
            "png": _png(shown),
            "slice": getattr(shown, "slice", None),
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
        "columns": [n for n in _COLUMNS if any(e["row"].get(n) is not None for e in cases)],
        "classes": ", ".join(f"{number} {name}" for name, number in found.classes.items()),
        "problems": ", ".join(told),
    }
    write_text(path, fill("contact_sheet.html.j2", values))


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
