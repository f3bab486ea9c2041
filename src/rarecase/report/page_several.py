"""Runs and comparisons side by side: what each found, and what they differ by where they tested the
same patients in the same folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from rarecase import __version__
from rarecase.evidence.between import between, digest_of_tests
from rarecase.evidence.feature_sets import two_sided
from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.tables import main_rows
from rarecase.evidence.tables_features import verdict_lines
from rarecase.evidence.text import DASH, p_value
from rarecase.ranking import plain
from rarecase.report.blocks import (
    Block,
    Bullets,
    Cell,
    Details,
    Section,
    Table,
    Text,
    counted,
    joined,
    scored,
)
from rarecase.report.found import Found
from rarecase.report.page import Page, write_page
from rarecase.report.pages import found_in
from rarecase.report.tables import reference_of

LEVEL = 0.95
MOST_SHARED = 40  # rows of a pair
WHAT = (
    "Of each the arm that does nothing, on the features and classifier declared beforehand (or "
    "what inner folds chose), and the verdicts on what its synthetic samples add."
)
PAIRED = (
    "Differences are shown where the same patients with the same labels were tested in the same "
    "folds: then chance in who was tested is common to both and cancels out. The test is that of "
    "arms within a run (DeLong's on averaged patients), its variance that between other features, "
    "as nothing of what was learnt need be the same. Intervals and p are of each line alone, not "
    "corrected for their number."
)


@dataclass(frozen=True)
class Side:
    """One of the folders, with a name of its own on the page."""

    name: str
    found: Found

    @cached_property
    def digest(self) -> str:
        """Of who was tested when."""
        return digest_of_tests(self.found.predictions)

    @property
    def key(self) -> Key:
        """The row that stands for it: the reference of its primary features and classifier."""
        primary = self.found.evidence["primary"]
        family = primary["features"], primary["classifier"]
        return key_of(reference_of(self.found.evidence, family))

    @cached_property
    def rows(self) -> dict[Key, dict[str, Any]]:
        """The rows of its arms by their keys."""
        return {key_of(row): dict(row) for row in main_rows(self.found.evidence)}


def report_several(folders: Sequence[Path], *, out: Path) -> Path:
    """Write the page of several runs or comparisons to a folder or file (see `write_page`); returns
    its path. Raises `DataError` for a folder that is neither."""
    founds = [found_in(folder) for folder in folders]
    names = _names([folder.resolve().name for folder in folders])
    sides = [Side(name, found) for name, found in zip(names, founds, strict=True)]
    sections = [
        Section("folders", "What is set side by side", _overview(sides)),
        Section("differences", "What they differ by", _differences(sides)),
        Section("method", "How it was done", [
            Text(PAIRED), Text(f"This page was written with rarecase {__version__}.", "note"),
        ]),
    ]  # fmt: skip
    title = f"{counted(len(sides), 'result')} side by side"
    return write_page(Page(title, ["report", *names[:4]], sections), out)


def _names(names: Sequence[str]) -> list[str]:
    """Names of which no two are the same.

    >>> _names(["run", "other", "run"])
    ['run', 'other', 'run (2)']
    """
    found: list[str] = []
    for i, name in enumerate(names):
        before = names[:i].count(name)
        found.append(f"{name} ({before + 1})" if before else name)
    return found


def _overview(sides: Sequence[Side]) -> list[Block]:
    rows: list[list[str | Cell]] = []
    for side in sides:
        evidence = side.found.evidence
        patients = evidence["counts"]["patients"]
        score = side.rows[side.key]["patients"]["scores"][AUC]
        best = evidence["best"]
        rows.append(
            [Cell(side.name, f"{side.found.names[0]}, {side.found.data}"),
             Cell(joined([f"{n:,} {c}" for c, n in patients.items()]), f"rare: {side.found.rare}"),
             f"{evidence['repeats']} × {len({f['fold'] for f in evidence['folds']})}",
             " with ".join(side.key.family), scored(score),
             DASH if best is None else scored(best["auc"]), _verdicts(side)]
        )  # fmt: skip
    table = Table(
        caption="Results side by side",
        columns=["Name", "Patients", "Repeats × folds", "Features and classifier",
                 "AUC, nothing added", "Largest AUC", "Synthetic samples"],
        rows=rows,
        heads=4,
        note="The largest AUC was picked after looking at the patients, and flatters.",
    )  # fmt: skip
    blocks: list[Block] = [Text(WHAT), table]
    for side in sides:
        said = verdict_lines(side.found.evidence)[0] or ["No synthetic arm has a verdict."]
        blocks.append(Bullets(said, side.name, style="finding"))
    return blocks


def _verdicts(side: Side) -> str:
    """How many of the verdicts on the primary features and classifier came out how."""
    answers = Counter(
        verdict["answer"]
        for verdict in side.found.evidence["verdicts"]
        if key_of(verdict).family == side.key.family
    )
    return ", ".join(f"{count} {answer}" for answer, count in answers.items()) or "no verdict"


def _differences(sides: Sequence[Side]) -> list[Block]:
    rows: list[list[str | Cell]] = []
    blocks: list[Block] = []
    why: list[str] = []
    for one, other in combinations(sides, 2):
        if reason := not_comparable(one, other):
            why.append(f"{one.name} and {other.name}: {reason}")
            continue
        rows.append([f"{other.name} − {one.name}", _row_name(one, other),
                     *_difference(one, other, (one.key, other.key))])  # fmt: skip
        shared = [key for key in one.rows if key in other.rows]
        lines = [
            [key.title(full=True), *_difference(one, other, (key, key))]
            for key in shared[:MOST_SHARED]
        ]
        if lines:
            more = f" The first {len(lines)} of {len(shared)}." if len(lines) < len(shared) else ""
            table = Table(
                caption=f"ΔAUC of {other.name} − {one.name}, row by row",
                columns=["Row of both", "ΔAUC", "p"],
                rows=lines,
                note=f"Rows of the same features, classifier, arm and amount.{more}",
            )
            blocks.append(Details(f"{table.caption} ({len(lines)} rows)", [table]))
    if rows:
        heads = ["Difference", "Of which rows", "ΔAUC", "p"]
        table = Table("ΔAUC on the same patients, with nothing added", heads, rows, heads=2,
                      note="p: two-sided.")  # fmt: skip
        blocks.insert(0, table)
    if why:
        blocks.append(Bullets(why, "Not set against each other"))
    return blocks


def not_comparable(one: Side, other: Side) -> str:
    """Why no difference may be taken; empty where it may."""
    if one.found.rare != other.found.rare or {*one.found.classes} != {*other.found.classes}:
        return (
            f"other classes ({joined(one.found.classes)}, rare {one.found.rare}; "
            f"{joined(other.found.classes)}, rare {other.found.rare})."
        )
    if one.digest == other.digest:
        return ""
    patients, others = ({*side.found.predictions["patient"]} for side in (one, other))
    if patients != others:
        both = len(patients & others)
        return (
            f"other patients were tested ({len(patients):,} and {len(others):,}, {both:,} in "
            "both), so that a difference would be one of patients, too."
        )
    return (
        "the same patients, but in other folds or with other labels: what was learnt differs by "
        "who was in it, too. The same seed, folds and repeats make the same splits."
    )


def _row_name(one: Side, other: Side) -> str:
    names = dict.fromkeys(side.key.title(full=True) for side in (other, one))
    return " − ".join(names)


def _difference(one: Side, other: Side, keys: tuple[Key, Key]) -> list[str | Cell]:
    """ΔAUC with its interval, and p of either direction."""
    tables = other.found.predictions, one.found.predictions
    found = between(*tables, keys=(keys[1], keys[0]), rare=one.found.rare)
    low, high = found.interval(level=LEVEL)
    score = {"value": plain(found.difference), "low": plain(low), "high": plain(high)}
    return [scored(score, change=True), _p(found)]


def _p(found: Comparison) -> str:
    return p_value(two_sided(found)) if found.known else DASH
