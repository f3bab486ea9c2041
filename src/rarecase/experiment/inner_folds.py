"""Test folds and inner folds: stratified by class, by patient, always."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.arrays import Ints
from rarecase.cohort.splits import stratified_folds
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.experiment.training_set import TrainingPart
from rarecase.experiment.tuning import InnerFold
from rarecase.features.feature_set import FeatureTable
from rarecase.features.standardise import Space
from rarecase.seeds import derive


def outer_folds(table: FeatureTable, *, folds: int, repeats: int, seed: int) -> list[Ints]:
    """The test fold of each patient, drawn anew for every repeat."""
    if folds < 2 or repeats < 1:
        raise SettingError(f"folds, repeats: expected at least 2 and 1, got {folds}, {repeats}.")
    counts = table.per_class
    fewest = min(counts, key=lambda name: (counts[name], name))
    if counts[fewest] < folds:
        possible = counts[fewest]
        way_out = (
            f"Take at most {possible} folds (folds={possible})"
            if possible > 1
            else "Leave the class out or merge it with another"
        )
        raise SettingError(
            f"folds: class {fewest!r} has {possible} patient(s), fewer than the {folds} folds. "
            f"{way_out}."
        )
    return [
        stratified_folds(table.label, folds=folds, seed=derive(seed, "folds", repeat))
        for repeat in range(repeats)
    ]


def site_folds(table: FeatureTable, sites: ArrayLike) -> Ints:
    """The test fold of each patient when every site is tested once, by what was learnt at the
    others. `sites` (n,) names the site of each row; folds are numbered in the order of names.
    """
    names = np.asarray(sites)
    if names.shape != (len(table.X),):
        raise DataError(f"sites: expected one site a row ({len(table.X)}), got {names.shape}.")
    if pd.isna(names).any():
        raise DataError("sites: some rows have no site; name it, or leave them out.")
    found, at = np.unique(names.astype(str), return_inverse=True)
    known = found.tolist()
    if len(known) < 2:
        raise SettingError(f"sites: expected two sites or more, all rows come from {known[0]!r}.")
    fold = np.empty(len(table.patients), dtype=np.int64)
    fold[table.patient] = at
    moved = np.flatnonzero(fold[table.patient] != at)
    if moved.size:
        who = table.patients[table.patient[moved[0]]]
        raise LeakError(
            f"sites: patient {who!r} was examined at two sites, {known[at[moved[0]]]!r} and "
            f"{known[fold[table.patient[moved[0]]]]!r}, and would be trained and tested on. Give "
            "the patient one site, or leave the other rows out."
        )
    for number, name in enumerate(known):
        lacking = set(range(len(table.classes))) - set(table.label[fold != number].tolist())
        if lacking:
            lost = ", ".join(repr(table.classes[c]) for c in sorted(lacking))
            raise DataError(
                f"sites: every patient of class {lost} comes from {name!r}, so that nothing could "
                "be learnt about it at the other sites. Leave sites out, or merge some."
            )
    return fold


def training_part(table: FeatureTable, rows: Ints, space: Space) -> TrainingPart:
    """The rows of a table that train, in their space."""
    return TrainingPart(
        X=space(table.X[rows]),
        y=table.y[rows],
        patient=table.patient[rows],
        classes=len(table.classes),
        rare=table.rare,
    )


def inner_folds(
    table: FeatureTable, patients: Sequence[int] | Ints, *, folds: int, seed: int
) -> list[InnerFold]:
    """Inner folds of the training patients, each with a space of its own; as many as the smallest
    class allows. None where it has fewer than three patients: a generator needs two to learn from.
    """
    who = np.asarray(patients)
    label = table.label[who]
    fewest = int(np.bincount(label, minlength=len(table.classes)).min())
    if fewest < 3:
        return []
    possible = 3 if fewest == 3 else min(folds, fewest)
    fold = stratified_folds(label, folds=possible, seed=seed)
    found = []
    for number in range(possible):
        train = np.flatnonzero(np.isin(table.patient, who[fold != number]))
        held = np.flatnonzero(np.isin(table.patient, who[fold == number]))
        space = Space.fit(table.X[train])
        part = training_part(table, train, space)
        found.append(InnerFold(part, space(table.X[held]), table.patient[held]))
    return found
