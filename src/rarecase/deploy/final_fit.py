"""The classifier that is deployed: one arm, refitted to everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from rarecase.arrays import Floats
from rarecase.evidence.predictions import pool_patients
from rarecase.experiment.arm import Arm, Counts
from rarecase.experiment.classifiers.logistic import linear
from rarecase.experiment.design import Design
from rarecase.experiment.sampling import prepare
from rarecase.experiment.training_set import TrainingPart, inner_folds, levels_of, requests
from rarecase.experiment.tuning import best_threshold, fit_inner, untuned
from rarecase.features.feature_set import FeatureSet
from rarecase.features.standardise import Space
from rarecase.seeds import derive


@dataclass(frozen=True, eq=False)
class Final:
    """Linear classifiers of plain features, one for each seed, whose probabilities are averaged.

    Parameters
    ----------
    weights, offsets
        (members, classes, d) and (members, classes), float64.
    centre, reach
        (d,): values farther than `reach` from `centre` count as that far, so that a feature which
        hardly varied among those learnt from cannot decide alone on a scan from elsewhere.
    chosen
        What inner folds chose: the share of synthetic samples, the regularisation strength C.
    """

    weights: Floats
    offsets: Floats
    centre: Floats
    reach: Floats
    chosen: dict[str, float]

    def __call__(self, X: Floats) -> Floats:
        """Rows (n, d) to probabilities (n, classes)."""
        X = np.clip(X, self.centre - self.reach, self.centre + self.reach)
        each = [
            softmax(X @ w.T + b, axis=1) for w, b in zip(self.weights, self.offsets, strict=True)
        ]
        return np.asarray(np.mean(each, axis=0))


def fit_final(features: FeatureSet, arm: Arm, design: Design) -> Final:
    """Refit an arm of a design of logistic regression to all patients; its amount and C are chosen
    on inner folds, as in every fold of the experiment.

    Examples
    --------
    >>> from rarecase.experiment.design import make_design
    >>> from rarecase.features.feature_set import make_features
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["common", "rare"], [40, 12])
    >>> X = rng.normal(size=(52, 5)) + 2.0 * (y == "rare")[:, None]
    >>> design = make_design(["none"])
    >>> chance = fit_final(make_features(X, y), design.arms[0], design)(X)[:, 1]
    >>> bool(chance[y == "rare"].min() > chance[y == "common"].mean())
    True
    """
    seed = derive(design.seed, "final")
    random_state = derive(seed, "classifier") % 2**31
    X = np.asarray(features.X)
    space = Space.fit(X)
    part = TrainingPart(
        space(X), features.y, features.patient, len(features.classes), features.rare
    )
    size = len(part.y)
    planned = arm.amount.planned if isinstance(arm.amount, Counts) else None
    levels = (
        levels_of(arm.amount, design.shares, size=size) if planned is None else (planned / size,)
    )
    everybody = np.arange(len(features.patients))
    folds = inner_folds(
        features, everybody, folds=design.inner, seed=derive(seed, "inner folds"),
        coordinates=design.coordinates,
    )  # fmt: skip
    choice = untuned(levels, design.classifier.points)
    if folds:
        choice = fit_inner(
            arm, folds, levels=levels, classifier=design.classifier, label=features.label,
            seed=seed, random_state=random_state,
        ).choose("none")  # fmt: skip
    members = []
    for number in design.seeds_of(arm):
        sets = prepare(arm, part, seed=derive(seed, "generator seed", number or 0))
        (request,) = (r for r in requests(arm.amount, part, share=choice.level) if r.planned)
        fitted = design.classifier.fit(
            sets(request.counts), choice.point, classes=part.classes, random_state=random_state
        )
        # Weights and offsets in the space, as those on plain features.
        w, b = linear(fitted.model)
        wide = (w if space.axes is None else w @ space.axes.T) * space.scale
        members.append((wide, b - wide @ space.mean))
    weights, offsets = (np.stack(each) for each in zip(*members, strict=True))
    return Final(weights, offsets, space.mean, space.reach, choice.point | {"share": choice.level})


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
