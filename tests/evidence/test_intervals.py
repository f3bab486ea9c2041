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

from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import (
    Draws,
    arm_differences,
    arm_scores,
    draw_weights,
    make_draws,
    percentile_interval,
    weighted_scores,
)
from rarecase.evidence.scores import score_fit, score_names


def once(n):
    """The scores themselves: everybody counts once."""
    return Draws(np.ones((1, n)), {})


def make_fit(n, classes, seed, *, folds=2, repeat=0, generator_seed=0):
    rng = np.random.default_rng(seed)
    return Fit(
        repeat=repeat,
        seed=generator_seed,
        patient=np.arange(n),
        true=np.arange(n) % classes,
        p=np.round(rng.dirichlet(np.ones(classes), size=n), 1),
        fold=np.arange(n) // classes % folds,
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_of_one_give_the_scores(classes):
    fit = make_fit(40, classes, seed=1)
    ones = weighted_scores(fit, np.ones((1, 40)), rare=1)[0]
    assert ones == pytest.approx(score_fit(fit.true, fit.p, fit.fold, rare=1))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_draw_is_scored_as_if_its_patients_were_repeated(classes):
    fit = make_fit(45, classes, seed=2, folds=3)
    weights = draw_weights(fit.true, draws=5, seed=3)
    fast = weighted_scores(fit, weights, rare=0)
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
        named = dict(zip(score_names("ABC"[:classes]), fast[draw], strict=True))
        assert [named[f"recall_{c}"] for c in "ABC"[:classes]] == pytest.approx(recall)
        assert named["accuracy"] == pytest.approx((true == called).mean())
        assert named["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, called))
        assert named["macro_f1"] == pytest.approx(f1_score(true, called, average="macro"))
        assert named["auc_rare"] == pytest.approx(np.mean(folds))
        assert named["average_precision"] == pytest.approx(np.mean(precision))
        assert named["brier"] == pytest.approx(np.mean((p[:, 0] - (true == 0)) ** 2))


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
    draws = weighted_scores(fit, draw_weights(fit.true, draws=4000, seed=0), rare=1)[:, 1]
    low, high = percentile_interval(draws)
    expected = binom(n, right / n).ppf([0.025, 0.975]) / n
    assert [low, high] == pytest.approx(expected, abs=0.026)


def test_difference_to_itself_is_zero_and_paired():
    fit = make_fit(30, 2, seed=5)
    weights = make_draws(fit.true, [0], draws=20, seed=0)
    assert np.nan_to_num(arm_differences([fit], [fit], weights, rare=1)).max() == 0
    other = make_fit(30, 2, seed=6)
    moved = arm_differences([other], [fit], weights, rare=1)
    direct = arm_scores([other], weights, rare=1) - arm_scores([fit], weights, rare=1)
    assert moved == pytest.approx(direct)


def test_difference_is_taken_on_the_folds_both_have():
    control = make_fit(30, 2, seed=5)
    half = make_fit(30, 2, seed=6).restricted(frozenset({1}))
    weights = once(30)
    moved = arm_differences([half], [control], weights, rare=1)
    tested = control.restricted(frozenset({1}))
    base = score_fit(tested.true, tested.p, np.ones(tested.true.size), rare=1)
    mine = score_fit(half.true, half.p, half.fold, rare=1)
    assert moved[0] == pytest.approx(mine - base)


def test_each_generator_seed_meets_its_own_control_where_there_is_one():
    weights = once(30)
    controls = [make_fit(30, 2, seed=s, generator_seed=s) for s in (0, 1)]
    same = [make_fit(30, 2, seed=s, generator_seed=s) for s in (0, 1)]
    moved = arm_differences(same, controls, weights, rare=1)
    assert moved == pytest.approx(np.zeros_like(moved))
    foreign = make_fit(30, 2, seed=0, generator_seed=7)  # no such control: the mean of both
    moved = arm_differences([foreign], controls, weights, rare=1)[0]
    values = [weighted_scores(c, weights.patients, rare=1)[0] for c in controls]
    assert moved == pytest.approx(values[0] - np.mean(values, axis=0))


def test_no_common_fold_gives_no_difference():
    fit = make_fit(30, 2, seed=5)
    other = make_fit(30, 2, seed=5, repeat=1)
    assert arm_differences([fit], [other], once(30), rare=1) is None


def test_interval_leaves_undefined_draws_out():
    assert percentile_interval(np.array([math.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert all(map(math.isnan, percentile_interval(np.array([math.nan]))))


def test_generator_seeds_are_drawn_too():
    fits = [make_fit(30, 2, seed=s, generator_seed=s) for s in (0, 1)]
    draws = make_draws(fits[0].true, [0, 1], draws=50, seed=0)
    assert (draws.seeds[0] + draws.seeds[1]).tolist() == [2.0] * 51
    values = arm_scores(fits, draws, rare=1)
    first, second = (weighted_scores(fit, draws.patients, rare=1) for fit in fits)
    alone = draws.seeds[0] == 2
    assert alone.any() and not alone.all()
    assert values[alone] == pytest.approx(first[alone])
    assert values[0] == pytest.approx((first[0] + second[0]) / 2)
    fixed = [make_fit(30, 2, seed=3, generator_seed=-1)]  # an arm without a generator
    assert arm_scores(fixed, draws, rare=1) == pytest.approx(
        weighted_scores(fixed[0], draws.patients, rare=1)
    )
