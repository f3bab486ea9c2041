"""Curves of an arm against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from rarecase.evidence.clinical import net_benefit
from rarecase.evidence.curves import curves_of
from rarecase.evidence.drawn import Drawn, decide
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import make_draws


def make_fits(n, *, repeats=2, seeds=(0, 1), classes=3):
    true = np.arange(n) % classes
    for number, (repeat, seed) in enumerate((r, s) for r in range(repeats) for s in seeds):
        rng = np.random.default_rng(number)
        p = np.exp(rng.normal(size=(n, classes)) + np.eye(classes)[true])
        p /= p.sum(axis=1, keepdims=True)
        yield Fit(repeat, seed, np.arange(n), true, p, true * 0, np.full(n, 0.3))


@pytest.fixture(scope="module")
def there():
    fits = [*make_fits(90)]
    draws = make_draws(fits[0].true, [0, 1], draws=400, seed=1)
    return fits, draws, curves_of(fits, draws, classes=("A", "B", "C"), rare=1)


def test_confusion_is_the_mean_of_those_of_scikit_learn(there):
    fits, _, curves = there
    for name, threshold in (("default", None), ("tuned", 0.3)):
        called = [
            decide(f.p, rare=1, threshold=None if threshold is None else f.threshold) for f in fits
        ]
        each = [confusion_matrix(f.true, c) for f, c in zip(fits, called, strict=True)]
        found = [[*row.values()] for row in curves["confusion"][name].values()]
        assert np.allclose(found, np.mean(each, axis=0))
    assert [*curves["confusion"]["default"]["A"]] == ["A", "B", "C"]


def test_calibration_is_the_curve_of_scikit_learn(there):
    fits, _, curves = there
    true = np.concatenate([fit.true == 1 for fit in fits])
    p = np.concatenate([fit.p[:, 1] for fit in fits])
    share, mean = calibration_curve(true, p, n_bins=5, strategy="quantile")
    assert [each["p"] for each in curves["calibration"]] == pytest.approx(mean)
    assert [each["share"]["value"] for each in curves["calibration"]] == pytest.approx(share)
    assert sum(each["patients"] for each in curves["calibration"]) == pytest.approx(90)
    assert all(e["share"]["low"] <= e["share"]["value"] <= e["share"]["high"]
               for e in curves["calibration"])  # fmt: skip


def test_decision_is_the_net_benefit_at_every_threshold(there):
    fits, draws, curves = there
    for each in curves["decision"][::4]:
        asked = {"threshold": each["threshold"]}
        mean = np.mean([net_benefit(Drawn.once(fit, rare=1), **asked) for fit in fits])
        assert each["net_benefit"]["value"] == pytest.approx(mean)
        weighted = np.zeros(len(draws.patients))
        for fit in fits:
            under = Drawn(fit, draws.of_patients(fit), 1)
            weighted += draws.of_seed(fit) * net_benefit(under, **asked)
        low, high = np.quantile(weighted[1:] / len(fits), [0.025, 0.975])
        assert (each["net_benefit"]["low"], each["net_benefit"]["high"]) == pytest.approx(
            (low, high)
        )
        share, t = 1 / 3, each["threshold"]
        assert each["all"] == pytest.approx(share - (1 - share) * t / (1 - t))


def test_probabilities_that_are_all_alike_make_one_bin():
    fit = Fit(0, None, np.arange(6), np.arange(6) % 2, np.full((6, 2), 0.5), np.zeros(6, int))
    draws = make_draws(fit.true, [], draws=20)
    (only,) = curves_of([fit], draws, classes=("A", "B"), rare=1)["calibration"]
    assert only["patients"] == 6 and only["share"]["value"] == 0.5
