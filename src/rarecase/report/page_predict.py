"""The page of predictions: who was called what, what speaks against it, and the outlines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.errors import DataError
from rarecase.evidence.text import cell, class_counts, number, with_interval
from rarecase.files import read_json
from rarecase.report.blocks import Block, Bullets, Section, Table, Text, counted, joined
from rarecase.report.page import Page, write_page
from rarecase.report.sheet import Picture, Sheet, jpeg

PREDICTED, REPORT, OVERLAY = "predictions.json", "report", "_overlay.png"
MOST_ROWS = 2_000  # of a table
BUDGET, WIDTH = 12 * 2**20, 1000  # bytes of all pictures; pixels of one
Case = Mapping[str, Any]
UNLIKE = (
    "Told by how far a scan lies from those that were learnt from, and by its header. Where "
    "nothing is said, that does not prove that a scan is of their kind."
)
NOTHING = (
    "Nothing speaks against any of the scans, neither how far they lie from those that were learnt "
    "from nor their headers. That does not prove that they are of their kind."
)


def report_predictions(folder: Path, *, out: Path | None = None) -> Path:
    """Write the page of what `predict_images` left in a folder, FOLDER/report/index.html unless
    `out` says where (see `write_page`); returns its path. Raises `DataError` where predictions.json
    is not what it writes."""
    said = read_json(folder / PREDICTED)
    if not isinstance(said, dict) or not {"note", "model", "cases"} <= set(said):
        raise DataError(f"{folder / PREDICTED}: not what 'rarecase predict' writes.")
    cases, model = said["cases"], said["model"]
    read = [case for case in cases if case["problem"] is None]
    sections = [
        _summary(cases, model, note=said["note"]),
        *([_cases(read, model)] if read else []),
        *([_unread(cases)] if len(read) < len(cases) else []),
        *([_outlines(read, folder)] if read else []),
        _model(model, read),
    ]
    page = Page(f"What is predicted of {counted(len(cases), 'case')}?", _names(folder), sections)
    return write_page(page, folder / REPORT if out is None else out)


def report_rows(
    tables: Mapping[str, pd.DataFrame], *, card: Mapping[str, Any], lines: Sequence[str],
    note: str, name: str, place: Path,
) -> Path:  # fmt: skip
    """The same of rows of tables, {name of a file: its predictions}, by a model of tables; `lines`:
    what is amiss. Columns that are no features are left to the files: they may name people."""
    classes = card["classes"]
    sections: list[Section] = []
    for title, found in tables.items():
        rows = [
            [str(i), str(row["call"]), *(number(row[f"p_{c}"]) for c in classes)]
            for i, row in enumerate(found.head(MOST_ROWS).to_dict("records"), 1)
        ]
        table = Table(
            caption=_caption(card),
            columns=["Row", "Call", *(f"p {c}" for c in classes)],
            rows=rows,
            heads=2,
            note=f"Rows as they stand in the file. {_left_out(len(found), MOST_ROWS, 'row')}",
        )
        counts = Counter(found["call"])
        called = joined([f"{count:,} {c}" for c, count in counts.items()])
        blocks: list[Block] = [Text(f"{counted(len(found), 'row')} called: {called}."), table]
        sections.append(Section(f"table-{len(sections) + 1}", title, blocks))
    learnt = ", ".join(f"{count} {name}" for name, count in card["learnt_from"].items())
    area = card["evidence"]["auc_rare"]
    score = "not defined" if area is None else with_interval(area)
    rests = f"Learnt from {learnt}; AUC of {card['rare']} on patients not seen: {score}."
    summary = Section("summary", "Summary", [
        Text(note, "warning"), Text(rests), *([Bullets(lines, "What was amiss")] if lines else []),
    ])  # fmt: skip
    count = sum(map(len, tables.values()))
    page = Page(f"What is predicted of {counted(count, 'row')}?", ["predict", name],
                [summary, *sections])  # fmt: skip
    return write_page(page, place)


def _caption(card: Mapping[str, Any]) -> str:
    return f"{card['rare']} is called from a probability of {number(card['threshold'])} on"


def _names(folder: Path) -> list[str]:
    return ["predict", folder.resolve().name]


def _summary(cases: Sequence[Case], model: Mapping[str, Any], *, note: str) -> Section:
    read = [case for case in cases if case["problem"] is None]
    said = []
    if read:
        counts = Counter(case["call"] for case in read)
        said.append(f"Called: {joined([f'{n:,} {c}' for c, n in counts.items()])}.")
    if unlike := sum(bool(case["unlike"]) for case in read):
        said.append(
            f"Something speaks against believing it in {counted(unlike, 'case')} (shaded below)."
        )
    if failed := len(cases) - len(read):
        said.append(f"{counted(failed, 'case')} could not be read.")
    blocks: list[Block] = [
        Text(note, "warning"),
        Bullets(said or ["Nothing was predicted."], "What was predicted", style="finding"),
        Text(worth(model)),
    ]
    return Section("summary", "Summary", blocks)


def worth(model: Mapping[str, Any]) -> str:
    """What the calls of a model of images rest on, in a few lines; `model`: its card."""
    area = model["evidence"]["scores"].get("auc_rare")
    score = "not defined" if area is None else with_interval(area)
    learnt, tested = (
        class_counts(each["patients"]) for each in (model["learnt_from"], model["evidence"])
    )
    return (
        f"{model['rare']} is called from a probability of {number(model['threshold'])} on. Learnt "
        f"from {learnt}; arm {model['arm']}; AUC of {model['rare']} on patients not seen "
        f"({tested}): {score}."
    )


def _cases(read: Sequence[Case], model: Mapping[str, Any]) -> Section:
    classes = model["classes"]
    shown = read[:MOST_ROWS]
    table = Table(
        caption=_caption(model),
        columns=["Case", "Call", *(f"p {c}" for c in classes), "Tumour, mL", "Slices with tumour"],
        rows=[
            [case["case"], case["call"], *(cell(case[f"p_{c}"]) for c in classes),
             cell(case["tumour_ml"], digits=1), f"{case['tumour_slices']:,}"]
            for case in shown
        ],
        heads=2,
        note=f"Shaded: something speaks against it. {_left_out(len(read), MOST_ROWS, 'case')}",
        marked=[i for i, case in enumerate(shown) if case["unlike"]],
    )  # fmt: skip
    blocks: list[Block] = [table]
    unlike = [[case["case"], reason] for case in read for reason in case["unlike"]]
    if unlike:
        heads = ["Case", "What speaks against it"]
        blocks.append(_listed("Unlike those that were learnt from", heads, unlike, note=UNLIKE))
    else:
        blocks.append(Text(NOTHING, "note"))
    return Section("cases", "Cases", blocks)


def _unread(cases: Sequence[Case]) -> Section:
    rows = [[case["case"], case["problem"]] for case in cases if case["problem"] is not None]
    return Section("unread", "What could not be read", [_listed("Problems", ["Case", "Why"], rows)])


def _listed(
    caption: str, heads: Sequence[str], rows: Sequence[list[str]], *, note: str = ""
) -> Table:
    """A table of words."""
    note = " ".join([note, _left_out(len(rows), MOST_ROWS, "row")]).strip()
    return Table(caption, heads, rows[:MOST_ROWS], heads=len(heads), note=note)


def _outlines(read: Sequence[Case], folder: Path) -> Section:
    """The overlays, as many as there is room for."""
    pictures: list[Picture] = []
    room = BUDGET
    for case in read:
        path = folder / f"{_stem(case)}{OVERLAY}"
        if not path.is_file():
            continue
        data = jpeg(path.read_bytes(), width=WIDTH)
        room -= len(data)
        if room < 0:
            break
        chance = ", ".join(f"p {c[2:]} {number(v)}" for c, v in case.items() if c[:2] == "p_")
        below = f"{case['call']} ({chance})"
        pictures.append(Picture(case["case"], data, below, "warning" if case["unlike"] else ""))
    left = _left_out(len(read), len(pictures), "case")
    text = f"The predicted outline (dashed). {left} CASE{OVERLAY} in the folder of the results is "
    blocks: list[Block] = [Text(f"{text}the picture of a case, CASE_mask its mask.", "note")]
    return Section("outlines", "Outlines", [*blocks, Sheet(pictures, narrowest=480)])


def _stem(case: Case) -> str:
    """The name of a case's files, without what says which of them it is."""
    mask = str(case["mask"])
    ends = ("_mask.nii.gz", "_masks")
    return next((mask.removesuffix(end) for end in ends if mask.endswith(end)), mask)


def _left_out(count: int, shown: int, unit: str) -> str:
    """Which part is shown, where not all is."""
    return f"The first {min(shown, count):,} of {counted(count, unit)}." if count > shown else ""


def _model(model: Mapping[str, Any], read: Sequence[Case]) -> Section:
    blocks: list[Block] = [
        Text(
            f"The model takes the channels {joined(model['channels'])} and tells "
            f"{joined(model['classes'])}; made with rarecase {model['version']}."
        )
    ]
    notes = [[case["case"], line] for case in read for line in case["notes"]]
    if notes:
        heads = ["Case", "What was odd, and how it was settled"]
        blocks.append(_listed("Notes on the files", heads, notes))
    return Section("method", "How it was done", blocks)
