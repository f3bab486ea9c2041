"""Many logistic regressions at once are scikit-learn's, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rarecase.experiment.classifiers.logistic import Logistic, linear
from rarecase.experiment.classifiers.newton import fit_all

STRENGTHS = (0.1, 1.0, 100.0)


def sets(classes: int, width: int = 5, *, weighted: bool = True) -> list[tuple]:
    """Training sets of several lengths, every other one with weights."""
    rng, found = np.random.default_rng(0), []
    for number in range(4):
        y = np.r_[np.arange(classes), rng.integers(classes, size=30 + 7 * number)]
        X = (rng.normal(size=(len(y), width)) + 0.7 * y[:, None]) / np.sqrt(width)
        found.append((X, y, rng.uniform(0.2, 3, size=len(y)) if weighted and number % 2 else None))
    return found


@pytest.mark.parametrize("classes", [2, 3])
def test_all_at_once_are_scikit_learns_one_by_one(classes: int):
    each = sets(classes)
    for found, (X, y, weight) in zip(Logistic().fit_grid(each, STRENGTHS), each, strict=True):
        for ours, C in zip(found, STRENGTHS, strict=True):
            theirs = LogisticRegression(C=C, tol=1e-12, solver="newton-cholesky", max_iter=1000)
            theirs.fit(X, y, weight)
            np.testing.assert_allclose(
                ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7, rtol=0
            )
            alone = Logistic(C=C).fit(X, y, weight)
            np.testing.assert_allclose(alone.coef_, ours.coef_, atol=1e-6)
            w, b = linear(ours)
            logits = X @ w.T + b
            expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(ours.predict_proba(X), expected)


def test_classes_that_a_line_parts_have_a_minimum_too():
    X = np.r_[np.linspace(-2, -1, 20), np.linspace(1, 2, 20)][:, None] * 50
    y = np.repeat([0, 1], 20)
    ours = fit_all([(X, y, None)], [1e4], classes=2)[0, 0, 0]
    theirs = LogisticRegression(C=1e4, tol=1e-12, solver="newton-cholesky").fit(X, y)
    assert ours[0] == pytest.approx(theirs.coef_[0, 0], rel=1e-3)
    assert np.abs(ours[0] / 1e4 + (50 * 0)) < 1  # the penalty still holds it


def test_what_does_not_fit_together_goes_one_by_one():
    (X, y, _), (other, z, _) = sets(2)[0], sets(3, width=4)[1]
    found = Logistic().fit_grid([(X, y, None), (other, z, None)], STRENGTHS)
    assert [[m.coef_.shape for m in each] for each in found] == [[(1, 5)] * 3, [(3, 4)] * 3]
    wide = np.random.default_rng(0).normal(size=(len(y), 700))
    model = Logistic(C=2.0).fit(wide, y)
    theirs = LogisticRegression(C=2.0, max_iter=500).fit(wide, y)
    np.testing.assert_array_equal(model.coef_, theirs.coef_)
    with pytest.raises(ValueError, match="2 classes"):
        Logistic().fit(X, np.zeros(len(X)))
