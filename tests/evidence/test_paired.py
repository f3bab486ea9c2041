import math

import numpy as np
import pytest
from scipy.stats import norm, spearmanr, t
from sklearn.metrics import roc_auc_score

from rarecase.evidence.fits import Fit
from rarecase.evidence.paired import OTHER_FEATURES, TRAINED, compare_fits


def fits(n, *, repeats=1, folds=2, seeds=(0,), skill=0.0, noise=1.0, seed=0, rare_share=0.4):
    """Fits of an arm whose rare patients score `skill` higher, noisily."""
    rng = np.random.default_rng(seed)
    true = (np.arange(n) < rare_share * n).astype(int)
    found = []
    for repeat in range(repeats):
        fold = np.empty(n, int)
        for c in (0, 1):
            inside = np.flatnonzero(true == c)
            fold[rng.permutation(inside)] = np.arange(inside.size) % folds
        for s in seeds:
            z = skill * true + noise * rng.normal(size=n)
            p = 1 / (1 + np.exp(-z))
            found.append(Fit(repeat, s, np.arange(n), true, np.stack([1 - p, p], 1), fold))
    return found


def same_folds(arm, control):
    """The control's patients in the arm's folds."""
    return [
        Fit(c.repeat, c.seed, c.patient, c.true, c.p, a.fold)
        for a, c in zip(arm, control, strict=True)
    ]


def auc(fit, score):
    return np.mean(
        [roc_auc_score(fit.true[fit.fold == f], score[fit.fold == f]) for f in np.unique(fit.fold)]
    )


def test_the_difference_is_that_of_the_mean_aucs():
    arm = fits(40, repeats=2, seeds=(0, 1), seed=1, skill=0.5)
    control = same_folds(arm, fits(40, repeats=2, seeds=(0, 1), seed=2))
    found = compare_fits(arm, control, rare=1)
    each = [auc(a, a.p[:, 1]) - auc(c, c.p[:, 1]) for a, c in zip(arm, control, strict=True)]
    assert found.difference == pytest.approx(np.mean(each))


def by_hand(arm, control):
    """Difference, variance and degrees of freedom by loops over patients and pairs of them."""
    moved = {}
    for a, c in zip(arm, control, strict=True):
        for f in np.unique(a.fold):
            inside = np.flatnonzero(a.fold == f)
            for i in inside:
                others = [j for j in inside if a.true[j] != a.true[i]]
                sign = 1 if a.true[i] else -1
                wins = [
                    np.mean([(np.sign(sign * (fit.p[i, 1] - fit.p[j, 1])) + 1) / 2 for j in others])
                    for fit in (a, c)
                ]
                moved.setdefault((int(a.true[i]), int(a.patient[i])), []).append(wins[0] - wins[1])
    means = {side: [np.mean(v) for (s, _), v in moved.items() if s == side] for side in (0, 1)}
    parts = [np.var(m, ddof=1) / len(m) for m in means.values()]
    sizes = [len(m) for m in means.values()]
    freedom = sum(parts) ** 2 / sum(v**2 / (n - 1) for v, n in zip(parts, sizes, strict=True))
    return np.mean(means[1]), sum(parts), freedom


@pytest.mark.parametrize("repeats", [1, 3])
def test_error_and_freedom_against_loops_over_patients(repeats):
    # Folds of equal size: the mean over patients is then the mean over folds.
    arm = fits(40, repeats=repeats, seeds=(0, 1), skill=1.0, seed=3, rare_share=0.5)
    arm[0] = Fit(0, 0, arm[0].patient, arm[0].true, np.round(arm[0].p, 1), arm[0].fold)  # ties
    control = same_folds(arm, fits(40, repeats=repeats, seeds=(0, 1), seed=4, rare_share=0.5))
    found = compare_fits(arm, control, rare=1)
    difference, variance, freedom = by_hand(arm, control)
    assert found.difference == pytest.approx(difference)
    alike = np.mean([
        spearmanr(a.p[a.fold == f, 1], c.p[c.fold == f, 1]).statistic
        for a, c in zip(arm, control, strict=True) for f in (0, 1)
    ])  # fmt: skip
    assert found.likeness == pytest.approx(alike)
    assert found.error**2 == pytest.approx(
        variance * (TRAINED.repeated if repeats > 1 else TRAINED.once)
    )
    assert found.freedom == pytest.approx(freedom)
    assert found.p_greater == pytest.approx(t.sf(difference / found.error, freedom))
    assert found.p_less == pytest.approx(1 - found.p_greater)
    low, high = found.interval(level=0.9)
    assert (low + high) / 2 == pytest.approx(found.difference)
    # The 90 % interval excludes 0 where a one-sided p is below 5 %.
    assert t.sf((found.difference - low) / found.error, freedom) == pytest.approx(0.05)


@pytest.mark.parametrize(("repeats", "times"), [(1, 1.6), (3, 2.0)])
def test_between_other_features_nothing_that_was_learnt_cancels_out(repeats, times):
    arm = fits(60, repeats=repeats, skill=1.0, seed=3, rare_share=0.5)
    control = same_folds(arm, fits(60, repeats=repeats, seed=4, rare_share=0.5))
    found = compare_fits(arm, control, rare=1, learning=OTHER_FEATURES)
    assert found.error**2 == pytest.approx(by_hand(arm, control)[1] * times)


def test_who_is_tested_by_every_training_has_trained_for_none():
    arm = fits(50, repeats=3, folds=5, skill=1.0, seed=3)
    outside = [Fit(f.repeat, f.seed, f.patient, f.true, f.p, 0 * f.fold) for f in arm]
    other = same_folds(outside, fits(50, repeats=3, folds=5, seed=4))
    found = compare_fits(outside, other, rare=1)
    assert found.error**2 == pytest.approx(by_hand(outside, other)[1])


def test_a_monotone_change_of_scale_is_no_difference_and_no_proof():
    arm = fits(40, repeats=2, seed=5)
    stretched = [Fit(f.repeat, 0, f.patient, f.true, f.p**3, f.fold) for f in arm]
    found = compare_fits(stretched, arm, rare=1)
    assert found.difference == found.error == 0
    assert found.p_greater == found.p_less == 1
    assert np.isnan(found.interval(level=0.9)).all()
    assert math.isnan(found.detectable(alpha=0.05))


def test_without_a_rare_patient_nothing_is_known_and_with_one_no_error():
    lonely = [Fit(0, 0, np.arange(5), np.zeros(5, int), np.full((5, 2), 0.5), np.zeros(5, int))]
    found = compare_fits(lonely, lonely, rare=1)
    assert math.isnan(found.difference) and math.isnan(found.p_greater)
    rng, true = np.random.default_rng(0), np.array([1, 0, 0, 0, 0, 0])
    pair = [
        [Fit(0, 0, np.arange(6), true, np.stack([-z, z], 1), np.zeros(6, int))]
        for z in rng.normal(size=(2, 6))
    ]
    one = compare_fits(*pair, rare=1)
    assert not one.known and one.p_greater == one.p_less == 1


def test_a_better_arm_is_found_and_a_worse_one_mirrored():
    arm = fits(100, repeats=5, folds=5, skill=3.0, noise=0.5, seed=8)
    control = same_folds(arm, fits(100, repeats=5, folds=5, skill=0.5, seed=9))
    better, worse = (compare_fits(*pair, rare=1) for pair in ((arm, control), (control, arm)))
    assert better.p_greater < 0.001 < 0.9 < better.p_less
    assert worse.difference == pytest.approx(-better.difference)
    assert worse.p_less < 0.001


def test_detectable_effects_are_detected_eight_times_in_ten():
    """The smallest detectable difference of one fold, against the test's power."""
    rng = np.random.default_rng(0)
    hits, sizes, gains = 0, [], []
    for _ in range(200):
        n, rare = 120, 40
        true = (np.arange(n) < rare).astype(int)
        base = rng.normal(size=n) + true
        arm, control = (base + rng.normal(0, 0.5, n) + skill * true for skill in (0.27, 0.0))
        pair = [
            Fit(0, 0, np.arange(n), true, np.stack([-z, z], 1), np.zeros(n, int))
            for z in (arm, control)
        ]
        found = compare_fits([pair[0]], [pair[1]], rare=1)
        hits += found.p_greater < 0.05
        sizes.append(found.detectable(alpha=0.05))
        gains.append(found.difference)
    power = hits / 200
    expected = norm.sf(
        norm.ppf(0.95) - np.mean(gains) / (np.mean(sizes) / (norm.ppf(0.95) + norm.ppf(0.8)))
    )
    assert power == pytest.approx(expected, abs=0.1)
