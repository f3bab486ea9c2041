"""The experiment in a fold: arms fitted to its training patients, judged on its test patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase.experiment.arm import described
from rarecase.experiment.auto import Candidate
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.fold_data import TRAINS, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks, row_leak
from rarecase.experiment.stacking import fit_among
from rarecase.experiment.tasks import write_result
from rarecase.features.feature_set import FeatureSet, Masks, store_features
from rarecase.features.joining import Unit, Vectors, joined_vectors
from rarecase.features.sources.registry import names_in
from rarecase.features.store import FeatureStore
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.designs import Part, make_part
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import CELLS, CHECKPOINTS, source_store
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.synthetic import Which, samples_of_step

LEAK_FOLDS = 3


@dataclass(frozen=True)
class Task:
    """One task (see `Design.tasks`) of part `number` of the experiment; `splits`: their digest;
    whether to do the self-checks."""

    number: int
    name: str
    splits: str
    checks: bool


def cells_step(
    context: Context, task: Task, *, features: Sequence[Step], synthetic: Sequence[Step]
) -> Step:
    """The step of one task in a fold."""
    settings, said = context.settings, context.settings.experiment[task.number]
    part = make_part(settings, said)
    arms = [described(arm) for arm in part.design.tasks()[task.name]]
    facts: list[Any] = [said.amounts, said.planned, arms, task.splits, task.checks, settings.seed]
    facts.append(part.design.seeds)
    facts += [[each.name, described(each.design)] for each in part.among]
    facts += [settings.tuning, *([settings.classifier] if part.design.classifier.lazy else [])]
    name = context.test_fold.folder(f"{CELLS}/{part.name}-{task.name}")
    work, inputs = partial(cells_work, task=task), (*features, *synthetic)
    reads = tuple(step.name for step in inputs)
    return Step(name, "classify", work, context, version=2, facts=facts, inputs=inputs, reads=reads)


def cells_work(context: Context, folder: Path, *, task: Task) -> None:
    """Predictions of a task's arms on the fold's test patients, histories, the self-checks where
    they are wanted."""
    fold, at, part = load_fold(context), context.test_fold, load_part(context, task.number)
    parts = part.among or (part,)
    sets = {each.features: _with_sites(context, fold, each) for each in parts}
    design, arms = part.design, part.design.tasks()[task.name]
    features = sets[parts[0].features]
    place = Place(fold_of(features, fold.test, at.fold), at.repeat, at.fold, task.splits)
    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    given = {
        (arm.name, seed or 0): samples_of_step(
            context, Which(task.number, arm.name, seed or 0), fold.classes
        )
        for arm in part.generated()
        if arm in arms
        for seed in design.seeds_of(arm)
    }
    tools = Tools(
        given=given,
        work=folder / CHECKPOINTS,
        fabric=make_fabric(context.settings.compute) if design.classifier.lazy else None,
    )
    if part.among:
        tried = [Candidate(sets[each.features], each.design) for each in part.among]
        found = fit_among(part.features, tried, place, arms=arms, tools=tools)
    else:
        found = fit_fold(features, design, place, arms=arms, tools=tools)
    if task.checks:
        said = fold_checks(features, design, place)
        if (at.repeat, at.fold) == (0, 0):  # it takes many slices' fits
            # What a split by slices would have read, with one grid point: it is dear.
            first = {name: values[1:2] for name, values in design.classifier.grid.items()}
            cheap = replace(design, classifier=replace(design.classifier, grid=first), inner=2)
            slices = study_features(context, fold, parts[0], unit="slices")
            said["leak"] = row_leak(slices, cheap, folds=LEAK_FOLDS)
        found = replace(found, checks=said)
    write_result(folder, found)


def _with_sites(context: Context, fold: Fold, part: Part) -> FeatureSet:
    return with_sites(study_features(context, fold, part), fold.sites)


def with_sites(features: FeatureSet, sites: Mapping[str, str]) -> FeatureSet:
    """Features whose rows say which site their patient is of, as far as it is known."""
    named = [sites.get(features.patients[who]) for who in features.patient.tolist()]
    return replace(features, rows=features.rows.assign(site=pd.Series(named, dtype=object)))


def study_features(
    context: Context, fold: Fold, part: Part, *, unit: Unit | None = None
) -> FeatureSet:
    """A part's features in a fold, from the stores below it; `unit`: as the settings say."""
    tuning = context.settings.tuning
    return features_of(
        open_stores(context.fold_folder, part.features), part, classes=fold.classes,
        rare=fold.rare, masks=tuning.under, unit=unit or tuning.unit,
    )  # fmt: skip


def fold_of(features: FeatureSet, tested: tuple[str, ...], fold: int) -> np.ndarray:
    """The fold of each patient: `fold` for the tested, −1 for those who train."""
    inside = set(tested)
    return np.array([fold if who in inside else TRAINS for who in features.patients])


def open_stores(fold: Path, features: str) -> list[FeatureStore]:
    """The stores of the sources of a feature set, below the folder of a fold."""
    return [FeatureStore.open(source_store(fold, name)) for name in names_in(features)]


def features_of(
    stores: Sequence[FeatureStore],
    part: Part,
    *,
    classes: tuple[str, ...],
    rare: str,
    masks: Masks = "predicted",
    unit: Unit = "patients",
) -> FeatureSet:
    """The samples of stores as a part of the experiment takes them: maps as they are by a
    classifier of maps, else vectors (see `joined_vectors`)."""
    if part.design.classifier.takes == "maps":
        return store_features(stores[0], classes=classes, rare=rare, name=part.features)
    sources = [Vectors.of(store) for store in stores]
    return joined_vectors(sources, rare=rare, name=part.features, unit=unit, masks=masks)
