"""What a comparison is asked to do, checked before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rarecase.arrays import Ints
from rarecase.errors import SettingError
from rarecase.experiment.arms import Arm, pick_arms
from rarecase.experiment.classifiers.logistic import Logistic, Model
from rarecase.experiment.fold import Plan
from rarecase.experiment.inner_folds import outer_folds, site_folds
from rarecase.features.feature_set import FeatureTable, make_table

LARGEST = 100.0  # amount


@dataclass(frozen=True)
class Setup:
    """The features, what is compared on them, and the test fold of each patient in each repeat."""

    table: FeatureTable
    plan: Plan
    split: list[Ints]


def make_setup(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None,
    sites: ArrayLike | None,
    arms: Sequence[str | Arm],
    rare: Any,
    folds: int,
    repeats: int,
    inner: int,
    amounts: Sequence[float],
    generator_seeds: int,
    random_state: int,
    model: Model | None,
) -> Setup:
    """Arguments as in `rarecase.compare`."""
    table = make_table(X, y, groups=groups, rare=rare)
    plan = make_plan(
        arms, model=model, amounts=amounts, inner=inner, generator_seeds=generator_seeds,
        random_state=random_state,
    )  # fmt: skip
    if sites is None:
        split = outer_folds(table, folds=folds, repeats=repeats, seed=random_state)
    else:
        split = [site_folds(table, sites)]
    return Setup(table, plan, split)


def make_plan(
    arms: Sequence[str | Arm],
    *,
    model: Model | None,
    amounts: Sequence[float],
    inner: int,
    generator_seeds: int,
    random_state: int,
) -> Plan:
    """The plan of a comparison, checked."""
    amounts = np.atleast_1d(np.asarray(amounts, dtype=np.float64)).tolist()
    if not amounts or not all(0 < amount <= LARGEST for amount in amounts):
        raise SettingError(
            f"amounts: expected shares above 0 and up to {LARGEST:g} of what a class lacks to be "
            f"as frequent as the largest, got {amounts}."
        )
    if inner < 2 or generator_seeds < 1:
        raise SettingError(
            f"inner, generator_seeds: expected at least 2 and 1, got {inner}, {generator_seeds}."
        )
    own = any(isinstance(arm, Arm) for arm in arms) or type(model) not in (type(None), Logistic)
    return Plan(
        arms=pick_arms(arms), model=model or Logistic(), amounts=tuple(sorted(amounts)),
        inner=inner, generator_seeds=generator_seeds, seed=random_state, own=own,
    )  # fmt: skip
