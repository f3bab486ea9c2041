"""Known layouts of folders, each recognised by looking. The first that fits is taken."""

from __future__ import annotations

from pathlib import Path

from rarecase.cohort.layouts.base import Layout, RawCohort, Source
from rarecase.cohort.layouts.brats import LAYOUT as BRATS
from rarecase.cohort.layouts.manifest import LAYOUT as MANIFEST
from rarecase.cohort.layouts.rembrandt import LAYOUT as REMBRANDT
from rarecase.cohort.layouts.slices import LAYOUT as SLICES
from rarecase.cohort.layouts.tcga import LAYOUT as TCGA
from rarecase.errors import DataError

__all__ = ["LAYOUTS", "Layout", "RawCohort", "Source", "read_layout"]

LAYOUTS: tuple[Layout, ...] = (SLICES, MANIFEST, TCGA, REMBRANDT, BRATS)


def read_layout(path: Path) -> RawCohort:
    """Read the folder or CSV file `path` with the layout that recognises it.

    A folder that is not recognised but holds exactly one folder that is (as archives unpack) is
    read from there. Raises DataError that lists what was looked for and what is there.
    """
    if not path.exists():
        raise DataError(f"{path}: no such folder or file.")
    source = Source.of(path)
    layout = _recognise(source)
    if layout is None and source.csv is None:
        inside = [Source.of(folder) for folder in source.folders()]
        found = [(s, fit) for s in inside if (fit := _recognise(s)) is not None]
        if len(found) == 1:
            source, layout = found[0]
    if layout is None:
        looked = "\n".join(f"  {known.name}: {known.looks_for}" for known in LAYOUTS)
        raise DataError(
            f"{path}: no known layout. Looked for\n{looked}\nand found {source.describe()}. "
            "Arrange the data as one of these, or write a manifest CSV that names the files."
        )
    return layout.read(source)


def _recognise(source: Source) -> Layout | None:
    return next((layout for layout in LAYOUTS if layout.recognise(source)), None)
