"""One test fold: every arm tuned on inner folds, fitted on the training patients, predicted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rarecase.errors import RarecaseError
from rarecase.experiment.arm import Arm, Counts, control_of
from rarecase.experiment.arms import REFERENCE
from rarecase.experiment.choosing import Option, preferred
from rarecase.experiment.design import Design
from rarecase.experiment.fold_data import FoldData, Tools
from rarecase.experiment.fold_rows import Columns, Place, fit_columns, rows_of, selected_rows
from rarecase.experiment.sampling import prepare
from rarecase.experiment.training_set import Request, TrainingSet, requests
from rarecase.experiment.tuning import Choice
from rarecase.features.feature_set import FeatureSet
from rarecase.seeds import derive
from rarecase.shown import Brief

log = logging.getLogger(__name__)
REFUSED = (RarecaseError, ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError)


@dataclass(frozen=True, eq=False, repr=False)
class FoldResult(Brief):
    """Predictions of every fit, training histories (of classifiers that train in epochs), a row of
    status for every arm, and the self-checks where they were wanted."""

    predictions: pd.DataFrame
    history: pd.DataFrame
    cells: pd.DataFrame
    checks: dict[str, Any] | None = None


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
    return fit_arms(FoldData(features, design, place, tools or Tools()), arms)


def fit_arms(here: FoldData, arms: Sequence[Arm] | None = None) -> FoldResult:
    """Fit and predict arms on a fold's data; see `fit_fold`."""
    fits: dict[str, list[tuple[Columns, pd.DataFrame | None]]] = {}
    cells: list[dict[str, Any]] = []
    wanted = here.design.arms if arms is None else arms
    for arm in [*(a for a in wanted if not a.selects), *(a for a in wanted if a.selects)]:
        began = time.perf_counter()
        reason = _reason(here, arm)
        status = "done" if reason is None else "skipped"
        try:
            if reason is None:
                done = [each for each in wanted if fits.get(each.name)]
                found = [_selected(here, arm, done, fits)] if arm.selects else _fits(here, arm)
                fits[arm.name] = list(found)
        except REFUSED as error:
            if arm.name == REFERENCE:
                raise
            status, reason = "failed", f"failed: {error}"
            where = here.place.repeat, here.place.fold
            log.warning("repeat %d, fold %d, arm %s: %s", *where, arm.name, error)
        cells.append(
            {
                "features": here.features.name, "arm": arm.name,
                "classifier": here.design.classifier.name, "repeat": here.place.repeat,
                "fold": here.place.fold, "reason": reason, "status": status,
                "seconds": round(time.perf_counter() - began, 3),
            }
        )  # fmt: skip
    pairs = [pair for each in fits.values() for pair in each]
    rows, histories = zip(*pairs, strict=True) if pairs else ((), ())
    return FoldResult(rows_of(rows), _joined(histories), pd.DataFrame(cells))


def _selected(
    here: FoldData,
    arm: Arm,
    done: Sequence[Arm],
    fits: dict[str, list[tuple[Columns, pd.DataFrame | None]]],
) -> tuple[Columns, None]:
    """The predictions of the arm that inner folds prefer, as those of `arm`."""
    name = selected_arm(here, done).name
    rows = [part for part, _ in fits[name] if part["planned"] and part["control_of"] is None]
    return selected_rows(rows, arm=arm, selected=name), None


def selected_arm(here: FoldData, arms: Sequence[Arm]) -> Arm:
    """The one of `arms` that is taken (see `preferred`); they come cheapest first, and those that
    cannot be fitted here do not count. The first where inner folds cannot tell."""
    able = [
        arm
        for arm in arms
        # What is chosen is deployed, and a deployed model looks at a case once.
        if not arm.selects and arm.test_copies == 1 and _reason(here, arm) is None
    ]
    tried = [here.tried(arm) for arm in able]
    options = [Option.of(inner) for inner in tried if inner is not None]
    return able[preferred(options) if len(options) == len(able) else 0]


def _joined(frames: Iterable[pd.DataFrame | None]) -> pd.DataFrame:
    there = [frame for frame in frames if frame is not None]
    return pd.concat(there, ignore_index=True) if there else pd.DataFrame()


def _reason(here: FoldData, arm: Arm) -> str | None:
    """Why an arm is left out of a fold."""
    if arm.amount is not None and here.part.counts.min() < 2:
        few = here.features.classes[int(here.part.counts.argmin())]
        return f"class {few} has one sample to train on, too few to learn others from"
    return here.design.skipped(arm, here.features)


def _fits(here: FoldData, arm: Arm) -> Iterator[tuple[Columns, pd.DataFrame | None]]:
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
    here: FoldData,
    arm: Arm,
    training: TrainingSet,
    choice: Choice,
    request: Request,
    *,
    seed: int | None,
) -> tuple[Columns, pd.DataFrame | None]:
    name = f"{arm.name.replace(':', '-')}-{request.name}-{seed or 0}"
    p, history = here.predict(arm, training, choice, name=name)
    rows = fit_columns(
        here.features, here.tested, here.place, p, arm=arm, classifier=here.design.classifier.name,
        request=request, added=training.size, choice=choice, seed=seed, about=here.about,
    )  # fmt: skip
    if history is not None:
        about = {
            "arm": arm.name, "amount": request.name, "added": training.size,
            "seed": pd.array([seed] * len(history), dtype="Int64"),
        }  # fmt: skip
        history = history.assign(**about)[["arm", "amount", "seed", "added", *history.columns]]
    return rows, history
