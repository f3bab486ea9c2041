"""Known layouts of folders, each recognised by looking. The first that fits is taken."""

from __future__ import annotations

from pathlib import Path

from rarecase.cohort.layouts import (
    bids,
    brats,
    dicom,
    manifest,
    nnunet,
    one_scan,
    rembrandt,
    slices,
    tcga,
)
from rarecase.cohort.layouts.base import Layout, RawCohort, Source
from rarecase.errors import DataError

__all__ = ["LAYOUTS", "Layout", "RawCohort", "Source", "find_layout", "read_layout"]

_ORDER = (slices, manifest, bids, nnunet, tcga, rembrandt, brats, dicom)
LAYOUTS: tuple[Layout, ...] = tuple(module.LAYOUT for module in _ORDER)
"""In the order in which they are tried."""

_DEEPEST = 3  # how many folders down a cohort is looked for


def read_layout(path: Path) -> RawCohort:
    """Read the folder or CSV file `path` with the layout that recognises it, or a single scan.

    A folder that is not recognised but holds one that is (as archives unpack, up to three levels
    down where each holds a single folder) is read from there; several that are recognised are an
    error that names them. Raises DataError that lists what was looked for and what is there.
    """
    source, layout = _find(path)
    if layout is None:
        looked = "\n".join(f"  {known.name}: {known.looks_for}" for known in LAYOUTS)
        raise DataError(
            f"{path}: no known layout. Looked for\n{looked}\nand found {source.describe()}. "
            "Arrange the data as one of these, or write a manifest CSV that names the files."
        )
    return layout.read(source)


def find_layout(path: Path) -> str | None:
    """The name of the layout of a folder or CSV file, None if it has none that is known."""
    layout = _find(path)[1]
    return None if layout is None else layout.name


def _find(path: Path) -> tuple[Source, Layout | None]:
    if not path.exists():
        raise DataError(f"{path}: no such folder or file.")
    source = Source.of(path)
    layout = _recognise(source)
    outer = source
    for _ in range(_DEEPEST):
        if layout is not None or source.csv is not None:
            break
        level = outer.inside()
        found = [(inside, fit) for inside in level if (fit := _recognise(inside)) is not None]
        if len(found) > 1:
            names = ", ".join(str(inside.root) for inside, _ in found[:5])
            raise DataError(f"{path} holds several cohorts: name one of {names}.")
        if found:
            source, layout = found[0]
        elif len(level) != 1:
            break
        outer = level[0]
    return source, layout


def _recognise(source: Source) -> Layout | None:
    known = (one_scan.LAYOUT, *LAYOUTS)
    return next((layout for layout in known if layout.recognise(source)), None)
