"""All predictions of a run in one table, and the evidence computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.checksums import record_files
from rarecase.evidence.evidence import make_evidence
from rarecase.evidence.masks import MASKS, TEXTS, with_masks
from rarecase.experiment.fold_columns import fold_notes
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import gather
from rarecase.experiment.tasks import CHECKS
from rarecase.features.about import FEATURES, about_columns
from rarecase.features.joining import Vectors, joined_vectors
from rarecase.features.leaks import Suspicion, say
from rarecase.features.sources.registry import AMONG, names_in
from rarecase.features.store import FeatureStore
from rarecase.files import read_csv, read_json, read_parquet, write_json, write_table
from rarecase.pipeline.clinical import look_at_clinical
from rarecase.pipeline.designs import primary_of
from rarecase.pipeline.fold import load_fold
from rarecase.pipeline.run_folder import (
    COHORT,
    EVIDENCE,
    PREDICTIONS,
    SEGMENTER,
    folds_of,
    read_cohort_table,
    read_folds,
    source_store,
)
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cells import fold_of
from rarecase.pipeline.steps.cohort import load_cohort
from rarecase.seeds import derive
from rarecase.segmenter import read_card

NAME = "steps/evidence"


def evidence_step(context: Context, *, cells: Sequence[Step]) -> Step:
    """The step that scores all cells of the run."""
    work = partial(evidence_work, cells=tuple(step.name for step in cells))
    said = context.settings
    return Step(
        NAME, "classify", work, context, facts=[*primary_of(said), said.margin, said.metric],
        inputs=tuple(cells), products=(PREDICTIONS, EVIDENCE, FEATURES, MASKS), version=9,
    )  # fmt: skip


def evidence_work(context: Context, folder: Path, *, cells: Sequence[str]) -> None:
    """Gather the predictions of all cells (folders below the run); score them. Both land in the
    run folder itself."""
    run = context.run
    tables = [read_parquet(run / cell / PREDICTIONS) for cell in cells]
    write_table(run / PREDICTIONS, pd.concat(tables, ignore_index=True))
    write_table(run / MASKS, masks_of(run))
    record_files(run, [PREDICTIONS, MASKS], step=NAME)  # they are read again at once
    said = [read_json(run / c / CHECKS) for c in cells if (run / c / CHECKS).is_file()]
    settings = context.settings
    evidence = make_evidence(
        read_parquet(run / PREDICTIONS),
        rare=read_json(run / COHORT / "cohort.json")["rare"],
        primary=primary_of(settings),
        faithful=settings.protocol == "faithful",
        checks=gathered(said),
        seed=derive(settings.seed, "bootstrap") % 2**31,
        margin=settings.margin,
        metric=settings.metric,
    )
    evidence["untuned"] = settings.tuning.masks != "whole" and untuned(run)
    write_json(run / EVIDENCE, with_masks(evidence, run))
    write_json(run / FEATURES, about_sources(context))
    record_files(run, [EVIDENCE, FEATURES], step=NAME)


def untuned(run: Path) -> bool:
    """Whether no fold's U-Net has learnt from a mask of the study's patients."""
    cohort = run / COHORT / "cohort.csv"
    patients = {*read_cohort_table(cohort)["patient"]}
    folds = folds_of(read_folds(cohort))
    return not any(patients & {*read_card(run / f.folder(SEGMENTER))["trained_on"]} for f in folds)


def masks_of(run: Path) -> pd.DataFrame:
    """Scores of the masks of all folds: repeat, fold, case, patient, label, site, part, scores."""
    cohort = read_cohort_table(run / COHORT / "cohort.csv")
    sites = cohort.drop_duplicates("case").set_index("case")["site"]
    tables = []
    for at in folds_of(read_folds(run / COHORT / "cohort.csv")):
        table = read_csv(run / at.folder(SEGMENTER) / "volumes.csv", texts=TEXTS, missing=("",))
        places = {"repeat": at.repeat, "fold": at.fold}
        for number, (name, value) in enumerate(places.items()):
            table.insert(number, name, value)
        table.insert(5, "site", table["case"].map(sites).replace("", pd.NA))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def about_sources(context: Context) -> dict[str, Any]:
    """What features.json holds of a run (see `about_features`): the columns of every source of
    vectors in its first fold, and what looked like a leak."""
    settings, sets = context.settings, dict[str, Any]()
    folds = [
        replace(context, test_fold=at)
        for at in folds_of(read_folds(context.run / COHORT / "cohort.csv"))
    ]
    found = look_at_clinical(settings, load_cohort(settings, context.run))
    for name in dict.fromkeys(
        n for said in settings.experiment for n in names_in(said.features) if n not in AMONG
    ):
        path = source_store(folds[0].fold_folder, name)
        columns = FeatureStore.open(path).columns if path.exists() else None
        if columns is not None:
            sets[name] = columns
            found += _notes(folds, name) if source_in(settings, name).measured else []
    return about_columns(sets, found, accept=settings.cohort.accept)


def _notes(folds: Sequence[Context], name: str) -> list[Suspicion]:
    """Columns of a source that say nothing in some fold, logged."""
    each = []
    for context in folds:
        if not source_store(context.fold_folder, name).exists():
            return []  # it was needed no more, and this is done anew
        fold, at, tuning = load_fold(context), context.test_fold, context.settings.tuning
        store = FeatureStore.open(source_store(context.fold_folder, name))
        features = joined_vectors(
            [Vectors.of(store)], rare=fold.rare, name=name, unit=tuning.unit, masks=tuning.under
        )
        each.append((features, Place(fold_of(features, fold.test, at.fold), at.repeat, at.fold)))
    # Of what is measured some is constant by definition, such as the lowest grey level.
    found = [note for note in fold_notes(each) if note.kind != "constant"]
    say(found)
    return found


def gathered(said: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The self-checks of all folds in one; None where they were not wanted."""
    leak = next((each["leak"] for each in said if each.get("leak")), None)
    return gather(said, leak=leak) if said else None
