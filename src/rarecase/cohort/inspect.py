"""Looking a cohort over before anything is trained: a table of cases, and what is wrong."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rarecase.ahead import ahead, readers
from rarecase.cohort.case import Case, Cohort
from rarecase.cohort.load import CaseArrays, load_groups
from rarecase.cohort.problems import (
    Problem,
    Severity,
    case_problems,
    cohort_problems,
    copies,
    mask_values,
    sizes_of,
)
from rarecase.cohort.thumbnail import Thumbnail, thumbnail
from rarecase.cohort.unreadable import BROKEN, reason_of, within
from rarecase.errors import DataError
from rarecase.imaging.grid import millimetres
from rarecase.plots import points
from rarecase.progress import task
from rarecase.shown import Brief, counts, grid_of, html

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Inspection(Brief):
    """cases: one row per case: case, patient, label, site, channels, mask, slices, size, spacing,
    stored (order of axes in the file), minimum, median, maximum (raw, over all channels),
    tumour_pixels, tumour_ml (volumes only).
    classes: patients of each; empty where there are no labels, and `rare` with it. column: the one
    of a table that labels come from. labels_from: these tables, and of how many cases. problems:
    the worst first. thumbnails: by case, where they were requested."""

    layout: str
    channels: tuple[str, ...]
    classes: dict[str, int]
    rare: str
    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    thumbnails: Mapping[str, Thumbnail] = field(default_factory=dict)
    labels_from: Mapping[str, int] = field(default_factory=dict)
    column: str | None = None

    @property
    def ok(self) -> bool:
        """Whether no problem is an error."""
        return all(problem.severity != "error" for problem in self.problems)

    def to_frame(self) -> pd.DataFrame:
        """`cases`."""
        return self.cases

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """How large the tumour of every case is, by class: mL, or pixels of pictures. Raises
        `DataError` where nothing was measured."""
        column = "tumour_ml" if self.cases["tumour_ml"].notna().any() else "tumour_pixels"
        known = self.cases[self.cases[column].notna()]
        if known.empty:
            raise DataError("no case has a mask that was looked at; leave out load=False.")
        labels = known["label"].astype(str)
        sizes = {n: known.loc[labels == n, column].tolist() for n in self.classes}
        label = "tumour, mL" if column == "tumour_ml" else "tumour, pixels"
        return points(sizes, label=label, ax=ax)

    def _about(self) -> dict[str, Any]:
        return {
            "cases": len(self.cases), "patients": counts(self.classes, rare=self.rare),
            "channels": self.channels, "layout": self.layout,
            "problems": counts(Counter(each.severity for each in self.problems)) or "none",
        }  # fmt: skip

    def _repr_html_(self) -> str:
        table = self.cases.dropna(axis=1, how="all")
        cases = html("Cases", grid_of(table), above=[repr(self)], total=len(table))
        if not self.problems:
            return cases
        rows = [[each.severity, each.case, each.message] for each in self.problems]
        return cases + html("Problems, the worst first", (["severity", "case", "what"], rows))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it; `classes` counts patients."""
        records = [
            {str(k): None if pd.isna(v) else v for k, v in row.items()}
            for row in self.cases.astype(object).to_dict("records")
        ]
        return {
            "layout": self.layout,
            "channels": list(self.channels),
            "classes": self.classes,
            "rare": self.rare,
            "column": self.column,
            "labels_from": dict(self.labels_from),
            "cases": records,
            "problems": [asdict(problem) for problem in self.problems],
        }


def inspect_cohort(
    cohort: Cohort, *, intensities: bool = True, thumbnails: bool = False,
    workers: int | None = None, amiss: str | None = None, leave_out: bool = False,
    rare: str | None = None,
) -> Inspection:  # fmt: skip
    """Look at every case; a broken file becomes a problem in the list, not an exception.

    Without `intensities` their columns stay empty; the problems are the same. `workers` cases are
    read at a time, by default one per core, up to four. `amiss`: an error that is known already,
    such as of labels. `leave_out`: cases that cannot be read are to be left out, and no error.
    `rare`: the rare class (default: the one with the fewest patients).
    """
    look = partial(
        _look, channels=cohort.channels, intensities=intensities, thumbnails=thumbnails,
        root=cohort.root, broken="note" if leave_out else "error",
    )  # fmt: skip
    rare = rare or cohort.rare
    count = workers or readers(4)
    seen: list[_Seen] = []
    with task("cases", total=len(cohort.cases)) as bar:
        for case, each in ahead(look, cohort.cases, workers=count):
            seen.append(each)
            bar.advance(note=case.case)
    contents: dict[str, list[Case]] = defaultdict(list)
    for each in seen:
        if each.digest is not None:
            contents[each.digest].append(each.case)
    problems = [Problem("error", None, amiss)] if amiss else []
    problems += [
        *cohort_problems(cohort, rare=rare),
        *mask_values((e.values, e.case.tumour) for e in seen),
    ]
    problems += [problem for each in seen for problem in each.problems]
    problems += copies(contents.values())
    columns = [*_row(cohort.cases[0]), *_EMPTY]
    table = pd.DataFrame([_EMPTY | each.row for each in seen])[columns]
    return Inspection(
        layout=cohort.layout,
        channels=cohort.channels,
        classes=cohort.counts,
        rare=rare if cohort.counts else "",
        cases=table,
        problems=tuple(sorted(problems, key=Problem.rank)),
        thumbnails={e.case.case: e.thumbnail for e in seen if e.thumbnail is not None},
        labels_from=cohort.labels_from,
        column=cohort.column,
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """What one case showed."""

    case: Case
    row: dict[str, Any]
    problems: list[Problem]
    values: Mapping[int, int] = field(default_factory=dict)
    digest: str | None = None
    thumbnail: Thumbnail | None = None


def _look(
    case: Case,
    *,
    channels: Sequence[str],
    intensities: bool,
    thumbnails: bool,
    root: Path | None,
    broken: Severity,
) -> _Seen:
    row = _row(case)
    try:
        groups = load_groups(case, channels)
        found = [
            replace(each, message=within(each.message, root))
            for each in case_problems(case, groups)
        ]
        row |= _measure(groups, intensities=intensities)
        return _Seen(
            case, row, found, values=groups[0].values, digest=_digest(groups),
            thumbnail=thumbnail(groups, channels) if thumbnails else None,
        )  # fmt: skip
    except BROKEN as error:
        return _Seen(case, row, [Problem(broken, case.case, reason_of(error, root))])


_EMPTY: dict[str, Any] = dict.fromkeys(
    ("slices", "size", "spacing", "stored", "minimum", "median", "maximum", "tumour_pixels",
     "tumour_ml")
)  # fmt: skip


def _row(case: Case) -> dict[str, Any]:
    return {
        "case": case.case,
        "patient": case.patient,
        "label": case.label,
        "site": case.site,
        "channels": " ".join(case.channels),
        "mask": case.has_mask,
    }


def _measure(groups: list[CaseArrays], *, intensities: bool) -> dict[str, Any]:
    masks = [group.masks for group in groups if group.masks is not None]
    spacing = groups[0].spacing
    pixels = sum(int(mask.sum()) for mask in masks) if masks else None
    volume = None
    if pixels is not None and spacing is not None:
        volume = round(pixels * float(np.prod(spacing)) / 1000, 2)
    found = {
        "slices": sum(len(group.images) for group in groups),
        "size": sizes_of([group.images.shape[-2:] for group in groups]),
        "spacing": None if spacing is None else millimetres(spacing),
        "stored": None if groups[0].source is None else groups[0].source.codes,
        "tumour_pixels": pixels,
        "tumour_ml": volume,
    }
    return found | _intensities(groups) if intensities else found


def _intensities(groups: list[CaseArrays]) -> dict[str, float]:
    each = [group.images.ravel() for group in groups]
    values = each[0] if len(each) == 1 else np.concatenate(each)
    return {
        "minimum": float(values.min()), "median": float(np.median(values)),
        "maximum": float(values.max()),
    }  # fmt: skip


def _digest(groups: list[CaseArrays]) -> str:
    digest = hashlib.sha256()
    for group in groups:
        digest.update(repr(group.images.shape).encode())
        digest.update(np.ascontiguousarray(group.images).data)
    return digest.hexdigest()
