"""Another cohort: learnt on one, judged on the other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.arrays import Ints
from rarecase.cohort.splits import check_disjoint
from rarecase.errors import DataError, LeakError
from rarecase.experiment.fold_data import TRAINS
from rarecase.features.feature_set import FeatureSet, make_features
from rarecase.features.table_columns import as_categories, with_categories


def join_features(
    X: Any,
    y: ArrayLike,
    X_other: Any,
    y_other: ArrayLike,
    *,
    groups: ArrayLike | None,
    other: ArrayLike | None,
    rare: Any,
    name: str = "features",
    categorical: Collection[str] = (),
    missing: bool = False,
) -> tuple[FeatureSet, Ints]:
    """One table of both cohorts, and the fold of its patients: 0 for those of the other cohort, who
    are tested, −1 for those who train. The rare class is that of the first cohort, and so is what
    its columns are: `categorical` ones, and those of dtype category, are matched by name."""
    X, X_other = _same_categories(X, _same_features(X, X_other), categorical)
    home = make_features(
        X, y, groups=_names(groups, len(X), "row"), rare=rare, name=name, missing=missing
    )
    away = make_features(
        X_other, y_other, groups=_names(other, len(X_other), "other row"), missing=missing,
        constant=True,
    )  # fmt: skip
    unknown = sorted(set(away.classes) - set(home.classes))
    if unknown:
        raise DataError(
            f"The other cohort has class {', '.join(map(repr, unknown))}, which nothing was learnt "
            f"about (learnt: {', '.join(home.classes)}). Give its labels the same names."
        )
    check_disjoint(home.patients, away.patients)
    if groups is None or other is None:
        _refuse_same_rows(home, away)
    joined = make_features(
        np.concatenate([home.X, away.X]),
        np.concatenate([np.asarray(t.classes)[t.y] for t in (home, away)]),
        groups=np.concatenate([np.asarray(t.patients)[t.patient] for t in (home, away)]),
        rare=home.classes[home.rare], name=name, missing=missing, columns=away.columns,
    )  # fmt: skip
    tested = set(away.patients)
    return joined, np.array([0 if who in tested else TRAINS for who in joined.patients])


def _refuse_same_rows(home: FeatureSet, away: FeatureSet) -> None:
    """Where patients have no names, the same features say that they are the same."""
    known = {row.tobytes() for row in np.asarray(home.X)}
    same = [
        row
        for row, values in zip(away.rows["slice"], np.asarray(away.X), strict=True)
        if values.tobytes() in known
    ]
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


def _same_categories(X: Any, X_other: Any, categorical: Collection[str]) -> tuple[Any, Any]:
    """Both with the same categories by the same numbers, ours first."""
    if not (isinstance(X, pd.DataFrame) and isinstance(X_other, pd.DataFrame)):
        return X, X_other
    declared = [c for c in X if c in categorical or isinstance(X[c].dtype, pd.CategoricalDtype)]
    X = with_categories(X, declared)
    X_other = X_other.copy(deep=False)
    for name in declared:
        X_other[name] = as_categories(X_other[name], known=X[name].cat.categories)
    return X, X_other


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
