import numpy as np
import pytest

from rarecase.errors import DataError, LeakError, SettingError
from rarecase.experiment.splits import draw_splits, splits_digest, splits_of
from rarecase.features.feature_set import make_features
from support.features import vector_set


def table(n=12):
    """Patients of two rows each, every third of them rare."""
    rng = np.random.default_rng(0)
    who = np.repeat([f"p{i:02d}" for i in range(n)], 2)
    y = np.repeat(np.where(np.arange(n) % 3 == 0, "rare", "common"), 2)
    sites = np.repeat([["Berlin", "Ankara", "Cadiz"][i // 4 % 3] for i in range(n)], 2)
    return rng.normal(size=(2 * n, 3)), y, who, sites


def test_every_patient_is_tested_once_a_repeat_and_classes_are_spread():
    features = vector_set((40, 13), rows=2)
    splits = draw_splits(features, folds=4, repeats=3, seed=1)
    assert len(splits.folds) == 3 and len([*splits.places()]) == 12
    for fold_of in splits.folds:
        assert fold_of.shape == (53,) and set(fold_of) == {0, 1, 2, 3}
        rare = np.bincount(fold_of[features.label == features.rare])
        assert rare.max() - rare.min() <= 1
    assert not np.array_equal(splits.folds[0], splits.folds[1])
    for place in splits.places():
        assert place.splits == splits.digest
        np.testing.assert_array_equal(place.fold_of, splits.folds[place.repeat])


def test_the_digest_is_of_who_is_tested_when_and_of_nothing_else():
    features = vector_set((40, 13))
    splits = draw_splits(features, folds=4, repeats=2, seed=1)
    other = vector_set((40, 13), d=7, seed=9, rows=2)  # other features of the same patients
    assert draw_splits(other, folds=4, repeats=2, seed=1).digest == splits.digest
    assert draw_splits(features, folds=4, repeats=2, seed=2).digest != splits.digest
    assert draw_splits(features, folds=4, repeats=1, seed=1).digest != splits.digest
    swapped = splits.folds[0].copy()
    swapped[[0, -1]] = swapped[[-1, 0]] + [1, 0]
    assert splits_of(features, [swapped, splits.folds[1]]).digest != splits.digest
    assert splits_digest([(0, "a", 1)]) != splits_digest([(0, "a", 0)])


def test_folds_that_cannot_be():
    features = vector_set((40, 13))
    with pytest.raises(SettingError, match="folds, repeats: expected at least 2 and 1, got 1, 5"):
        draw_splits(features, folds=1)
    with pytest.raises(SettingError, match=r"class 'rare' has 13 patient\(s\)"):
        draw_splits(features, folds=14)


def test_each_site_is_a_fold_in_the_order_of_names():
    X, y, who, sites = table()
    features = make_features(X, y, groups=who)
    (found,) = draw_splits(features, sites=sites).folds
    assert found.tolist() == [1] * 4 + [0] * 4 + [2] * 4
    splits = draw_splits(features, sites=sites, folds=99, repeats=99)
    assert len(splits.folds) == 1 and [place.fold for place in splits.places()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda y, s: s[:-1], DataError, r"expected one site a row \(24\), got \(23,\)"),
        (lambda y, s: np.where(s == "Cadiz", None, s), DataError, "some rows have no site"),
        (lambda y, s: np.full(24, "Bonn"), SettingError, "all patients come from 'Bonn'"),
        (
            lambda y, s: np.where(np.arange(24) == 1, "Cadiz", s),
            LeakError,
            "'p00' was examined at the sites",
        ),
        (
            lambda y, s: np.where(y == "rare", "Bonn", "Cadiz"),
            DataError,
            "every patient of class 'rare' comes from 'Bonn'",
        ),
    ],
)
def test_sites_that_cannot_be(change, error, words):
    X, y, who, sites = table()
    with pytest.raises(error, match=words):
        draw_splits(make_features(X, y, groups=who), sites=change(y, sites))
