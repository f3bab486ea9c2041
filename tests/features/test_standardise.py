from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rarecase.errors import DataError
from rarecase.features.standardise import Origin, Space


def test_a_training_row_has_length_one_on_average_and_constants_count_for_nothing():
    X = np.random.default_rng(0).normal(3.0, 5.0, (50, 4))
    X[:, 2] = 7.0
    space = Space.fit(X)
    rows = space(X)
    assert np.square(rows).sum(axis=1).mean() == pytest.approx(1.0)
    assert (rows[:, 2] == 0).all()
    assert (space(X + 1e6)[:, 2] == 0).all()


def test_a_channel_that_was_silent_in_training_does_not_outweigh_the_others():
    rng = np.random.default_rng(2)
    for width in (10, 300):  # without and with the rotation
        X = rng.normal(size=(60, width))
        X[:, 0] = 1e-7 * rng.normal(size=60)
        new = rng.normal(size=(40, width))
        new[:, 0] = rng.choice([-1e-2, 1e-2], size=40)  # 100,000 deviations
        space = Space.fit(X)
        assert np.linalg.norm(space(new), axis=1).max() < 3
        same = new.copy()
        same[:, 0] = 6 * X[:, 0].std() * np.sign(new[:, 0]) + X[:, 0].mean()
        assert space(new) == pytest.approx(space(same))


def test_the_rotation_changes_no_penalised_linear_classifier():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(40, 300)), np.arange(40) % 2
    X[y == 1, :5] += 1.0
    new = rng.normal(size=(20, 300))
    space = Space.fit(X)
    assert space.axes is not None and space(X).shape == (40, 39)
    plain = replace(space, axes=None)
    for strength in (0.1, 10.0):
        whole = LogisticRegression(C=strength, tol=1e-10, max_iter=5000).fit(plain(X), y)
        short = LogisticRegression(C=strength, tol=1e-10, max_iter=5000).fit(space(X), y)
        expected = whole.predict_proba(plain(new))
        assert short.predict_proba(space(new)) == pytest.approx(expected, abs=1e-5)
    distances = np.linalg.norm(space(X)[:, None] - space(X)[None], axis=2)
    assert distances == pytest.approx(np.linalg.norm(plain(X)[:, None] - plain(X)[None], axis=2))


def test_sites_are_harmonised_by_training_rows_alone():
    rng = np.random.default_rng(0)
    X, sites = rng.normal(size=(80, 6)), np.repeat(["A", "B"], 40).tolist()
    X[40:] = 3 * X[40:] + 5
    mine = Origin(range(80), sites)
    space = Space.fit(X, origin=mine)
    rows = space(X, mine)
    assert np.abs(rows[:40].mean(axis=0) - rows[40:].mean(axis=0)).max() < 0.1
    spread = rows[40:].std(axis=0) / rows[:40].std(axis=0)
    assert (spread > 0.8).all() and (spread < 1.25).all()
    plain = Space.fit(X)
    assert np.abs(plain(X)[:40].mean(axis=0) - plain(X)[40:].mean(axis=0)).min() > 0.3
    with pytest.raises(DataError, match="C"):
        space(X[:1], Origin([99], ["C"]))
    new = space(X[:1], Origin([99], ["C"], "unchanged"))
    np.testing.assert_array_equal(new, space(X[:1]))


@pytest.mark.parametrize("nothing", [np.nan, 2.0])
def test_where_nothing_varies_in_training_there_are_columns_of_zeros(nothing):
    X = np.full((8, 20), nothing)
    space, rows = Space.learn(X)
    assert rows.shape == (8, 20) and not rows.any()
    assert not space(np.random.default_rng(0).normal(size=(3, 20))).any()
