import numpy as np
import pandas as pd
import pytest

from rarecase import LeakError, compare_external
from rarecase.errors import DataError

SHORT = {"arms": ["threshold", "smote"], "draws": 50, "permutations": 199, "generator_seeds": 1}


def cohort(n, *, seed, name="p", shift=1.0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], n)
    X = rng.normal(size=(sum(n), 4)) + shift * (y == "rare")[:, None]
    return X, y, np.array([f"{name}{i:03d}" for i in range(sum(n))])


@pytest.fixture
def two():
    return cohort((40, 12), seed=0), cohort((30, 15), seed=1, name="q")


def test_everybody_elsewhere_is_predicted_once_an_arm(two):
    (X, y, who), (X2, y2, who2) = two
    found = compare_external(X, y, X2, y2, groups=who, groups_other=who2, **SHORT)
    for _, part in found.predictions.groupby("arm"):
        assert sorted(part["patient"]) == sorted(who2)
    assert found.evidence["counts"]["patients"] == {"common": 30, "rare": 15}
    assert found.verdict("smote") in ("helps", "no evidence", "harms")
    against = found.evidence["verdicts"][0]["against"]["none"]
    assert against["t_p_greater"] is None  # one training set: the permutation test alone
    assert "One test set" in str(found)


def test_nothing_is_learnt_from_the_other_cohort(two):
    (X, y, who), (X2, y2, who2) = two
    before = compare_external(X, y, X2, y2, groups=who, groups_other=who2, **SHORT).predictions
    wild = X2.copy()
    wild[0] *= 1e4
    after = compare_external(X, y, wild, y2, groups=who, groups_other=who2, **SHORT).predictions
    others = before["patient"] != who2[0]
    pd.testing.assert_frame_equal(before[others], after[others])
    flipped = np.where(y2 == "rare", "common", "rare")
    again = compare_external(X, y, X2, flipped, groups=who, groups_other=who2, **SHORT).predictions
    chances = ["p_common", "p_rare", "threshold"]
    pd.testing.assert_frame_equal(before[chances], again[chances])


def test_a_shift_between_cohorts_is_said(two):
    (X, y, who), (X2, y2, who2) = two
    found = compare_external(X, y, X2 + 3, y2, groups=who, groups_other=who2, **SHORT)
    assert found.checks.shift[0] > 0.95


def test_columns_are_matched_by_name():
    (X, y, _), (X2, y2, _) = cohort((20, 8), seed=0), cohort((20, 8), seed=1)
    names = list("abcd")
    ours, theirs = pd.DataFrame(X, columns=names), pd.DataFrame(X2, columns=names)
    turned = theirs[["d", "b", "a", "c"]].assign(more=1.0)
    one = compare_external(ours, y, theirs, y2, **SHORT).predictions
    other = compare_external(ours, y, turned, y2, **SHORT).predictions
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(DataError, match="lacks 1 of 4 features: b"):
        compare_external(ours, y, theirs.drop(columns="b"), y2, **SHORT)
    with pytest.raises(DataError, match=r"samples have the shape \(3,\), ours \(4,\)"):
        compare_external(X, y, X2[:, :3], y2, **SHORT)


def test_rows_without_names_are_known_by_their_features(two):
    (X, y, who), (X2, y2, _) = two
    with pytest.raises(LeakError, match="1 rows of the other cohort have exactly the features"):
        compare_external(X, y, np.vstack([X2, X[:1]]), np.append(y2, y[0]), groups=who, **SHORT)
    ours, theirs = np.arange(len(y)).astype(float), np.arange(len(y2))
    with pytest.raises(LeakError, match=r"patient\(s\) are in the training and in the test"):
        compare_external(X, y, X2, y2, groups=ours, groups_other=theirs, **SHORT)


def test_the_same_patient_or_an_unknown_class_is_refused(two):
    (X, y, who), (X2, y2, who2) = two
    mixed = who2.copy()
    mixed[3] = who[5]
    with pytest.raises(LeakError, match=r"1 patient\(s\) .* p005"):
        compare_external(X, y, X2, y2, groups=who, groups_other=mixed, **SHORT)
    y3 = y2.copy()
    y3[0] = "none"
    with pytest.raises(DataError, match="class 'none', which nothing was learnt about"):
        compare_external(X, y, X2, y3, groups=who, groups_other=who2, **SHORT)
