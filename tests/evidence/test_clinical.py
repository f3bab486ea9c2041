"""Clinical scores against scikit-learn and by hand."""

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_curve

from rarecase.evidence.clinical import (
    calibration_intercept,
    calibration_slope,
    net_benefit,
    sensitivity_at,
    specificity_at,
)
from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit
from rarecase.evidence.metrics import metrics_of


def make_fit(n, seed, *, folds=1, digits=None, classes=2):
    """Probabilities that know something, in folds of their own; ties with `digits`."""
    rng = np.random.default_rng(seed)
    true = rng.permutation(np.arange(n) % classes)
    z = rng.normal(size=(n, classes)) + 1.2 * np.eye(classes)[true]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    if digits is not None:
        p[:, 1] = p[:, 1].round(digits)
        p[:, 0] = 1 - p[:, 1]
    return Fit(0, None, np.arange(n), true, p, np.arange(n) // math.ceil(n / folds))


def drawn(fit, draws=4, seed=0):
    weights = np.random.default_rng(seed).integers(0, 3, size=(draws, fit.true.size))
    weights[0] = 1
    return Drawn(fit, weights.astype(float), 1)


def curve(fit, weights, inside):
    kept = inside & (weights > 0)
    positive, score = fit.true[kept] == 1, fit.p[kept, 1]
    return roc_curve(positive, score, sample_weight=weights[kept], drop_intermediate=False)[:2]


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("folds", [1, 3])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.9, 1.0])
def test_points_of_the_roc_curve_are_those_of_scikit_learn(digits, folds, rate):
    fit = make_fit(120, 3, folds=folds, digits=digits)
    under = drawn(fit)
    sensitivity = sensitivity_at(under, specificity=rate)
    specificity = specificity_at(under, sensitivity=rate)
    for draw, weights in enumerate(under.weights):
        found, kept = [], []
        for fold in range(folds):
            alarms, hits = curve(fit, weights, fit.fold == fold)
            # np.interp takes the last of several values at one place: the top of a step.
            found.append(np.interp(1 - rate + 1e-12, alarms, hits))
            at = int(np.argmax(hits >= rate - 1e-12))
            share = (rate - hits[at - 1]) / (hits[at] - hits[at - 1])
            kept.append(1 - (alarms[at - 1] + share * (alarms[at] - alarms[at - 1])))
        assert sensitivity[draw] == pytest.approx(np.mean(found), abs=1e-7)
        assert specificity[draw] == pytest.approx(np.mean(kept), abs=1e-7)


def test_perfect_and_useless_rankings():
    true = np.array([0, 0, 0, 0, 1, 1])
    best = Drawn.once(Fit(0, None, np.arange(6), true, np.eye(2)[true], true * 0), rare=1)
    assert sensitivity_at(best, specificity=0.9) == 1 and specificity_at(best, sensitivity=0.9) == 1
    same = Drawn.once(Fit(0, None, np.arange(6), true, np.full((6, 2), 0.5), true * 0), rare=1)
    assert sensitivity_at(same, specificity=0.9) == pytest.approx(0.1, abs=1e-6)
    assert specificity_at(same, sensitivity=0.9) == pytest.approx(0.1, abs=1e-6)
    assert np.isnan(calibration_slope(best)).all()  # separated: no slope is best
    assert np.isnan(calibration_slope(same)).all()


def test_without_the_class_nothing_is_defined():
    fit = Fit(0, None, np.arange(4), np.zeros(4, int), np.full((4, 2), 0.5), np.zeros(4, int))
    for metric in metrics_of(["A", "B"], rare="B"):
        if metric.name.startswith(("sens", "spec", "calibration_s", "calibration_i", "auc")):
            assert np.isnan(metric.function(Drawn.once(fit, rare=1))).all()


def test_slope_and_intercept_are_those_of_logistic_regressions():
    fit = make_fit(400, 5)
    under = drawn(fit, draws=200)
    z, y = logit(fit.p[:, 1])[:, None], fit.true == 1
    for weights, tolerated in ((under.weights[0], 1e-5), (under.weights[1], 0.1)):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(z, y, weights)
        at = 0 if tolerated < 1e-3 else 1
        assert calibration_slope(under)[at] == pytest.approx(model.coef_[0, 0], abs=tolerated)
    # The rate of what is expected is that of what is there.
    a = calibration_intercept(under)[0]
    assert expit(a + z[:, 0]).mean() == pytest.approx(y.mean(), abs=1e-9)


def test_draws_of_the_slope_are_as_wide_as_those_that_are_fitted_anew():
    fit = make_fit(300, 7)
    rng = np.random.default_rng(1)
    weights = np.concatenate([np.ones((1, 300)), rng.multinomial(300, [1 / 300] * 300, size=300)])
    near = calibration_slope(Drawn(fit, weights, 1))[1:]
    z, y = logit(fit.p[:, 1])[:, None], fit.true == 1
    anew = [LogisticRegression(C=np.inf).fit(z, y, w).coef_[0, 0] for w in weights[1:]]
    assert near.std() == pytest.approx(np.std(anew), rel=0.1)
    assert np.corrcoef(near, anew)[0, 1] > 0.98


def test_probabilities_that_are_right_have_a_slope_of_one():
    rng = np.random.default_rng(0)
    p = expit(rng.normal(size=20000))
    fit = Fit(0, None, np.arange(p.size), (rng.random(p.size) < p).astype(int),
              np.column_stack([1 - p, p]), np.zeros(p.size, int))  # fmt: skip
    assert calibration_slope(Drawn.once(fit, rare=1)) == pytest.approx(1, abs=0.05)
    assert calibration_intercept(Drawn.once(fit, rare=1)) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("threshold", [0.1, 0.3, None])
def test_net_benefit_by_hand(threshold):
    fit = make_fit(90, 2, digits=2)
    under = drawn(fit)
    found = net_benefit(under, threshold=threshold)
    for weights, value in zip(under.weights, found, strict=True):
        t = threshold if threshold is not None else weights[fit.true == 1].sum() / weights.sum()
        (_, wrong), (_, right) = confusion_matrix(
            fit.true, fit.p[:, 1] >= t, sample_weight=weights
        )  # fmt: skip
        assert value == pytest.approx(right / weights.sum() - wrong / weights.sum() * t / (1 - t))


def test_acting_on_everybody_is_worth_nothing_at_the_share_of_the_class():
    fit = make_fit(60, 4)
    all_ = Fit(0, None, fit.patient, fit.true, np.tile([0.0, 1.0], (60, 1)), fit.fold)
    assert net_benefit(Drawn.once(all_, rare=1)) == pytest.approx(0, abs=1e-12)


def test_of_several_classes_there_is_one_of_each():
    names = [metric.name for metric in metrics_of("ABC", rare="B")]
    assert {"auc_rare", "auc_A", "auc_C", "brier", "brier_A", "net_benefit_C"} <= set(names)
    assert len(names) == len(set(names))
    fit = make_fit(90, 6, classes=3)
    of_a = next(m for m in metrics_of("ABC", rare="B") if m.name == "sensitivity_at_90_A")
    alone = Fit(0, None, fit.patient, (fit.true == 0).astype(int),
                np.column_stack([1 - fit.p[:, 0], fit.p[:, 0]]), fit.fold)  # fmt: skip
    expected = sensitivity_at(Drawn.once(alone, rare=1), specificity=0.9)
    assert of_a.function(Drawn.once(fit, rare=1)) == pytest.approx(expected)
