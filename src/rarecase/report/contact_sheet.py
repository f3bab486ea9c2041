"""The contact sheet of a cohort: every case as a small picture, and every problem found."""

from __future__ import annotations

import base64
import io
from collections import Counter
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from rarecase.cohort.inspect import Inspection
from rarecase.cohort.thumbnail import Thumbnail
from rarecase.files import write_text
from rarecase.report.blocks import counted

_OUTLINE = (86, 180, 233)
_COLUMNS = ("case", "patient", "label", "site", "channels", "slices", "size", "spacing", "stored",
            "minimum", "median", "maximum", "tumour_ml", "tumour_pixels")  # fmt: skip


def write_contact_sheet(found: Inspection, path: Path, *, source: str) -> None:
    """Write one self-contained HTML page for what `inspect_cohort(…, thumbnails=True)` found."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    severity = {p.case: p.severity for p in reversed(found.problems) if p.case is not None}
    cases = [
        {
            "row": row,
            "severity": severity.get(str(row["case"]), ""),
            "png": _png(found.thumbnails.get(str(row["case"]))),
            "slice": getattr(found.thumbnails.get(str(row["case"])), "slice", None),
        }
        for row in found.to_dict()["cases"]
    ]
    columns = [
        name for name in _COLUMNS if any(each["row"].get(name) is not None for each in cases)
    ]
    counts = Counter(problem.severity for problem in found.problems)
    page = environment.get_template("contact_sheet.html.j2").render(
        source=source,
        found=found,
        orientation=_orientation(found),
        cases=cases,
        columns=columns,
        classes=", ".join(f"{number} {name}" for name, number in found.classes.items()),
        problems=", ".join(
            counted(counts[s], s) for s in ("error", "warning", "note") if counts[s]
        ),
    )
    write_text(path, page)


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


def _png(shown: Thumbnail | None) -> str | None:
    if shown is None:
        return None
    rgb = np.repeat(shown.image[..., None], 3, axis=-1)
    if shown.outline is not None:
        rgb[shown.outline] = _OUTLINE
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
