"""The page of a cohort that was looked over: its problems, every case as a small picture, a
table."""

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
from rarecase.numbers import plainly
from rarecase.report.blocks import Block, Section, Table, Text, counted, joined
from rarecase.report.page import Page, write_page
from rarecase.report.sheet import Mark, Picture, Sheet

OUTLINE = (86, 180, 233)
NARROWEST = 150  # pixels of a picture
MARKS: dict[str, Mark] = {"error": "error", "warning": "warning"}
COLUMNS = ("case", "label", "site", "channels", "slices", "size", "spacing", "stored", "minimum",
           "median", "maximum", "tumour_ml", "tumour_pixels")  # fmt: skip
HEADS, WORDS = {"spacing": "Spacing, mm", "stored": "Axes", "tumour_ml": "Tumour, mL"}, 4
SHOWN = (
    "The slice that shows most of the mask (outlined), or the middle one; in the channel on which "
    "the mask was drawn, where the files tell, else FLAIR, else the first."
)


def report_inspection(found: Inspection, *, source: str, place: Path) -> Path:
    """Write the page of what `inspect_cohort(…, thumbnails=True)` found to a folder or file (see
    `write_page`); `source`: the cohort's name. Returns its path."""
    cases = found.to_dict()["cases"]
    classes = class_counts(found.classes, found.column)
    patients = f"; patients: {classes}; rare class {found.rare}" if found.classes else ""
    counts = Counter(problem.severity for problem in found.problems)
    told = [counted(counts[kind], kind) for kind in ("error", "warning", "note") if counts[kind]]
    text = (
        f"Layout {found.layout}: {counted(len(cases), 'case')}{patients}; channels "
        f"{joined(found.channels)}. {joined(told or ['No problem'])} found."
    )
    sections = [
        Section("problems", "Problems", [Text(text), *_problems(found)]),
        Section("cases", "Cases", [Text(f"{SHOWN} {_orientation(found)}", "note"),
                                   _sheet(found, cases)]),
        Section("table", "Table", [_table(cases, labelled=bool(found.classes))]),
    ]  # fmt: skip
    return write_page(Page(source, ["inspect"], sections), place)


def _problems(found: Inspection) -> list[Block]:
    if not found.problems:
        return []
    rows = [[each.severity, each.case or "", each.message] for each in found.problems]
    return [Table("What was found, the worst first", ["Severity", "Case", "What"], rows, heads=3)]


def _sheet(found: Inspection, cases: list[dict[str, Any]]) -> Sheet:
    severity = {p.case: p.severity for p in reversed(found.problems) if p.case is not None}
    pictures = []
    for case in cases:
        shown = found.thumbnails.get(str(case["case"]))
        where = [] if shown is None else [f"slice {shown.slice}", shown.channel]
        below = ", ".join([*([str(case["label"])] if found.classes else []), *where])
        mark = MARKS.get(severity.get(str(case["case"]), ""), "")
        pictures.append(Picture(str(case["case"]), _png(shown), below, mark))
    return Sheet(pictures, narrowest=NARROWEST)


def _table(cases: list[dict[str, Any]], *, labelled: bool) -> Table:
    """What is known of every case. Patients are numbered, and only where one has several."""
    names = [n for n in COLUMNS if any(case.get(n) is not None for case in cases)]
    names = [n for n in names if n != "label" or labelled]
    numbers = {who: i for i, who in enumerate(dict.fromkeys(c.get("patient") for c in cases), 1)}
    several = len(numbers) < len(cases) and None not in numbers
    rows = []
    for case in cases:
        cells = [_cell(case[name]) for name in names]
        rows.append([*cells[:1], *([str(numbers[case["patient"]])] if several else []), *cells[1:]])
    heads = [HEADS.get(n, n.capitalize().replace("_", " ")) for n in names]
    return Table(
        caption="Every case",
        columns=[*heads[:1], *(["Of patient"] if several else []), *heads[1:]],
        rows=rows,
        heads=sum(name in COLUMNS[:WORDS] for name in names) + several,
    )


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
        rgb[shown.outline] = OUTLINE
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, format="PNG", optimize=True)
    return stream.getvalue()
