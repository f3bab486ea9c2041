"""One fold's data in the coordinates of its training patients, and what their inner folds say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.errors import SettingError
from rarecase.experiment.arm import Arm
from rarecase.experiment.design import Design
from rarecase.experiment.fold_rows import Columns, Place, sample_columns
from rarecase.experiment.sampling import Given
from rarecase.experiment.training_set import (
    InnerFold,
    TrainingSet,
    cell_seed,
    inner_folds,
    inner_seed,
    levels_of,
    split_off,
)
from rarecase.experiment.tuning import Choice, Inner, fit_inner, moved, pooled, untuned
from rarecase.features.feature_set import FeatureSet
from rarecase.seeds import derive, numpy_rng

if TYPE_CHECKING:
    from lightning_fabric import Fabric

TRAINS, LEFT_OUT = -1, -2  # the fold of patients who are never tested; who are in no part


@dataclass(frozen=True, eq=False)
class Tools:
    """What fits may use: samples that are there already, by arm and seed; a folder for checkpoints;
    device and precision."""

    given: Mapping[tuple[str, int], Given] = field(default_factory=dict)
    work: Path | None = None
    fabric: Fabric | None = None


class FoldData:
    """One fold's data, and what its arms have in common."""

    def __init__(
        self,
        features: FeatureSet,
        design: Design,
        place: Place,
        tools: Tools,
        *,
        about: Mapping[str, str] | None = None,
    ):
        if features.maps != (design.classifier.takes == "maps"):
            given = "maps" if features.maps else "vectors"
            raise SettingError(
                f"classifier {design.classifier.name!r} takes {design.classifier.takes}, and "
                f"features {features.name!r} are {given}."
            )
        self.features, self.design, self.place, self.tools = features, design, place, tools
        self.about = about or {}  # what else was chosen, for the table
        self.seed = cell_seed(design.seed, place.repeat, place.fold)
        # What classifiers draw from: the same for all arms, so that only their samples differ.
        self.random_state = derive(design.seed, "classifier", place.repeat, place.fold) % 2**31
        others = np.flatnonzero((place.fold_of != place.fold) & (place.fold_of >= TRAINS))
        self.trained = _trained(features, others, design.rare_patients, seed=self.seed)
        train = np.flatnonzero(np.isin(features.patient, self.trained))
        self.held = np.flatnonzero(place.fold_of[features.patient] == place.fold)
        self.part, self.test = split_off(features, train, self.held, coordinates=design.coordinates)
        self.inner: dict[Any, Inner] = {}

    @cached_property
    def tested(self) -> Columns:
        """What the rows of predictions say of the test samples."""
        return sample_columns(self.features, self.held)

    @cached_property
    def inner_parts(self) -> list[InnerFold]:
        design, place = self.design, self.place
        seed = inner_seed(design.seed, place.repeat, place.fold)
        return inner_folds(
            self.features, self.trained, folds=design.inner, seed=seed,
            coordinates=design.coordinates,
        )  # fmt: skip

    def tried(self, arm: Arm) -> Inner | None:
        """What inner folds say of an arm; None where nothing can be tuned."""
        levels = levels_of(arm.amount, self.design.shares, size=len(self.part.y))
        if not self.design.tuned(arm) or not self.inner_parts:
            return None
        key = (*arm.fits, arm.amount)
        if key not in self.inner:
            self.inner[key] = fit_inner(
                arm, self.inner_parts, classifier=self.design.classifier, seed=self.seed,
                levels=levels, label=self.features.label, random_state=self.random_state,
            )  # fmt: skip
        return self.inner[key]

    def choose(self, arm: Arm, *, level: float | None = None) -> Choice:
        """What is tuned of an arm; the middle of the grid where nothing can be tuned."""
        tried = self.tried(arm)
        if tried is None:
            levels = levels_of(arm.amount, self.design.shares, size=len(self.part.y))
            return untuned(levels if level is None else (level,), self.design.classifier.points)
        choice = tried.choose(arm.posterior, level=level)
        return (
            choice if self.design.classifier.tune_threshold else replace(choice, threshold=math.nan)
        )

    def predict(
        self, arm: Arm, training: TrainingSet, choice: Choice, *, name: str
    ) -> tuple[Floats, Any]:
        """Probabilities of the test samples, and the training's history. What moves them afterwards
        moves a patient's, and all of the patient's samples have it then: a threshold is for
        patients."""
        work = self.tools.work
        fitted = self.design.classifier.fit(
            training, choice.point, classes=self.part.classes, random_state=self.random_state,
            checkpoint=None if work is None else work / f"{name}.safetensors",
            fabric=self.tools.fabric,
        )  # fmt: skip
        p = self.test.predicted(fitted, copies=arm.test_copies)
        if arm.posterior == "none":
            return p, fitted.history
        patient, counts = self.features.patient[self.held], self.features.counted[self.held]
        mean, who = pooled(p[counts], patient[counts])
        after = moved(mean, arm.posterior, part=self.part, threshold=choice.threshold)
        return after[np.searchsorted(who, patient)], fitted.history


def _trained(features: FeatureSet, patients: Ints, most: int | None, *, seed: int) -> Ints:
    """The training patients; of the rare ones no more than `most`."""
    if most is None:
        return patients
    is_rare = features.label[patients] == features.rare
    kept = numpy_rng(seed, "rare patients kept").permutation(patients[is_rare])[:most]
    return np.sort(np.concatenate([patients[~is_rare], kept]))
