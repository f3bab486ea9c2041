"""One test fold: every arm tuned on inner folds, fitted on the training patients, predicted."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.errors import RarecaseError, SettingError
from rarecase.experiment.arm import Arm, Counts, control_of
from rarecase.experiment.arms import REFERENCE
from rarecase.experiment.design import Design
from rarecase.experiment.fold_rows import Place, fit_rows
from rarecase.experiment.sampling import Given, prepare
from rarecase.experiment.training_set import (
    InnerFold,
    Request,
    TrainingSet,
    inner_folds,
    levels_of,
    requests,
    split_off,
)
from rarecase.experiment.tuning import Choice, Inner, fit_inner, moved, pooled, untuned
from rarecase.features.feature_set import FeatureSet
from rarecase.seeds import derive, numpy_rng

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger(__name__)
TRAINS, LEFT_OUT = -1, -2  # the fold of patients who are never tested; who are in no part
REFUSED = (RarecaseError, ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError)


@dataclass(frozen=True, eq=False)
class FoldResult:
    """Predictions of every fit, training histories (of classifiers that train in epochs), a row of
    status for every arm, and the self-checks where they were wanted."""

    predictions: pd.DataFrame
    history: pd.DataFrame
    cells: pd.DataFrame
    checks: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Tools:
    """What fits may use: samples that are there already, by arm and seed; a folder for checkpoints;
    device and precision."""

    given: Mapping[tuple[str, int], Given] = field(default_factory=dict)
    work: Path | None = None
    fabric: Fabric | None = None


class _Fold:
    """One fold's data, and what its arms have in common."""

    def __init__(self, features: FeatureSet, design: Design, place: Place, tools: Tools):
        if features.maps != (design.classifier.takes == "maps"):
            given = "maps" if features.maps else "vectors"
            raise SettingError(
                f"classifier {design.classifier.name!r} takes {design.classifier.takes}, and "
                f"features {features.name!r} are {given}."
            )
        self.features, self.design, self.place, self.tools = features, design, place, tools
        self.seed = derive(design.seed, "cell", place.repeat, place.fold)
        # What classifiers draw from: the same for all arms, so that only their samples differ.
        self.random_state = derive(design.seed, "classifier", place.repeat, place.fold) % 2**31
        others = np.flatnonzero((place.fold_of != place.fold) & (place.fold_of >= TRAINS))
        self.trained = _trained(features, others, design.rare_patients, seed=self.seed)
        train = np.flatnonzero(np.isin(features.patient, self.trained))
        self.held = np.flatnonzero(place.fold_of[features.patient] == place.fold)
        self.part, self.test = split_off(features, train, self.held, coordinates=design.coordinates)
        self.inner: dict[Any, Inner] = {}

    @cached_property
    def inner_parts(self) -> list[InnerFold]:
        design, seed = self.design, derive(self.seed, "inner folds")
        return inner_folds(
            self.features, self.trained, folds=design.inner, seed=seed,
            coordinates=design.coordinates,
        )  # fmt: skip

    def choose(self, arm: Arm, *, level: float | None = None) -> Choice:
        """What is tuned of an arm; the middle of the grid where nothing can be tuned."""
        classifier = self.design.classifier
        levels = levels_of(arm.amount, self.design.shares, size=len(self.part.y))
        if not self.design.tuned(arm) or not self.inner_parts:
            return untuned(levels if level is None else (level,), classifier.points)
        key = (*arm.fits, arm.amount)
        if key not in self.inner:
            self.inner[key] = fit_inner(
                arm, self.inner_parts, classifier=classifier, seed=self.seed, levels=levels,
                label=self.features.label, random_state=self.random_state,
            )  # fmt: skip
        choice = self.inner[key].choose(arm.posterior, level=level)
        return choice if classifier.tune_threshold else replace(choice, threshold=math.nan)

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
        p = fitted(self.test)
        if arm.posterior == "none":
            return p, fitted.history
        patient, counts = self.features.patient[self.held], self.features.counted[self.held]
        mean, who = pooled(p[counts], patient[counts])
        after = moved(mean, arm.posterior, part=self.part, threshold=choice.threshold)
        return after[np.searchsorted(who, patient)], fitted.history


def fit_fold(
    features: FeatureSet,
    design: Design,
    place: Place,
    *,
    arms: Sequence[Arm] | None = None,
    tools: Tools | None = None,
) -> FoldResult:
    """Fit and predict arms in one test fold.

    Parameters
    ----------
    features
        Vectors or maps of all patients.
    design, place
        What is fitted, and where.
    arms
        Those of the design to do here (see `Design.tasks`); without it all. A synthetic arm is
        followed by its control, unless its amount is a count that was not planned.
    tools
        Samples that are there already, a folder for checkpoints, device and precision.

    Returns
    -------
    FoldResult
        `predictions` has the columns of `evidence.predictions.COLUMNS`.

    Raises
    ------
    SettingError
        A classifier that does not take such features.
    RarecaseError
        The reference arm cannot be fitted. Another arm that cannot is a row of `cells` with its
        reason, and has no predictions.
    """
    here = _Fold(features, design, place, tools or Tools())
    fits: list[tuple[pd.DataFrame, pd.DataFrame | None]] = []
    cells: list[dict[str, Any]] = []
    for arm in design.arms if arms is None else arms:
        began = time.perf_counter()
        reason = _reason(here, arm)
        status = "done" if reason is None else "skipped"
        try:
            if reason is None:
                fits += list(_fits(here, arm))
        except REFUSED as error:
            if arm.name == REFERENCE:
                raise
            status, reason = "failed", f"failed: {error}"
            log.warning("repeat %d, fold %d, arm %s: %s", place.repeat, place.fold, arm.name, error)
        cells.append(
            {
                "features": features.name, "arm": arm.name, "classifier": design.classifier.name,
                "repeat": place.repeat, "fold": place.fold, "reason": reason,
                "status": status, "seconds": round(time.perf_counter() - began, 3),
            }
        )  # fmt: skip
    rows, histories = zip(*fits, strict=True) if fits else ((), ())
    return FoldResult(_joined(rows), _joined(histories), pd.DataFrame(cells))


def _joined(frames: Iterable[pd.DataFrame | None]) -> pd.DataFrame:
    there = [frame for frame in frames if frame is not None]
    return pd.concat(there, ignore_index=True) if there else pd.DataFrame()


def _trained(features: FeatureSet, patients: Ints, most: int | None, *, seed: int) -> Ints:
    """The training patients; of the rare ones no more than `most`."""
    if most is None:
        return patients
    is_rare = features.label[patients] == features.rare
    kept = numpy_rng(seed, "rare patients kept").permutation(patients[is_rare])[:most]
    return np.sort(np.concatenate([patients[~is_rare], kept]))


def _reason(here: _Fold, arm: Arm) -> str | None:
    """Why an arm is left out of a fold."""
    if arm.amount is not None and here.part.counts.min() < 2:
        few = here.features.classes[int(here.part.counts.argmin())]
        return f"class {few} has one sample to train on, too few to learn others from"
    return here.design.skipped(arm, here.features)


def _fits(here: _Fold, arm: Arm) -> Iterator[tuple[pd.DataFrame, pd.DataFrame | None]]:
    """Predictions and history of every fit of an arm and its control, for all seeds and amounts."""
    tuned = None if isinstance(arm.amount, Counts) else here.choose(arm)
    for seed in here.design.seeds_of(arm):
        drawn = derive(here.seed, "generator seed", seed or 0)
        given = here.tools.given.get((arm.name, seed or 0))
        sets = prepare(arm, here.part, seed=drawn, given=given)
        for request in requests(arm.amount, here.part, share=tuned.level if tuned else 1.0):
            choice = tuned or here.choose(arm, level=request.level)
            training = sets(request.counts)
            yield _fit(here, arm, training, choice, request, seed=seed)
            if arm.synthetic and request.planned:
                # As many copies of each class, tuned at the same amount.
                control = control_of(arm)
                choice = here.choose(replace(control, amount=arm.amount), level=request.level)
                copies = prepare(control, here.part, seed=drawn)(training.added)
                asked = replace(request, counts=training.added)
                yield _fit(here, control, copies, choice, asked, seed=seed)


def _fit(
    here: _Fold,
    arm: Arm,
    training: TrainingSet,
    choice: Choice,
    request: Request,
    *,
    seed: int | None,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    name = f"{arm.name.replace(':', '-')}-{request.name}-{seed or 0}"
    p, history = here.predict(arm, training, choice, name=name)
    rows = fit_rows(
        here.features, here.held, here.place, p, arm=arm, classifier=here.design.classifier.name,
        request=request, added=training.size, choice=choice, seed=seed,
    )  # fmt: skip
    if history is not None:
        about = {
            "arm": arm.name, "amount": request.name, "added": training.size,
            "seed": pd.array([seed] * len(history), dtype="Int64"),
        }  # fmt: skip
        history = history.assign(**about)[["arm", "amount", "seed", "added", *history.columns]]
    return rows, history
