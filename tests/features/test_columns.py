import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from rarecase.errors import DataError
from rarecase.features.checked import check_numbers
from rarecase.features.columns import Columns, Encoder
from rarecase.features.standardise import Space

RNG = np.random.default_rng(0)


def gappy(n=40, d=5, share=0.2):
    X = RNG.normal(size=(n, d))
    X[RNG.random((n, d)) < share] = np.nan
    return X


def test_gaps_become_the_training_median_and_are_flagged_as_scikit_learn_does():
    X, new = gappy(), gappy()
    theirs = SimpleImputer(strategy="median", add_indicator=True).fit(X)
    ours = Encoder.fit(X, Columns.of(5))
    for rows in (X, new):
        np.testing.assert_array_equal(ours(rows), theirs.transform(rows))
    assert not np.isnan(ours(np.full((1, 5), np.nan))).any()


def test_columns_that_miss_together_have_one_flag_in_each_part():
    X = RNG.normal(size=(20, 6))
    X[:4, :4] = np.nan
    X[7, 5] = np.nan
    one = Encoder.fit(X, Columns.of(6))
    assert one.flags.tolist() == [0, 5] and one(X).shape == (20, 8)
    halves = Columns(Columns.of(6).names, np.array([0, 0, 1, 1, 1, 1]), {})
    assert Encoder.fit(X, halves).flags.tolist() == [0, 2, 5]


def test_a_column_that_training_does_not_know_counts_for_nothing():  # F21
    X = RNG.normal(size=(30, 3))
    X[:, 1], X[:, 2] = np.nan, 2.0
    space = Space.fit(X)
    new = np.array([[0.0, 5.0, 2.0], [0.0, np.nan, 99.0]])
    assert np.ptp(space(new), axis=0).tolist() == [0.0] * space(new).shape[1]


def test_categories_have_a_column_each_and_an_unseen_one_none():  # F24
    frame = pd.DataFrame({"grade": list("abcaz"), "size": range(5)}).astype({"grade": "category"})
    X, columns = check_numbers(frame)
    assert columns.levels == {0: ("a", "b", "c", "z")}
    ours = Encoder.fit(X[:4], columns)
    theirs = OneHotEncoder(handle_unknown="ignore").fit(frame[["grade"]][:4])
    expected = theirs.transform(frame[["grade"]]).toarray()
    np.testing.assert_array_equal(ours(X)[:, 1:], expected)
    assert ours(X)[4, 1:].tolist() == [0, 0, 0] != ours(X)[0, 1:].tolist()


def test_a_missing_category_is_none_of_them():
    frame = pd.DataFrame({"sex": pd.Categorical(["f", "m", None, "f"])})
    X, columns = check_numbers(frame, missing=True)
    assert np.isnan(X[2, 0]) and Encoder.fit(X, columns)(X)[2].tolist() == [0, 0]
    with pytest.raises(DataError, match="missing or infinite, first in feature 'sex' of row 2"):
        check_numbers(frame)


def test_every_part_of_a_join_weighs_the_same():
    X = RNG.normal(size=(50, 103)) * RNG.uniform(0.1, 100, 103)
    columns = Columns.joined([Columns.of(100), Columns.of(3)])
    assert columns.part.tolist() == [0] * 100 + [1] * 3
    rows = Space.fit(X, columns, rotate=False)(X)
    lengths = [np.square(rows[:, columns.part == part]).sum(axis=1).mean() for part in (0, 1)]
    assert lengths == pytest.approx([0.5, 0.5], rel=1e-3)  # but for what is clipped


def test_joined_columns_keep_their_categories():
    first = Columns.of(2, names=["a", "b"], levels={1: ("x", "y")})
    both = Columns.joined([Columns.of(3), first, first])
    assert both.names == ("0", "1", "2", "a", "b", "a", "b")
    assert both.levels == {4: ("x", "y"), 6: ("x", "y")} and both.part.tolist() == [
        0,
        0,
        0,
        1,
        1,
        2,
        2,
    ]


def test_gaps_stay_for_who_takes_them():
    X = gappy()
    space = Space.fit(X, rotate=False, fill=False)
    assert space(X).shape == X.shape and (np.isnan(space(X)) == np.isnan(X)).all()
    assert np.nansum(np.square(space(X))) == pytest.approx((~np.isnan(X)).sum() / 5, rel=1e-6)


def test_a_column_more_does_not_change_what_others_say():
    X = gappy()
    order = RNG.permutation(5)
    mine, theirs = Space.fit(X, rotate=False)(X), Space.fit(X[:, order], rotate=False)(X[:, order])
    np.testing.assert_allclose(mine[:, :5][:, order], theirs[:, :5])
