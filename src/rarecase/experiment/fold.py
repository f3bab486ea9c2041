"""One test fold: every arm tuned on inner folds, fitted on the training patients, predicted."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from rarecase.experiment.inner_folds import InnerFold, inner_folds, split_off
from rarecase.experiment.sampling import Given, prepare
from rarecase.experiment.training_set import (
    Features,
    Request,
    TrainingPart,
    TrainingSet,
    levels_of,
    requests,
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


@dataclass(eq=False)
class _Fold:
    """One fold's data, and what its arms have in common."""

    features: FeatureSet
    design: Design
    place: Place
    tools: Tools
    part: TrainingPart
    trained: Ints  # patients
    test: Features
    held: Ints  # the test samples
    seed: int
    inner_parts: list[InnerFold] | None = None
    inner: dict[Any, Inner] = field(default_factory=dict)

    @property
    def random_state(self) -> int:
        """What classifiers draw from: the same for all arms, so that only their samples differ."""
        place = self.place
        return derive(self.design.seed, "classifier", place.repeat, place.fold) % 2**31

    def choose(self, arm: Arm, *, level: float | None = None) -> Choice:
        """What is tuned of an arm; the middle of the grid where nothing can be tuned."""
        found = self._inner(arm) if self.design.tuned(arm) else None
        if found is None:
            levels = self._levels(arm) if level is None else (level,)
            return untuned(levels, self.design.classifier.points)
        choice = found.choose(arm.posterior, level=level)
        tunes = self.design.classifier.tune_threshold
        return choice if tunes else Choice(choice.level, choice.point, math.nan)

    def _levels(self, arm: Arm) -> tuple[float, ...]:
        return levels_of(arm.amount, self.design.shares, size=len(self.part.y))

    def _inner(self, arm: Arm) -> Inner | None:
        """The inner results of an arm, computed once for all that share its fits."""
        design = self.design
        if self.inner_parts is None:
            seed = derive(self.seed, "inner folds")
            self.inner_parts = inner_folds(
                self.features, self.trained, folds=design.inner, seed=seed
            )
        if not self.inner_parts:
            return None
        key = (*arm.fits, arm.amount)
        if key not in self.inner:
            self.inner[key] = fit_inner(
                arm, self.inner_parts, classifier=design.classifier, seed=self.seed,
                levels=self._levels(arm), label=self.features.label, random_state=self.random_state,
            )  # fmt: skip
        return self.inner[key]

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
    here = _open(features, design, place, tools or Tools())
    frames: list[pd.DataFrame] = []
    histories: list[pd.DataFrame] = []
    cells: list[dict[str, Any]] = []
    for arm in design.arms if arms is None else arms:
        began = time.perf_counter()
        reason = _reason(here, arm)
        try:
            if reason is None:
                rows, trained = _arm_frames(here, arm)
                frames += rows
                histories += trained
        except REFUSED as error:
            if arm.name == REFERENCE:
                raise
            reason = f"failed: {error}"
            log.warning("repeat %d, fold %d, arm %s: %s", place.repeat, place.fold, arm.name, error)
        cells.append(
            {
                "features": features.name, "arm": arm.name, "classifier": design.classifier.name,
                "repeat": place.repeat, "fold": place.fold, "reason": reason,
                "status": _status(reason), "seconds": round(time.perf_counter() - began, 3),
            }
        )  # fmt: skip
    return FoldResult(_joined(frames), _joined(histories), pd.DataFrame(cells))


def _status(reason: str | None) -> str:
    if reason is None:
        return "done"
    return "failed" if reason.startswith("failed") else "skipped"


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _open(features: FeatureSet, design: Design, place: Place, tools: Tools) -> _Fold:
    if features.maps != (design.classifier.takes == "maps"):
        given = "maps" if features.maps else "vectors"
        raise SettingError(
            f"classifier {design.classifier.name!r} takes {design.classifier.takes}, and features "
            f"{features.name!r} are {given}."
        )
    seed = derive(design.seed, "cell", place.repeat, place.fold)
    others = np.flatnonzero((place.fold_of != place.fold) & (place.fold_of >= TRAINS))
    trained = _trained(features, others, design.rare_patients, seed=seed)
    train = np.flatnonzero(np.isin(features.patient, trained))
    tested = np.flatnonzero(place.fold_of == place.fold)
    held = np.flatnonzero(np.isin(features.patient, tested))
    part, test = split_off(features, train, held)
    return _Fold(
        features, design, place, tools, part=part, trained=trained, test=test, held=held, seed=seed
    )


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


def _arm_frames(here: _Fold, arm: Arm) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Predictions and histories of an arm and its control, for all its seeds and amounts."""
    control = control_of(arm) if arm.synthetic else None
    counted = isinstance(arm.amount, Counts)
    choice = None if counted else here.choose(arm)
    frames, histories = [], []
    kind = here.design.classifier.name
    for seed in here.design.seeds_of(arm):
        sets = prepare(
            arm, here.part, seed=derive(here.seed, "generator seed", seed or 0),
            given=here.tools.given.get((arm.name, seed or 0)),
        )  # fmt: skip
        for request in requests(arm.amount, here.part, share=choice.level if choice else 1.0):
            mine = choice or here.choose(arm, level=request.level)
            training = sets(request.counts)
            found = [(arm, training, mine, request)]
            if control is not None and request.planned:
                found.append(_control(here, arm, control, training, request, seed))
            for each, data, chosen, asked in found:
                name = f"{each.name.replace(':', '-')}-{asked.name}-{seed or 0}"
                p, history = here.predict(each, data, chosen, name=name)
                frames.append(
                    fit_rows(
                        here.features, here.held, here.place, p, arm=each, classifier=kind,
                        request=asked, added=data.size, choice=chosen, seed=seed,
                    )
                )  # fmt: skip
                if history is not None:
                    about = {
                        "arm": each.name,
                        "amount": asked.name,
                        "seed": pd.array([seed] * len(history), dtype="Int64"),
                        "added": data.size,
                    }
                    histories.append(history.assign(**about)[[*about, *history.columns]])
    return frames, histories


def _control(
    here: _Fold, arm: Arm, control: Arm, made: TrainingSet, request: Request, seed: int | None
) -> tuple[Arm, TrainingSet, Choice, Request]:
    """The control of a synthetic arm: as many copies of each class as it added, its grid point and
    threshold tuned at the same amount."""
    like = Arm(control.name, control.sampler, arm.amount, control.weights, control.posterior)
    choice = here.choose(like, level=request.level)
    sets = prepare(control, here.part, seed=derive(here.seed, "generator seed", seed or 0))
    asked = Request(request.name, dict(made.added), request.level)
    return control, sets(made.added), choice, asked
