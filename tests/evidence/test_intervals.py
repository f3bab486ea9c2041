import math

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    recall_score,
    roc_auc_score,
)

from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import (
    Draws,
    Scorer,
    arm_differences,
    arm_scores,
    draw_weights,
    make_draws,
    percentile_interval,
)
from rarecase.evidence.metrics import fit_scores, mean_scores, metrics_of


def once(n):
    """The scores themselves: everybody counts once."""
    return Draws(np.ones((1, n)), {})


def scorer(draws, *, rare=1, classes=2):
    return Scorer(draws, metrics_of("ABC"[:classes], rare="ABC"[rare]), rare)


def named(fit, weights, *, rare=1):
    """Every metric of a fit by its name: (draws,)."""
    metrics = metrics_of("ABC"[: fit.p.shape[1]], rare="ABC"[rare])
    values = fit_scores(Drawn(fit, weights, rare), metrics)
    return {metric.name: each for metric, each in zip(metrics, values, strict=True)}


def make_fit(n, classes, seed, *, folds=2, repeat=0, draw=0):
    rng = np.random.default_rng(seed)
    return Fit(
        repeat=repeat,
        seed=draw,
        patient=np.arange(n),
        true=np.arange(n) % classes,
        p=np.round(rng.dirichlet(np.ones(classes), size=n), 1),
        fold=np.arange(n) // classes % folds,
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_of_one_give_the_scores(classes):
    fit = make_fit(40, classes, seed=1)
    ones = arm_scores([fit], scorer(make_draws(fit.true, [0], draws=5), classes=classes))[:, 0]
    metrics = metrics_of("ABC"[:classes], rare="B")
    assert ones == pytest.approx(list(mean_scores([fit], metrics=metrics, rare=1).values()))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_draw_is_scored_as_if_its_patients_were_repeated(classes):
    fit = make_fit(45, classes, seed=2, folds=3)
    weights = draw_weights(fit.true, draws=5, seed=3)
    fast = named(fit, weights, rare=0)
    for draw, w in enumerate(weights.astype(int)):
        again = np.repeat(np.arange(45), w)
        true, p, fold = fit.true[again], fit.p[again], fit.fold[again]
        called = p.argmax(axis=1)
        recall = recall_score(true, called, average=None)
        folds = [
            roc_auc_score(true[fold == f] == 0, p[fold == f, 0])
            for f in range(3)
            if 0 < (true[fold == f] == 0).sum() < (fold == f).sum()
        ]
        precision = [
            average_precision_score(true[fold == f] == 0, p[fold == f, 0])
            for f in range(3)
            if (true[fold == f] == 0).any()
        ]
        found = {name: values[draw] for name, values in fast.items()}
        assert [found[f"recall_{c}"] for c in "ABC"[:classes]] == pytest.approx(recall)
        assert found["accuracy"] == pytest.approx((true == called).mean())
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, called))
        assert found["macro_f1"] == pytest.approx(f1_score(true, called, average="macro"))
        assert found["auc_rare"] == pytest.approx(np.mean(folds))
        assert found["average_precision"] == pytest.approx(np.mean(precision))
        assert found["brier"] == pytest.approx(np.mean((p[:, 0] - (true == 0)) ** 2))


def test_draws_keep_the_number_of_each_class_and_are_seeded():
    labels = np.array([0] * 7 + [1] * 3)
    weights = draw_weights(labels, draws=50, seed=0)
    assert (weights[:, labels == 0].sum(axis=1) == 7).all()
    assert (weights[:, labels == 1].sum(axis=1) == 3).all()
    assert np.array_equal(weights, draw_weights(labels, draws=50, seed=0))
    assert not np.array_equal(weights, draw_weights(labels, draws=50, seed=1))


def test_recall_interval_matches_the_binomial():
    # Resampling n patients of whom a share q is right: the recall is Binomial(n, q) / n.
    from scipy.stats import binom

    n, right = 40, 28
    p = np.array([[0.1, 0.9]] * right + [[0.9, 0.1]] * (n - right))
    fit = Fit(0, 0, np.arange(n), np.ones(n, int), p, np.zeros(n, int))
    draws = named(fit, draw_weights(fit.true, draws=4000, seed=0))["recall_B"]
    low, high = percentile_interval(draws)
    expected = binom(n, right / n).ppf([0.025, 0.975]) / n
    assert [low, high] == pytest.approx(expected, abs=0.026)


def test_difference_to_itself_is_zero_and_paired():
    fit = make_fit(30, 2, seed=5)
    score = scorer(make_draws(fit.true, [0], draws=20, seed=0))
    assert np.nan_to_num(arm_differences([fit], [fit], score)).max() == 0
    other = make_fit(30, 2, seed=6)
    moved = arm_differences([other], [fit], score)
    assert moved == pytest.approx(arm_scores([other], score) - arm_scores([fit], score))


def test_difference_is_taken_on_the_folds_both_have():
    control = make_fit(30, 2, seed=5)
    half = make_fit(30, 2, seed=6).restricted(frozenset({1}))
    score = scorer(once(30))
    moved = arm_differences([half], [control], score)
    tested = control.restricted(frozenset({1}))
    assert moved == pytest.approx(arm_scores([half], score) - arm_scores([tested], score))


def test_each_seed_meets_its_own_control_where_there_is_one():
    score = scorer(once(30))
    controls = [make_fit(30, 2, seed=s, draw=s) for s in (0, 1)]
    same = [make_fit(30, 2, seed=s, draw=s) for s in (0, 1)]
    moved = arm_differences(same, controls, score)
    assert moved == pytest.approx(np.zeros_like(moved))
    for foreign in (make_fit(30, 2, seed=0, draw=7), make_fit(30, 2, seed=0, draw=None)):
        moved = arm_differences([foreign], controls, score)  # no such control: the mean of both
        values = [score(c) for c in controls]
        assert moved == pytest.approx(values[0] - np.mean(values, axis=0))


def test_no_common_fold_gives_no_difference():
    fit = make_fit(30, 2, seed=5)
    other = make_fit(30, 2, seed=5, repeat=1)
    assert arm_differences([fit], [other], scorer(once(30))) is None


def test_interval_leaves_undefined_draws_out():
    assert percentile_interval(np.array([math.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert all(map(math.isnan, percentile_interval(np.array([math.nan]))))


def test_seeds_are_drawn_too_and_fits_without_one_count_once_in_every_draw():
    fits = [make_fit(30, 2, seed=s, draw=s) for s in (0, 1)]
    draws = make_draws(fits[0].true, [0, 1], draws=50, seed=0)
    score = scorer(draws)
    assert (draws.seeds[0] + draws.seeds[1]).tolist() == [2.0] * 51
    values = arm_scores(fits, score)
    first, second = (score(fit) for fit in fits)
    alone = draws.seeds[0] == 2
    assert alone.any() and not alone.all()
    assert values[:, alone] == pytest.approx(first[:, alone])
    assert values[:, 0] == pytest.approx((first[:, 0] + second[:, 0]) / 2)
    fixed = [make_fit(30, 2, seed=3, draw=None)]
    assert arm_scores(fixed, score) == pytest.approx(score(fixed[0]))
    assert not np.isnan(arm_scores(fixed, score)).any()


def test_each_fit_is_scored_once():
    fit = make_fit(30, 2, seed=5)
    score = scorer(once(30))
    assert score(fit) is score(fit, fit.folds)
    assert score(fit) is not score(fit, frozenset({1}))
