"""The linear classifier against scikit-learn by hand, and the place that picks."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rarecase.errors import DataError, SettingError
from rarecase.experiment.classifiers import FeatureCNN, LinearClassifier, make_classifier


def toy(n=80, seed=0):
    rng = np.random.default_rng(seed)
    y = np.array(["HGG", "LGG", "oligo"])[rng.integers(3, size=n)]
    X = rng.normal(0, 1, (n, 5)) * [1, 10, 100, 1, 1]
    X[y == "LGG", 0] += 3
    X[y == "oligo", 1] += 30
    return X.astype(np.float32), y


def test_against_standardising_by_hand():
    X, y = toy()
    more, more_y = toy(20, seed=1)
    both, both_y = np.concatenate([X, more]), np.concatenate([y, more_y])
    mean, std = both.mean(0, dtype=float), both.std(0, dtype=float)
    reference = LogisticRegression(max_iter=2000).fit((both - mean) / std, both_y)
    ours = LinearClassifier().fit(X, y, extra=(more, more_y))
    assert ours.classes_ == reference.classes_.tolist()
    test, test_y = toy(50, seed=2)
    expected = reference.predict_proba((test - mean) / std)
    np.testing.assert_allclose(ours.predict_proba(test), expected, atol=1e-3)
    assert (ours.predict(test) == test_y).mean() > 0.7
    assert ours.history_["accuracy"][0] == pytest.approx((ours.predict(both) == both_y).mean())


def test_rows():
    X, y = toy()
    rows = np.arange(0, 80, 2)
    np.testing.assert_array_equal(
        LinearClassifier().fit(X, y[rows], rows=rows).predict_proba(X, rows=[3, 1]),
        LinearClassifier().fit(X[rows], y[rows]).predict_proba(X[[3, 1]]),
    )


def test_refusals():
    X, y = toy()
    broken = X.copy()
    broken[4, 0] = np.inf
    with pytest.raises(DataError, match="sample 4 holds NaN or infinite"):
        LinearClassifier().fit(broken, y)
    with pytest.raises(DataError, match="NaN or infinite"):
        LinearClassifier().fit(X, y).predict_proba(broken)
    with pytest.raises(DataError, match="vectors"):
        LinearClassifier().fit(X[:, :, None, None], y)
    with pytest.raises(DataError, match="expected samples of shape"):
        LinearClassifier().fit(X, y).predict_proba(X[:, :2])
    with pytest.raises(SettingError, match="not fitted"):
        LinearClassifier().predict_proba(X)
    with pytest.raises(SettingError, match="C > 0"):
        LinearClassifier(C=0)


def test_make_classifier():
    net = make_classifier("auto", (4, 8, 8), epochs=3, dense=7, random_state=5)
    assert isinstance(net, FeatureCNN)
    assert (net.epochs, net.dense, net.random_state) == (3, 7, 5)
    assert isinstance(make_classifier("linear", (4,)), LinearClassifier)
    with pytest.raises(SettingError, match="did you mean 'linear'"):
        make_classifier("liner", (4,))
    with pytest.raises(SettingError, match="use 'linear'"):
        make_classifier("cnn", (4,))
    with pytest.raises(SettingError, match="use 'cnn'"):
        make_classifier("linear", (4, 8, 8))
    with pytest.raises(SettingError, match="maps"):
        make_classifier("auto", (4, 8, 8, 8, 8))
