"""A fold's training part, and inner folds of it: stratified by class, by patient, always."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Ints
from rarecase.cohort.splits import stratified_folds
from rarecase.experiment.training_set import Features, TrainingPart
from rarecase.features.feature_set import FeatureSet
from rarecase.features.samples import Samples
from rarecase.features.standardise import Space


@dataclass(frozen=True, eq=False)
class InnerFold:
    """A training part in its own space, the real samples that count of those held out (n, …), and
    the patient of each."""

    part: TrainingPart
    X: Features
    patient: Ints


def split_off(features: FeatureSet, train: Ints, held: Ints) -> tuple[TrainingPart, Features]:
    """The training part of samples `train`, and samples `held` in its space: vectors are
    standardised by the training samples, maps stay as they are."""
    X: Features
    found: Features
    if isinstance(features.X, np.ndarray):
        space = Space.fit(features.X[train])
        X, found = space(features.X[train]), space(features.X[held])
    else:
        X, found = Samples(features.X, rows=train), Samples(features.X, rows=held)
    y, who = features.y[train], features.patient[train]
    return TrainingPart(X, y, who, len(features.classes), features.rare), found


def inner_folds(features: FeatureSet, patients: Ints, *, folds: int, seed: int) -> list[InnerFold]:
    """Inner folds of the training `patients`, as many as the smallest class allows. None where it
    has fewer than three patients: a generator needs two to learn from."""
    label = features.label[patients]
    fewest = int(np.bincount(label, minlength=len(features.classes)).min())
    if fewest < 3:
        return []
    possible = 3 if fewest == 3 else min(folds, fewest)
    fold = stratified_folds(label, folds=possible, seed=seed)
    found, counts = [], features.counted
    for number in range(possible):
        train = np.flatnonzero(np.isin(features.patient, patients[fold != number]))
        held = np.flatnonzero(np.isin(features.patient, patients[fold == number]) & counts)
        part, X = split_off(features, train, held)
        found.append(InnerFold(part, X, features.patient[held]))
    return found
