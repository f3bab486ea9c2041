"""inspect: what is in a cohort, or in a single scan, and what is wrong with it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_options
from rarecase.cli.pages import add_page, last_line, named, page_place
from rarecase.cli.show import finish, labels_from, table
from rarecase.cli.study_options import FILE, add_merge, add_short, resolved
from rarecase.cohort.unreadable import UNREADABLE
from rarecase.errors import DataError, SettingError
from rarecase.numbers import plainly

if TYPE_CHECKING:
    from rich.table import Table

    from rarecase.cohort import Cohort, Inspection
    from rarecase.pipeline.settings import CohortSettings

EPILOG = """\
examples:
  rarecase inspect DATA
  rarecase inspect DATA --label Grade --channels flair,t1gd --html sheet.html
  rarecase inspect DATA --label Grade=2,3 --json
  rarecase inspect scan.nii.gz                         a single volume, DICOM file or picture

Every file is read. The exit status is 1 where something is wrong that a study could not use."""

# --cohort.accept is no question of what is in the files.
TAKES = tuple(
    f"cohort.{name}"
    for name in ("label", "rare", "channels", "merge", "exclude", "conflict", "tumour")
)


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase inspect` takes."""
    parser.add_argument(
        "data", nargs="?", metavar="DATA",
        help="folder or table of a cohort; or a single volume, DICOM file or picture",
    )  # fmt: skip
    add_options(parser, [FILE])
    add_short(parser, TAKES)
    add_merge(parser)
    add_options(parser, (
        ("--fast", None, "leave the intensities out of the table; the problems are the same"),
    ))  # fmt: skip
    add_page(parser, of="also a page with a picture of every case: ")


def run(args: Namespace) -> int:
    """Show cases and problems; exit code 1 if one is an error."""
    from rarecase.cohort import inspect_cohort
    from rarecase.cohort.checks import chosen_rare

    if args.data is None:
        raise SettingError("DATA is missing: the folder, table or scan to look at.")
    place, page = page_place(args), None
    chosen = resolved(args).cohort
    cohort, amiss = _readable(args.data, chosen)
    rare = chosen_rare(cohort, chosen.rare) if cohort.labelled else None
    found = inspect_cohort(
        cohort, intensities=not args.fast, thumbnails=bool(args.html), amiss=amiss,
        leave_out=UNREADABLE in chosen.exclude, rare=rare,
    )  # fmt: skip
    if place is not None:
        from rarecase.report.page_inspect import report_inspection

        page = report_inspection(found, source=Path(args.data).resolve().name, place=place)
    problems: str | Table = "No problems found."
    if found.problems:
        listed = [[each.severity, each.case, each.message] for each in found.problems]
        problems = table("Problems", ["severity", "case", "what"], listed, text=3)
    return finish(
        args, found.to_dict() | named(page), _summary(found, cohort),
        *labels_from(found.labels_from),
        _cases(found, intensities=not args.fast), problems,
        *last_line(page), code=int(not found.ok),
    )  # fmt: skip


def _summary(found: Inspection, cohort: Cohort) -> str:
    """The whole of it in a line."""
    from rarecase.evidence.text import class_counts

    cases, patients = len(cohort.cases), len(cohort.patients)
    words = "1 case" if cases == 1 else f"{cases} cases of {patients} patients"
    if found.classes:
        words += f" ({class_counts(found.classes, found.column)}; rare: {found.rare})"
    return f"{found.layout}: {words}, channels {', '.join(found.channels)}"


def _cases(found: Inspection, *, intensities: bool) -> Table:
    """A line a case, of columns that say something."""
    heads = ["case", "label", "site", "slices", "size", "spacing, mm", "axes", "intensities",
             "tumour"]  # fmt: skip
    rows = [_case_row(each) for each in found.cases.to_dict("records")]
    idle = ([] if found.classes else ["label"]) + ([] if intensities else ["intensities"])
    idle += [] if any(row[2] for row in rows) else ["site"]
    kept = [place for place, head in enumerate(heads) if head not in idle]
    return table(
        "Cases", [heads[i] for i in kept], [[row[i] for i in kept] for row in rows],
        text=len([head for head in heads[:3] if head not in idle]),
    )  # fmt: skip


def _readable(data: str, chosen: CohortSettings) -> tuple[Cohort, str | None]:
    """The cohort with its labels; where these are amiss, without them, and what is. A single scan
    needs none."""
    from rarecase.cohort import read_cohort
    from rarecase.cohort.layouts.one_scan import is_scan

    given: Any = {each: getattr(chosen, each) for each in ("channels", "tumour")}
    given["exclude"] = [name for name in chosen.exclude if name != UNREADABLE]
    labels: Any = {each: getattr(chosen, each) for each in ("label", "merge", "conflict")}
    if is_scan(Path(data)):
        if chosen.label is not None or chosen.merge or chosen.rare is not None:
            raise SettingError(f"{data} is a single scan, which has no label: leave it out.")
        return read_cohort(data, labels=False, **given), None
    try:
        return read_cohort(data, **labels, **given), None
    except (DataError, SettingError) as error:
        if chosen.label is not None or chosen.merge:
            raise
        try:
            return read_cohort(data, labels=False, **given), str(error)
        except (DataError, SettingError):
            raise error from None


def _case_row(case: dict[Any, Any]) -> list[str]:
    """What of a case fits on a line; `--json` has the rest."""
    import pandas as pd

    def text(name: str) -> str:
        value = case[name]
        if pd.isna(value):
            return ""
        return plainly(value) if isinstance(value, float) else str(value)

    intensities = " ".join(text(name) for name in ("minimum", "median", "maximum"))
    tumour = f"{text('tumour_ml')} mL" if text("tumour_ml") else text("tumour_pixels")
    names = ("case", "label", "site", "slices", "size", "spacing", "stored")
    return [
        *(text(name) for name in names), intensities.strip(),
        tumour if case["mask"] else "no mask",
    ]  # fmt: skip
