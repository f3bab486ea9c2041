"""The classifier that is deployed: chosen by the rule by which every fold was judged, and refitted
to everybody."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rarecase.deploy.final import Final
from rarecase.evidence.predictions import pool_patients
from rarecase.experiment.arm import Counts
from rarecase.experiment.arms import REFERENCE, SELECTED
from rarecase.experiment.auto import Candidate, choose_candidate
from rarecase.experiment.fold import selected_arm
from rarecase.experiment.fold_data import LEFT_OUT, TRAINS, FoldData, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.sampling import prepare
from rarecase.experiment.training_set import requests
from rarecase.experiment.tuning import Choice, best_threshold
from rarecase.seeds import derive


def fit_final(candidates: Sequence[Candidate]) -> Final:
    """Choose among features and designs, then among the arms that train no network, on inner folds
    of all patients, as in every fold of the experiment; refit what was chosen to everybody.

    Examples
    --------
    >>> from rarecase.experiment.design import make_design
    >>> from rarecase.features.feature_set import make_features
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["common", "rare"], [40, 12])
    >>> X = rng.normal(size=(52, 5)) + 2.0 * (y == "rare")[:, None]
    >>> final = fit_final([Candidate(make_features(X, y), make_design(["smote"]))])
    >>> chance = final(X)[:, 1]
    >>> bool(chance[y == "rare"].min() > chance[y == "common"].mean())
    True
    """
    patients = len(candidates[0].features.patients)
    everybody = Place(np.full(patients, TRAINS), 0, LEFT_OUT)
    here = choose_candidate(candidates, everybody, Tools())
    arm = selected_arm(here, next(iter(here.design.tasks().values())))
    choice = here.choose(arm)
    if isinstance(arm.amount, Counts) and arm.amount.planned is not None:
        choice = here.choose(arm, level=arm.amount.planned / len(here.part.y))
    models = []
    for number in here.design.seeds_of(arm):
        sets = prepare(arm, here.part, seed=derive(here.seed, "generator seed", number or 0))
        (request,) = (r for r in requests(arm.amount, here.part, share=choice.level) if r.planned)
        fitted = here.design.classifier.fit(
            sets(request.counts), choice.point, classes=here.part.classes,
            random_state=here.random_state,
        )  # fmt: skip
        models.append(fitted.model)
    space, columns = here.part.space, here.features.columns
    assert space is not None and columns is not None  # vectors have both
    return Final(space, tuple(models), here.part.classes, columns, _chosen(here, arm.name, choice))


def _chosen(here: FoldData, arm: str, choice: Choice) -> dict[str, Any]:
    promised = None if math.isnan(choice.auc) else round(choice.auc, 4)
    about = {"arm": arm, **choice.point, "share": choice.level, "promised": promised}
    return dict(here.about) | about


def deployed_row(evidence: Mapping[str, Any], candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The row of the evidence that speaks of what is deployed: of the choice in every fold, or of
    the only candidate; of the arm that is chosen in every fold, or of the only one."""
    first = candidates[0] if len(candidates) == 1 else candidates[0].renamed
    names = [arm.name for arm in first.design.arms]
    arm = SELECTED if SELECTED in names else REFERENCE
    key = (first.features.name, first.design.classifier.name, arm)
    rows = [r for r in evidence["rows"] if (r["features"], r["classifier"], r["arm"]) == key]
    found: dict[str, Any] = rows[0]
    return found


def out_of_fold_threshold(
    predictions: pd.DataFrame,
    *,
    features: str,
    classifier: str,
    arm: str,
    amount: str,
    rare: str,
) -> float:
    """The threshold for the rare class with the best balanced accuracy on patients who were tested,
    each by what was learnt from others. NaN where the predictions do not hold both kinds."""
    columns = [str(c) for c in predictions.columns if str(c).startswith("p_")]
    keys = {"features": features, "classifier": classifier, "arm": arm, "amount": amount}
    mine = predictions[(predictions[[*keys]] == pd.Series(keys)).all(axis=1)]
    each = pool_patients(mine).groupby(["patient", "label"])[columns].mean().reset_index()
    true = np.array([columns.index(f"p_{name}") for name in each["label"]], dtype=np.int64)
    return best_threshold(each[columns].to_numpy(np.float64), true, rare=columns.index(f"p_{rare}"))
