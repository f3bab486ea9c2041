import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase.errors import DataError, SettingError
from rarecase.generators.filters import dense, near, recognised


def data(seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], [60, 20])
    X = rng.normal(size=(80, 3)) + 2.0 * (y == "rare")[:, None]
    who = np.array([f"p{i // 2:02d}" for i in range(80)])
    asked = np.repeat(["common", "rare"], [30, 30])
    made = rng.normal(size=(60, 3)) + 2.0 * (asked == "rare")[:, None]
    return X, y, who, made, asked


def test_recognised_by_most_classifiers_that_missed_a_fold():
    X, y, who, made, asked = data()
    kept = recognised(X, y, made, asked, groups=who)
    whole = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    whole.fit(X, y)
    agreed = whole.predict(made) == asked
    assert (kept == agreed).mean() > 0.95
    swapped = np.where(asked == "rare", "common", "rare")
    np.testing.assert_array_equal(recognised(X, y, made, swapped, groups=who), ~kept)


@pytest.mark.parametrize(("slices", "folds"), [(12, 2), (24, 2), (18, 3), (10, 5)])
def test_no_one_patient_decides(slices, folds):
    """One patient's odd slices make a classifier of everybody keep their like; those fitted without
    the patient outvote."""
    X, y, who, _, _ = data()
    place = -6.0 if slices == 12 else -4.0
    X2 = np.concatenate([X, np.full((slices, 3), place)])
    y2 = np.concatenate([y, np.repeat("rare", slices)])
    who2 = np.concatenate([who, np.repeat("odd", slices)])
    made, asked = np.full((5, 3), place + 0.5), np.repeat("rare", 5)
    whole = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    whole.fit(X2, y2)
    assert (whole.predict(made) == asked).all()
    assert not recognised(X2, y2, made, asked, groups=who2, folds=folds).any()


def test_a_rare_class_is_recognised_among_many_common_ones():
    rng = np.random.default_rng(0)
    y = np.repeat(["common", "rare"], [190, 10])
    X = rng.normal(size=(200, 3)) + 1.0 * (y == "rare")[:, None]
    made = rng.normal(size=(100, 3)) + 1.0
    assert recognised(X, y, made, np.repeat("rare", 100)).mean() > 0.6


def test_near_by_its_definition():
    X, y, _, made, asked = data()
    kept = near(X, y, made, asked, share=0.8)
    for name in ("common", "rare"):
        own = X[y == name]
        apart = cdist(own, own) + np.diag(np.full(len(own), np.inf))
        usual = np.quantile(apart.min(axis=1), 0.8)
        mine = asked == name
        np.testing.assert_array_equal(kept[mine], cdist(made[mine], own).min(axis=1) <= usual)


def test_dense_by_its_definition():
    X, y, _, made, asked = data()
    kept = dense(X, y, made, asked, neighbours=3)
    for name in ("common", "rare"):
        own = X[y == name]
        reach = np.sort(cdist(own, own), axis=1)[:, 3]
        mine = asked == name
        expected = (cdist(made[mine], own) <= reach).any(axis=1)
        np.testing.assert_array_equal(kept[mine], expected)


@pytest.mark.parametrize("keep", [near, dense])
def test_samples_far_away_are_left_out(keep):
    X, y, _, made, asked = data()
    assert not keep(X, y, made + 50, asked).any()
    assert keep(X, y, X, y).mean() > 0.9


def test_what_cannot_be_filtered_is_said():
    X, y, who, made, asked = data()
    with pytest.raises(DataError, match="as many features, got 3 and 2"):
        near(X, y, made[:, :2], asked)
    with pytest.raises(SettingError, match="share: expected above 0"):
        near(X, y, made, asked, share=0.0)
    with pytest.raises(SettingError, match="neighbours: expected 1"):
        dense(X, y, made, asked, neighbours=0)
    for keep in (near, dense, recognised):
        with pytest.raises(DataError, match="no real sample is of class 'oligo'; y holds"):
            keep(X, y, made[:1], ["oligo"])
        with pytest.raises(DataError, match="synthetic: expected samples"):
            keep(X, y, made[:0], asked[:0])
        broken = X.copy()
        broken[3] = np.nan
        with pytest.raises(DataError, match="X: some values are missing"):
            keep(broken, y, made, asked)
    with pytest.raises(DataError, match="class 'rare' has 1 real"):
        near(X[:61], y[:61], made, asked)
    with pytest.raises(SettingError, match="folds: expected 2"):
        recognised(X, y, made, asked, folds=1)
    with pytest.raises(DataError, match="groups: expected one per sample"):
        recognised(X, y, made, asked, groups=who[:5])
    with pytest.raises(DataError, match="class 'rare' has one patient"):
        recognised(X, y, made, asked, groups=np.where(y == "rare", "r", np.arange(80).astype(str)))
