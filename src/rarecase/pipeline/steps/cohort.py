"""From files to cached slices, and the table that says who is tested when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.cohort import Cohort, SliceCache, assign_folds, cache_slices, read_cohort
from rarecase.cohort.checks import chosen_rare
from rarecase.files import write_json, write_table
from rarecase.pipeline.run_folder import COHORT, SLICES
from rarecase.pipeline.settings import Settings, SlicesSettings
from rarecase.pipeline.simulated import study_folder
from rarecase.pipeline.step import Context, Step


def load_cohort(settings: Settings, run: Path) -> Cohort:
    """The study's cohort (the user's data, or the simulated cohort inside the run folder) as its
    settings choose it; no image is read."""
    chosen = settings.cohort
    cohort = read_cohort(
        Path(settings.data) if settings.data else study_folder(run),
        label=chosen.label, merge=chosen.merge, channels=chosen.channels,
        conflict=chosen.conflict, exclude=chosen.exclude, tumour=chosen.tumour,
        clinical=[*chosen.clinical, *chosen.categorical],
    )  # fmt: skip
    chosen_rare(cohort, chosen.rare)
    return cohort


def load_folds(settings: Settings, cohort: Cohort) -> pd.DataFrame:
    """Columns repeat, patient, fold: the fold that tests the patient, −1 if none does."""
    split = settings.split
    folds: pd.DataFrame = assign_folds(
        cohort, kind=split.kind, folds=split.folds, repeats=split.repeats, seed=settings.seed
    )
    return folds


def cohort_facts(cohort: Cohort) -> Any:
    """Every case of a cohort and its label, and who was dropped."""
    cases = [(each.case, each.patient, each.label, each.fold, each.site) for each in cohort.cases]
    dropped = [(each.case, each.reason) for each in cohort.dropped]
    return [cohort.layout, cohort.channels, cases, dropped]


def file_stamps(cohort: Cohort) -> Any:
    """Which files are a cohort's, by path, size and time of change; they are not read."""
    stamps: list[Any] = []
    for case in cohort.cases:
        pictures = [(files.number, files.image, files.mask) for files in case.slices]
        files = [(name, case.images.get(name)) for name in cohort.channels]
        stamps += [_with_times(each) for each in (*files, ("mask", case.mask), *pictures)]
    return stamps


def _with_times(parts: Sequence[Any]) -> list[Any]:
    """Paths with their size and time of change; anything else as it is."""
    out: list[Any] = []
    for part in parts:
        if isinstance(part, Path):
            try:
                stat = part.stat()
            except OSError:  # said when it is read
                out += [str(part), None, None]
            else:
                out += [str(part), stat.st_size, stat.st_mtime_ns]
        else:
            out += [part]
    return out


def slices_step(context: Context, *, cohort: Cohort) -> Step:
    """The step that caches the slices of a cohort."""
    settings = context.settings
    simulation = [settings.simulation, settings.seed] if settings.data is None else None
    facts = [cohort_facts(cohort), simulation, settings.slices]
    # Of a simulated one its settings say what is in it; a missing file is made anew.
    sources = None if settings.data is None else file_stamps(cohort)
    return Step(SLICES, "segment", slices_work, context, version=3, facts=facts, sources=sources)


def cohort_step(context: Context, *, cohort: Cohort, folds: pd.DataFrame, slices: Step) -> Step:
    """The step that says who is in the cohort, and who is tested when."""
    settings = context.settings
    rare = settings.cohort.rare or cohort.rare
    facts = [settings.split, settings.protocol, settings.seed, folds.to_json(), rare]
    return Step(COHORT, "segment", cohort_work, context, facts=facts, inputs=(slices,))


def slices_work(context: Context, folder: Path) -> None:
    """Read every case once and keep its slices at the network's size."""
    keep_slices(load_cohort(context.settings, context.run), folder, chosen=context.settings.slices)


def keep_slices(cohort: Cohort, folder: Path, *, chosen: SlicesSettings) -> None:
    """The slices of a cohort, as the settings choose them."""
    cache_slices(
        cohort, folder, size=chosen.size, normalise=chosen.alone, skip_empty=chosen.skip_empty,
        pixel=chosen.pixel,
    )  # fmt: skip


def cohort_work(context: Context, folder: Path) -> None:
    """Write who is in the cohort, what of them, and the fold that tests each."""
    settings = context.settings
    cohort = load_cohort(settings, context.run)
    folds = load_folds(settings, cohort)
    rows = SliceCache.open(context.run / SLICES).rows
    counted = rows.groupby("case").agg(
        slices=("row", "size"), has_mask=("has_mask", "any"), tumour=("tumour", "sum")
    )
    table = cohort.to_frame()[["case", "patient", "label", "site"]]
    table["label_from"] = [case.label_from for case in cohort.cases]
    table = table.join(counted, on="case")
    for repeat, part in folds.groupby("repeat"):
        table[f"test_fold_{repeat}"] = table["patient"].map(part.set_index("patient")["fold"])
    write_table(folder / "cohort.csv", table)
    dropped = [{"case": each.case, "reason": each.reason} for each in cohort.dropped]
    write_json(
        folder / "cohort.json",
        {
            "data": Path(settings.data).name if settings.data else "simulated",
            "layout": cohort.layout,
            "channels": list(cohort.channels),
            "classes": list(cohort.classes),
            "rare": settings.cohort.rare or cohort.rare,
            "dropped": dropped,
            "labels_from": cohort.labels_from,
            "column": cohort.column,
        },
    )
