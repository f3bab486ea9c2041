"""Our discriminant analysis says what scikit-learn's says."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as reference
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from rarecase.experiment.classifiers.lda import Lda, ledoit_wolf


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("n", "d"), [(40, 1), (40, 6), (30, 25), (200, 120)])
def test_probabilities_are_those_of_scikit_learn(classes, n, d):
    rng = np.random.default_rng(d)
    y = np.array(["a", "b", "c"])[np.minimum(rng.permutation(n) % 5, classes - 1)]
    X = rng.normal(size=(n, d)) * rng.uniform(0.1, 10, size=d) + (y == "b")[:, None]
    if d > 2:
        X[:, 1] = 3.0  # the same for all
        X[y == "a", 2] = -1.0  # for one class
    ours = Lda().fit(X, y)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X, y)
    new = rng.normal(size=(50, d))
    assert np.allclose(ours.predict_proba(new), theirs.predict_proba(new), atol=1e-9)
    assert ours.classes_.tolist() == theirs.classes_.tolist()
    assert (ours.predict(new) == theirs.predict(new)).all()


def test_the_covariance_is_ledoit_and_wolfs():
    X = np.random.default_rng(0).normal(size=(30, 8)) @ np.diag(np.arange(1.0, 9))
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = reference(scaled)[0] * np.outer(X.std(axis=0), X.std(axis=0))
    assert np.allclose(ledoit_wolf(X), expected)


@pytest.mark.filterwarnings("ignore:Only one sample")
def test_a_class_with_one_row_is_left_to_scikit_learn():
    X, y = np.random.default_rng(1).normal(size=(9, 2)), np.repeat(["a", "b"], [8, 1])
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X, y)
    assert np.allclose(Lda().fit(X, y).predict_proba(X), theirs.predict_proba(X))
