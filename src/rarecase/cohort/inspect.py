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
from rarecase.imaging.grid import axial_grid, millimetres
from rarecase.imaging.pictures import probe_picture
from rarecase.imaging.volumes import probe_volume
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
    labels_from: the tables that labels come from, and of how many cases. problems: the worst
    first. thumbnails: by case, where they were requested."""

    layout: str
    channels: tuple[str, ...]
    classes: dict[str, int]
    rare: str
    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    thumbnails: Mapping[str, Thumbnail] = field(default_factory=dict)
    labels_from: Mapping[str, int] = field(default_factory=dict)

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
            "labels_from": dict(self.labels_from),
            "cases": records,
            "problems": [asdict(problem) for problem in self.problems],
        }


def inspect_cohort(
    cohort: Cohort, *, load: bool = True, thumbnails: bool = False, workers: int | None = None,
    amiss: str | None = None, leave_out: bool = False,
) -> Inspection:  # fmt: skip
    """Look at every case; a broken file becomes a problem in the list, not an exception.

    Without `load` only names and headers are looked at, and intensities and tumours stay empty.
    `workers` cases are read at a time, by default one per core, up to four. `amiss`: an error that
    is known already, such as of labels. `leave_out`: cases that cannot be read are to be left out,
    and no error.
    """
    look = partial(
        _look, channels=cohort.channels, load=load, thumbnails=thumbnails, root=cohort.root,
        broken="note" if leave_out else "error",
    )  # fmt: skip
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
    problems += [*cohort_problems(cohort), *mask_values((e.values, e.case.tumour) for e in seen)]
    problems += [problem for each in seen for problem in each.problems]
    problems += copies(contents.values())
    columns = [*_row(cohort.cases[0]), *_EMPTY]
    table = pd.DataFrame([_EMPTY | each.row for each in seen])[columns]
    return Inspection(
        layout=cohort.layout,
        channels=cohort.channels,
        classes=dict(sorted(Counter(cohort.patients.values()).items())),
        rare=cohort.rare,
        cases=table,
        problems=tuple(sorted(problems, key=Problem.rank)),
        thumbnails={e.case.case: e.thumbnail for e in seen if e.thumbnail is not None},
        labels_from=cohort.labels_from,
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
    load: bool,
    thumbnails: bool,
    root: Path | None,
    broken: Severity,
) -> _Seen:
    row = _row(case)
    try:
        if not load:
            return _Seen(case, row | _probe(case, channels[0]), [])
        groups = load_groups(case, channels)
        found = [
            replace(each, message=within(each.message, root))
            for each in case_problems(case, groups)
        ]
        return _Seen(
            case, row | _measure(groups), found, values=groups[0].values, digest=_digest(groups),
            thumbnail=thumbnail(groups) if thumbnails else None,
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


def _probe(case: Case, channel: str) -> dict[str, Any]:
    if case.slices:
        sizes = dict.fromkeys(probe_picture(files.image) for files in case.slices)
        return {"slices": len(case.slices), "size": sizes_of(sizes)}
    header = probe_volume(case.images[channel])
    grid, _ = axial_grid(header.grid)
    x, y, z = grid.shape
    dx, dy, dz = grid.spacing
    return {
        "slices": z, "size": sizes_of([(y, x)]), "spacing": millimetres((dy, dx, dz)),
        "stored": header.source.codes,
    }  # fmt: skip


def _measure(groups: list[CaseArrays]) -> dict[str, Any]:
    values = np.concatenate([group.images.ravel() for group in groups])
    masks = [group.masks for group in groups if group.masks is not None]
    spacing = groups[0].spacing
    pixels = sum(int(mask.sum()) for mask in masks) if masks else None
    volume = None
    if pixels is not None and spacing is not None:
        volume = round(pixels * float(np.prod(spacing)) / 1000, 2)
    return {
        "slices": sum(len(group.images) for group in groups),
        "size": sizes_of([group.images.shape[-2:] for group in groups]),
        "spacing": None if spacing is None else millimetres(spacing),
        "stored": None if groups[0].source is None else groups[0].source.codes,
        "minimum": float(values.min()),
        "median": float(np.median(values)),
        "maximum": float(values.max()),
        "tumour_pixels": pixels,
        "tumour_ml": volume,
    }


def _digest(groups: list[CaseArrays]) -> str:
    digest = hashlib.sha256()
    for group in groups:
        digest.update(repr(group.images.shape).encode())
        digest.update(np.ascontiguousarray(group.images).data)
    return digest.hexdigest()
