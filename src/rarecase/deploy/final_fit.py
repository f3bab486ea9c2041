"""The classifier that is handed on: one arm, learnt from everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from rarecase.arrays import Floats
from rarecase.evidence.predictions import pool_patients
from rarecase.experiment.arms import Arm, make_arms
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.inner_folds import inner_folds, training_part
from rarecase.experiment.setup import make_plan
from rarecase.experiment.tuning import best_threshold, make_grid
from rarecase.features.feature_set import FeatureTable
from rarecase.features.standardise import Space
from rarecase.seeds import derive


@dataclass(frozen=True, eq=False)
class Final:
    """Linear classifiers on plain features, one a generator seed, whose probabilities are averaged.

    weights (members, classes, d) and offsets (members, classes), float64; centre and reach (d,):
    values farther than `reach` from `centre` count as that far, so that a feature which hardly
    varied among those learnt from cannot decide alone on a scan from elsewhere; `amount` of
    synthetic samples and `strength` of the penalty as chosen on inner folds.
    """

    weights: Floats
    offsets: Floats
    centre: Floats
    reach: Floats
    amount: float
    strength: float

    def __call__(self, X: Floats) -> Floats:
        """Rows (n, d) to probabilities (n, classes)."""
        X = np.clip(X, self.centre - self.reach, self.centre + self.reach)
        each = [
            softmax(X @ w.T + b, axis=1) for w, b in zip(self.weights, self.offsets, strict=True)
        ]
        return np.asarray(np.mean(each, axis=0))


def fit_final(
    table: FeatureTable,
    arm: Arm,
    *,
    amounts: Sequence[float] = (0.5, 1.0, 2.0),
    inner: int = 3,
    generator_seeds: int = 2,
    random_state: int = 0,
) -> Final:
    """Fit an arm to all patients of a table, its amount and strength chosen on inner folds, as in
    every fold of the comparison.

    >>> rng = np.random.default_rng(0)
    >>> from rarecase.experiment.arms import pick_arms
    >>> from rarecase.features.feature_set import make_table
    >>> y = np.repeat(["common", "rare"], [40, 12])
    >>> X = rng.normal(size=(52, 5)) + 2.0 * (y == "rare")[:, None]
    >>> final = fit_final(make_table(X, y), pick_arms([])[0])
    >>> chance = final(X)[:, 1]
    >>> bool(chance[y == "rare"].min() > chance[y == "common"].mean())
    True
    """
    plan = make_plan(
        [arm.name] if arm.name in make_arms() else [arm], model=Logistic(), amounts=amounts,
        inner=inner, generator_seeds=generator_seeds, random_state=random_state,
    )  # fmt: skip
    everybody = np.arange(len(table.patients))
    seed = derive(random_state, "final")
    folds = inner_folds(table, everybody, folds=plan.inner, seed=derive(seed, "inner folds"))
    space = Space.fit(table.X)
    part = training_part(table, np.arange(len(table.X)), space)
    amount, strength = 1.0, plan.model.strengths[len(plan.model.strengths) // 2]
    if folds:
        grid = make_grid(
            arm.recipe, folds, amounts=plan.amounts, model=plan.model, label=table.label, seed=seed
        )
        place = grid.best()
        amount, strength = grid.amounts[place[0]], grid.strengths[place[1]]
    members = []
    for number in range(generator_seeds if arm.recipe.random else 1):
        sets = arm.recipe.prepare(part, seed=derive(seed, "generator seed", number))
        fitted = Logistic().fit(
            sets(part.missing(amount)), strength=strength, classes=len(table.classes)
        )
        members.append(_plain(*fitted.linear(), space))
    weights, offsets = (np.stack(each) for each in zip(*members, strict=True))
    return Final(weights, offsets, space.mean, space.reach, amount, strength)


def out_of_fold_threshold(predictions: pd.DataFrame, *, arm: str, rare: str) -> float:
    """The threshold for the rare class with the best balanced accuracy on patients who were tested,
    each by what was learnt from others. NaN where the predictions do not hold both kinds."""
    classes = [str(c)[2:] for c in predictions.columns if str(c).startswith("p_")]
    mine = pool_patients(predictions[predictions["arm"] == arm])
    columns = [f"p_{name}" for name in classes]
    each = mine.groupby(["patient", "label"])[columns].mean().reset_index()
    true = np.array([classes.index(str(name)) for name in each["label"]], dtype=np.int64)
    p = each[columns].to_numpy(np.float64)
    return best_threshold(p, true, rare=classes.index(rare))


def _plain(w: Floats, b: Floats, space: Space) -> tuple[Floats, Floats]:
    """Weights and offsets in a space as those on plain features."""
    wide = (w if space.axes is None else w @ space.axes.T) * space.scale
    return wide, b - wide @ space.mean
