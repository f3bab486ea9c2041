"""The classifier that is deployed: chosen by the rule by which every fold was judged, and refitted
to everybody."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Ints
from rarecase.deploy.final import Average, Final
from rarecase.evidence.predictions import pool_patients
from rarecase.experiment.arm import Counts
from rarecase.experiment.arms import REFERENCE, SELECTED
from rarecase.experiment.auto import Candidate, choose_candidate
from rarecase.experiment.fold import selected_arm
from rarecase.experiment.fold_data import LEFT_OUT, TRAINS, FoldData, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.sampling import prepare
from rarecase.experiment.stacking import averaged, stands_for, weigh
from rarecase.experiment.training_set import requests
from rarecase.experiment.tuning import Choice, best_threshold
from rarecase.features.columns import Columns
from rarecase.features.feature_set import FeatureSet
from rarecase.features.sources.registry import STACK, names_in
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
    here = choose_candidate(candidates, _everybody(candidates), Tools())
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


def fit_average(candidates: Sequence[Candidate]) -> Average:
    """Weigh candidates on inner folds of all patients, as in every fold of the experiment; refit
    those that count to everybody. The columns are those of their sets, each once."""
    found = weigh(candidates, _everybody(candidates), Tools())
    kept = [i for i, weight in enumerate(found.weights) if weight]
    sets: dict[str, Columns] = {}
    for i in kept:
        for name, at in _sets_in(candidates[i].features).items():
            columns = candidates[i].features.columns
            assert columns is not None  # vectors have them
            sets.setdefault(name, columns.taken(at))
    ends = accumulate(len(columns.names) for columns in sets.values())
    starts = {n: end - len(sets[n].names) for n, end in zip(sets, ends, strict=True)}
    places = [
        np.concatenate([np.arange(at.size) + starts[n] for n, at in _sets_in(features).items()])
        for features in (candidates[i].features for i in kept)
    ]
    finals = tuple(fit_final([averaged(candidates[i])]) for i in kept)
    chosen = {"features": "+".join(sets), "classifier": STACK, "arm": REFERENCE} | found.chosen
    return Average(
        finals, tuple(places), found.weights[kept], Columns.joined([*sets.values()]), chosen
    )


def fit_deployed(candidates: Sequence[Candidate], how: str) -> Final | Average:
    """What is deployed of candidates: their average, or one of them (`how`: STACK or AUTO)."""
    return fit_average(candidates) if how == STACK else fit_final(candidates)


def _sets_in(features: FeatureSet) -> dict[str, Ints]:
    """The columns of each set that features are joined of."""
    columns = features.columns
    assert columns is not None  # vectors have them
    names = names_in(features.name)
    if len(names) != int(columns.part.max()) + 1:  # one of a name with a + in it, or of parts
        return {features.name: np.arange(len(columns.names))}
    return {name: np.flatnonzero(columns.part == i) for i, name in enumerate(names)}


def _everybody(candidates: Sequence[Candidate]) -> Place:
    patients = len(candidates[0].features.patients)
    return Place(np.full(patients, TRAINS), 0, LEFT_OUT)


def _chosen(here: FoldData, arm: str, choice: Choice) -> dict[str, Any]:
    promised = None if math.isnan(choice.auc) else round(choice.auc, 4)
    about = {"arm": arm, **choice.point, "share": choice.level, "promised": promised}
    return dict(here.about) | about


def deployed_row(
    evidence: Mapping[str, Any], candidates: Sequence[Candidate], *, how: str | None
) -> dict[str, Any]:
    """The row of the evidence that speaks of what is deployed: of the choice in every fold, or of
    the only candidate; of the arm that is chosen in every fold, or of the only one. `how`: AUTO,
    STACK for the average, or None where nothing stands for several."""
    first = candidates[0] if how is None else stands_for(how, candidates)
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
    each by what was learnt from others; 0.5 where the predictions do not hold both kinds."""
    columns = [str(c) for c in predictions.columns if str(c).startswith("p_")]
    keys = {"features": features, "classifier": classifier, "arm": arm, "amount": amount}
    mine = predictions[(predictions[[*keys]] == pd.Series(keys)).all(axis=1)]
    each = pool_patients(mine).groupby(["patient", "label"])[columns].mean().reset_index()
    true = np.array([columns.index(f"p_{name}") for name in each["label"]], dtype=np.int64)
    p, place = each[columns].to_numpy(np.float64), columns.index(f"p_{rare}")
    found = best_threshold(p, true, rare=place)
    return 0.5 if np.isnan(found) else found
