"""External validation: learnt on one cohort, judged on another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.arrays import Ints
from rarecase.cohort.splits import check_disjoint
from rarecase.errors import DataError, LeakError
from rarecase.evidence.paired import PERMUTATIONS
from rarecase.experiment.arm_names import CLOSED_FORM
from rarecase.experiment.arms import Arm
from rarecase.experiment.classifiers.logistic import Model
from rarecase.experiment.compare import DRAWS, CompareResult, weigh
from rarecase.experiment.fold import TRAINS
from rarecase.experiment.run_folds import run_folds
from rarecase.experiment.self_checks import fold_checks, gather
from rarecase.experiment.setup import make_plan
from rarecase.features.feature_set import FeatureTable, make_table


def compare_external(
    X: Any,
    y: ArrayLike,
    X_other: Any,
    y_other: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    groups_other: ArrayLike | None = None,
    arms: Sequence[str | Arm] = CLOSED_FORM,
    rare: Any = None,
    inner: int = 3,
    amounts: Sequence[float] = (0.5, 1.0, 2.0),
    generator_seeds: int = 2,
    random_state: int = 0,
    model: Model | None = None,
    checks: bool = True,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
    cells: Path | None = None,
) -> CompareResult:
    """Fit every arm to all of `X`, `y`, `groups`, tuned on inner folds of them, and judge it on
    `X_other`, `y_other`, `groups_other`, from which nothing is learnt.

    The other arguments are those of `rarecase.compare`. There is one training set, so that the
    verdicts rest on the permutation test: they hold for these patients to learn from, and carry no
    chance of training. Raises `LeakError` for a patient on both sides, `DataError` for features or
    classes that do not agree.

    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 3)), np.repeat(["common", "rare"], [45, 15])
    >>> found = compare_external(X[::2], y[::2], X[1::2], y[1::2], arms=["smote"], draws=100)
    >>> found.verdict("smote")
    'too few to say'
    """
    table, fold = join_tables(X, y, X_other, y_other, groups=groups, other=groups_other, rare=rare)
    plan = make_plan(
        arms, model=model, amounts=amounts, inner=inner, generator_seeds=generator_seeds,
        random_state=random_state,
    )  # fmt: skip
    predictions = run_folds(table, plan, [fold], cells=cells, name="judging on other patients")
    evidence = weigh(
        predictions, rare=table.classes[table.rare], seed=random_state, draws=draws,
        permutations=permutations,
    )  # fmt: skip
    found = [fold_checks(table, plan, fold_of=fold, repeat=0, fold=0)] if checks else None
    return CompareResult(predictions, evidence, None if found is None else gather(found))


def join_tables(
    X: Any,
    y: ArrayLike,
    X_other: Any,
    y_other: ArrayLike,
    *,
    groups: ArrayLike | None,
    other: ArrayLike | None,
    rare: Any,
) -> tuple[FeatureTable, Ints]:
    """One table of both cohorts, and the fold of its patients: 0 for those of the other cohort, who
    are tested, −1 for those who train. The rare class is that of the first cohort."""
    X_other = _same_features(X, X_other)
    home = make_table(X, y, groups=_names(groups, len(X), "row"), rare=rare)
    away = make_table(X_other, y_other, groups=_names(other, len(X_other), "other row"))
    unknown = sorted(set(away.classes) - set(home.classes))
    if unknown:
        raise DataError(
            f"The other cohort has class {', '.join(map(repr, unknown))}, which nothing was learnt "
            f"about (learnt: {', '.join(home.classes)}). Give its labels the same names."
        )
    check_disjoint(home.patients, away.patients)
    if groups is None or other is None:
        _refuse_same_rows(home, away)
    joined = make_table(
        np.concatenate([home.X, away.X]),
        np.concatenate([np.asarray(t.classes)[t.y] for t in (home, away)]),
        groups=np.concatenate([np.asarray(t.patients)[t.patient] for t in (home, away)]),
        rare=home.classes[home.rare],
    )
    tested = set(away.patients)
    return joined, np.array([0 if who in tested else TRAINS for who in joined.patients])


def _refuse_same_rows(home: FeatureTable, away: FeatureTable) -> None:
    """Where patients have no names, the same features say that they are the same."""
    known = {row.tobytes() for row in home.X}
    same = [row for row, values in zip(away.row, away.X, strict=True) if values.tobytes() in known]
    if same:
        raise LeakError(
            f"{len(same)} rows of the other cohort have exactly the features of rows that are "
            f"learnt from (first row {same[0]}): they would be tested on themselves. Take them "
            "out, or name the patients with groups."
        )


def _names(groups: ArrayLike | None, n: int, kind: str) -> np.ndarray:
    """Patients by name; rows that are a patient each get names that the other side has not."""
    if groups is not None:
        return np.asarray(groups)
    return np.array([f"{kind} {i:0{len(str(n))}d}" for i in range(n)])


def _same_features(X: Any, X_other: Any) -> Any:
    """The other cohort's features in our order."""
    if isinstance(X, pd.DataFrame) and isinstance(X_other, pd.DataFrame):
        missing = [str(c) for c in X.columns if c not in X_other.columns]
        if missing:
            raise DataError(
                f"The other cohort lacks {len(missing)} of {X.shape[1]} features: "
                f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}."
            )
        return X_other[X.columns]
    if np.shape(X)[1:] != np.shape(X_other)[1:]:
        raise DataError(
            f"The other cohort's samples have the shape {np.shape(X_other)[1:]}, ours "
            f"{np.shape(X)[1:]}."
        )
    return X_other
