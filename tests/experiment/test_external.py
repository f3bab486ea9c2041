"""Two cohorts as one feature set whose test fold is the other."""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError, LeakError
from rarecase.experiment.external import join_features
from rarecase.experiment.fold_data import TRAINS


def cohort(n, *, seed, name="p"):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], n)
    X = rng.normal(size=(sum(n), 4)) + (y == "rare")[:, None]
    return X, y, np.array([f"{name}{i:03d}" for i in range(sum(n))])


@pytest.fixture
def two():
    return cohort((40, 12), seed=0), cohort((10, 25), seed=1, name="q")


def join(two, **changes):
    (X, y, who), (X2, y2, who2) = two
    kept = {"X": X, "y": y, "X_other": X2, "y_other": y2, "groups": who, "other": who2} | changes
    arrays = [kept.pop(name) for name in ("X", "y", "X_other", "y_other")]
    return join_features(*arrays, **({"rare": None} | kept))


def test_the_other_cohort_is_the_test_fold_and_the_rare_class_is_that_of_the_first(two):
    features, fold = join(two)
    assert features.classes[features.rare] == "rare"  # which is common in the other
    tested = {features.patients[i] for i in np.flatnonzero(fold == 0)}
    assert tested == set(two[1][2])
    assert (fold[[who not in tested for who in features.patients]] == TRAINS).all()
    assert join(two, rare="common")[0].rare == 0


def test_columns_are_matched_by_name(two):
    (X, _, _), (X2, _, _) = two
    names = list("abcd")
    ours, theirs = pd.DataFrame(X, columns=names), pd.DataFrame(X2, columns=names)
    turned = theirs[["d", "b", "a", "c"]].assign(more=1.0)
    one, _ = join(two, X=ours, X_other=theirs)
    other, _ = join(two, X=ours, X_other=turned)
    np.testing.assert_array_equal(one.X, other.X)
    with pytest.raises(DataError, match="lacks 1 of 4 features: b"):
        join(two, X=ours, X_other=theirs.drop(columns="b"))
    with pytest.raises(DataError, match=r"samples have the shape \(3,\), ours \(4,\)"):
        join(two, X_other=X2[:, :3])


def test_samples_without_names_are_known_by_their_features(two):
    (X, y, _), (X2, y2, _) = two
    both = {"X_other": np.vstack([X2, X[:1]]), "y_other": np.append(y2, y[0])}
    with pytest.raises(LeakError, match="1 rows of the other cohort have exactly the features"):
        join(two, other=None, **both)
    ours, theirs = np.arange(len(y)).astype(float), np.arange(len(y2))
    with pytest.raises(LeakError, match=r"patient\(s\) are in the training and in the test"):
        join(two, groups=ours, other=theirs)


def test_the_same_patient_or_an_unknown_class_is_refused(two):
    (_, _, who), (_, y2, who2) = two
    mixed = who2.copy()
    mixed[3] = who[5]
    with pytest.raises(LeakError, match=r"1 patient\(s\) .* p005"):
        join(two, other=mixed)
    y3 = y2.copy()
    y3[0] = "none"
    with pytest.raises(DataError, match="class 'none', which nothing was learnt about"):
        join(two, y_other=y3)
