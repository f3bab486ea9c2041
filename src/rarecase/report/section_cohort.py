"""The section on who is in the study and who is tested when."""

from __future__ import annotations

import pandas as pd

from rarecase.evidence.text import DASH
from rarecase.report.blocks import Block, Bullets, Details, Section, Table, Text, counted, joined
from rarecase.report.figures_pictures import class_figure
from rarecase.report.run_files import RunFiles, by_class
from rarecase.report.set_aside import read_pictures

FEW_SITES = 12


def cohort_section(run: RunFiles) -> Section:
    """Classes, sites, channels, folds, and what was left out."""
    facts, cohort = run.cohort_facts, run.cohort
    channels = [str(c) for c in facts.get("channels") or []]
    text = (
        f"Layout {facts.get('layout', 'unknown')}; "
        + (f"{counted(len(channels), 'channel')}: {joined(channels)}. " if channels else "")
        + f"The rare class is {run.rare}. A patient is one sample, however many cases and slices "
        "there are of them, and never stands on both sides of a split."
    )
    blocks: list[Block] = [Text(text), classes_table(run)]
    shown = read_pictures(run)
    if shown is not None:
        blocks.append(class_figure(shown))
    blocks += [_sites(run), _folds(cohort, run.classes), *_dropped(run)]
    return Section("cohort", "Cohort", blocks)


def classes_table(run: RunFiles) -> Table:
    """Patients, cases, slices and masks of each class, and of all."""
    rows = []
    for name, part in by_class(run.cohort, run.classes):
        called = f"{name} (rare)" if name == run.rare else name
        slices = f"{int(part['slices'].sum()):,}" if "slices" in part else DASH
        with_mask = int(part["has_mask"].astype(bool).sum()) if "has_mask" in part else 0
        people = f"{part['patient'].nunique():,}"
        rows.append([called, people, f"{len(part):,}", slices, f"{with_mask:,}"])
    head = str(run.cohort_facts.get("column") or "Class")
    return Table(
        caption="Classes",
        columns=[head, "Patients", "Cases", "Slices", "Cases with a mask"],
        rows=rows,
        note="Cases without a mask are classified but do not train the segmenter.",
    )


def _sites(run: RunFiles) -> Block:
    table = sites_table(run)
    if table is None:
        return Text("No site is known for any case.", "missing")
    return table.folded(f"{table.caption} ({len(table.rows)} sites)", most=FEW_SITES)


def sites_table(run: RunFiles) -> Table | None:
    """Patients of each class by site, the largest first; None where no site is known."""
    cohort, classes = run.cohort, run.classes
    if "site" not in cohort or cohort["site"].replace("", pd.NA).dropna().empty:
        return None
    named = cohort.assign(site=cohort["site"].replace("", "unknown"))
    people = named.drop_duplicates(["patient", "site"])
    counts = pd.crosstab(people["site"], people["label"]).reindex(columns=classes, fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    return Table(
        caption="Patients by site",
        columns=["Site", *classes],
        rows=[[str(site), *(f"{int(n):,}" for n in row)] for site, row in counts.iterrows()],
        note="A site that holds one class only lets a classifier learn the scanner.",
    )


def _folds(cohort: pd.DataFrame, classes: list[str]) -> Block:
    columns = [str(c) for c in cohort.columns if str(c).startswith("test_fold_")]
    if not columns:
        return Text("No folds are recorded in the cohort's table.", "missing")
    people = cohort.drop_duplicates("patient")
    rows = []
    for column in columns:
        repeat = column.removeprefix("test_fold_")
        for fold in sorted(int(f) for f in people[column].unique() if f >= 0):
            tested = people[people[column] == fold]
            each = [len(part) for _, part in by_class(tested, classes)]
            each.append(len(people) - len(tested))
            rows.append([repeat, str(fold), *(f"{n:,}" for n in each)])
    table = Table(
        caption="Folds: patients tested in each",
        columns=["Repeat", "Fold", *(f"{c} tested" for c in classes), "All tested", "Others"],
        rows=rows,
        heads=2,
        note="Everything that judges a fold's test patients was fitted on the others alone.",
    )
    return table.folded(f"Folds ({len(rows)})", most=FEW_SITES)


def _dropped(run: RunFiles) -> list[Block]:
    dropped = run.cohort_facts.get("dropped") or []
    if not dropped:
        return [Text("No case was left out.")]
    items = [f"{d.get('case', '?')}: {d.get('reason', 'no reason given')}" for d in dropped]
    title = f"{counted(len(items), 'case')} left out, with the reason"
    if len(items) > FEW_SITES:
        return [Details(title, [Bullets(items)])]
    return [Text(f"{title}:"), Bullets(items)]
