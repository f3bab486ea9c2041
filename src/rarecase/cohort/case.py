"""What a cohort is made of: cases with their files, and the cohort itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecase.plots import bars
from rarecase.shown import LISTED, Brief, counts, grid_of, html

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False)
class SliceFiles(Brief):
    """One slice that is kept as a picture. number: its place in the case, rising."""

    image: Path
    mask: Path | None
    number: int


@dataclass(frozen=True, repr=False)
class Case(Brief):
    """One examination of one patient: volumes by channel, or a series of pictures.

    images: channel to volume, a file or the folder of a DICOM series (volume cases); mask: their
    mask. notes: what was chosen or left alone while they were found; undecided: channels that
    several files could be, with the question to the user. parts: for channels that
    share a file, which of its volumes each is, from 0.
    tumour: the mask's values that are tumour, all above 0 if empty.
    slices: the pictures (picture cases); planes: the channels inside each picture, in its order.
    fold: the test fold that the data's authors gave, if they gave one.
    clinical: what a table knows of the patient and may be learnt from, as text (see
    `clinical_columns`). label_from: the file and columns that the label comes from.
    """

    case: str
    patient: str
    label: str | None = None
    site: str | None = None
    fold: int | None = None
    images: Mapping[str, Path] = field(default_factory=dict)
    mask: Path | None = None
    notes: tuple[str, ...] = ()
    undecided: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    tumour: tuple[int, ...] = ()
    slices: tuple[SliceFiles, ...] = ()
    planes: tuple[str, ...] = ()
    clinical: Mapping[str, str | None] = field(default_factory=dict)
    label_from: str | None = field(default=None, compare=False)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that this case has."""
        return self.planes if self.slices else tuple(self.images)

    @property
    def has_mask(self) -> bool:
        """Whether any part of the case has a mask."""
        return self.mask is not None or any(files.mask is not None for files in self.slices)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the case, images before masks."""
        images = [*self.images.values(), *(files.image for files in self.slices)]
        masks = [self.mask, *(files.mask for files in self.slices)]
        return (*images, *(mask for mask in masks if mask is not None))


@dataclass(frozen=True, repr=False)
class Dropped(Brief):
    """A case that is in the data and not in the cohort, and why. asks: it could be taken if the
    user decided something."""

    case: str
    reason: str
    asks: bool = False


@dataclass(frozen=True, repr=False)
class Cohort(Brief):
    """Labelled cases, sorted by case id; every patient has one label.

    channels: lower-case names ('flair', 't1', 't1gd', 't2', 'image'), in the order in which
    slices hold them. notes: what was settled when ids were matched, and ids that match none. root:
    the folder of the data, which no output says. column: the one of a table that labels come from;
    None where folders say them. labelled: whether there are any.
    """

    cases: tuple[Case, ...]
    dropped: tuple[Dropped, ...]
    layout: str
    channels: tuple[str, ...]
    notes: tuple[str, ...] = ()
    root: Path | None = None
    column: str | None = None
    labelled: bool = True

    @property
    def labels_from(self) -> dict[str, int]:
        """Where labels come from ('labels.csv: grade, case by id'), and of how many cases."""
        return dict(Counter(case.label_from for case in self.cases if case.label_from))

    @property
    def patients(self) -> dict[str, str]:
        """Label by patient, sorted by patient."""
        return {c.patient: str(c.label) for c in sorted(self.cases, key=lambda c: c.patient)}

    @property
    def counts(self) -> dict[str, int]:
        """Patients of each class, sorted; empty where there are no labels."""
        return dict(sorted(Counter(self.patients.values()).items())) if self.labelled else {}

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(sorted({str(case.label) for case in self.cases}))

    @property
    def rare(self) -> str:
        """The class with the fewest patients; of equals the first by name."""
        counts = Counter(self.patients.values())
        return min(self.classes, key=lambda name: (counts[name], name))

    def to_frame(self) -> pd.DataFrame:
        """One row per case: case, patient, label, site, fold, has_mask, slices.

        `slices` counts pictures and is empty for volumes, whose files are not opened here.
        """
        frame = pd.DataFrame(
            [
                (c.case, c.patient, c.label, c.site, c.fold, c.has_mask, len(c.slices) or None)
                for c in self.cases
            ],
            columns=["case", "patient", "label", "site", "fold", "has_mask", "slices"],
        )
        return frame.astype({"fold": "Int64", "slices": "Int64"})

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Patients of each class, the rare one last."""
        return bars(dict(Counter(self.patients.values()).most_common()), label="patients", ax=ax)

    def _about(self) -> dict[str, Any]:
        patients = dict(Counter(self.patients.values()).most_common())
        return {
            "cases": len(self.cases),
            "patients": counts(patients, rare=self.rare if len(patients) > 1 else None),
            "channels": self.channels, "layout": self.layout,
        } | ({"left_out": len(self.dropped)} if self.dropped else {})  # fmt: skip

    def _repr_html_(self) -> str:
        said = [*self.notes[:LISTED], *(f"Left out: {d.case}, {d.reason}" for d in self.dropped)]
        table = self.to_frame().dropna(axis=1, how="all")
        return html(
            "Cases", grid_of(table), above=[repr(self)], below=said[:LISTED], total=len(table)
        )
