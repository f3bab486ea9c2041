import itertools
import math

import numpy as np
import pytest
from scipy.stats import rankdata, ttest_1samp
from sklearn.metrics import roc_auc_score

from rarecase.evidence.fits import Fit
from rarecase.evidence.paired import (
    Comparison,
    compare_fits,
    contributions,
    fold_differences,
    pair_folds,
    permutation_p,
    resampled_error,
)


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
    found = compare_fits(arm, control, rare=1, permutations=99)
    each = [auc(a, a.p[:, 1]) - auc(c, c.p[:, 1]) for a, c in zip(arm, control, strict=True)]
    assert found.difference == pytest.approx(np.mean(each))
    by_fold = fold_differences(list(pair_folds(arm, control, rare=1)))
    assert by_fold.size == 4
    assert by_fold.mean() == pytest.approx(np.mean(each))


@pytest.mark.parametrize("seed", range(3))
def test_swapping_a_patients_arms_flips_the_sign_of_its_share(seed):
    """The linear form against swapping the ranks and computing the AUC anew, for every swap."""
    arm = fits(8, folds=2, seed=seed, rare_share=0.5)
    arm[0] = Fit(0, 0, arm[0].patient, arm[0].true, np.round(arm[0].p, 1), arm[0].fold)  # ties
    control = same_folds(arm, fits(8, seed=seed + 10, rare_share=0.5))
    share = contributions(list(pair_folds(arm, control, rare=1)))
    a, c = arm[0], control[0]
    ranks = []
    for fit in (a, c):
        rank = np.empty(8)
        for f in np.unique(fit.fold):
            rank[fit.fold == f] = rankdata(fit.p[fit.fold == f, 1])
        ranks.append(rank)
    sums, direct = [], []
    for swap in itertools.product([False, True], repeat=8):
        swap = np.array(swap)
        first, second = np.where(swap, ranks[1], ranks[0]), np.where(swap, ranks[0], ranks[1])
        direct.append(auc(a, first) - auc(a, second))
        sums.append(share @ np.where(swap, -1.0, 1.0))
    assert sums == pytest.approx(direct)
    exact = np.mean(np.array(direct) >= direct[0] - 1e-12)
    greater, _ = permutation_p(share, permutations=20_000, seed=0)
    assert greater == pytest.approx(exact, abs=0.01)


def test_permutation_p_against_scipy():
    from scipy.stats import permutation_test

    share = np.random.default_rng(0).normal(0.2, 1.0, 40)
    found = permutation_test(
        (share,), np.sum, permutation_type="samples", alternative="greater", n_resamples=20_000,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    greater, less = permutation_p(share, permutations=20_000, seed=2)
    assert greater == pytest.approx(found.pvalue, abs=0.01)
    assert less == pytest.approx(1 - greater, abs=0.01)


def test_error_without_overlap_is_the_t_tests_own_and_with_it_nadeau_and_bengios():
    d = np.array([0.1, 0.05, -0.02, 0.08, 0.03])
    error, freedom = resampled_error(d, overlap=0.0)
    found = ttest_1samp(d, 0, alternative="greater")
    assert d.mean() / error == pytest.approx(found.statistic)
    assert freedom == found.df
    corrected, _ = resampled_error(d, overlap=0.25)
    assert corrected == pytest.approx(math.sqrt((1 / 5 + 0.25) * d.var(ddof=1)))
    assert math.isnan(resampled_error(d[:1], overlap=0.25)[0])


def test_overlap_is_test_over_training_in_cross_validation_and_none_outside_it():
    arm = fits(50, repeats=2, folds=5, skill=1.0, seed=3)
    control = same_folds(arm, fits(50, repeats=2, folds=5, seed=4))
    found = compare_fits(arm, control, rare=1, permutations=99)
    by_fold = fold_differences(list(pair_folds(arm, control, rare=1)))
    score = by_fold.mean() / math.sqrt((1 / 10 + 1 / 4) * by_fold.var(ddof=1))
    from scipy.stats import t

    assert found.t_p_greater == pytest.approx(t.sf(score, 9))
    outside = [Fit(f.repeat, f.seed, f.patient, f.true, f.p, 0 * f.fold) for f in arm]
    other = same_folds(outside, control)
    external = compare_fits(outside, other, rare=1, permutations=99)
    by_fold = fold_differences(list(pair_folds(outside, other, rare=1)))
    assert external.t_p_greater == pytest.approx(
        ttest_1samp(by_fold, 0, alternative="greater").pvalue
    )


def test_a_monotone_change_of_scale_is_no_difference():
    arm = fits(40, repeats=2, seed=5)
    stretched = [Fit(f.repeat, 0, f.patient, f.true, f.p**3, f.fold) for f in arm]
    found = compare_fits(stretched, arm, rare=1, permutations=99)
    assert found.difference == 0
    assert found.p_greater == found.p_less == 1


def test_one_fold_leaves_the_permutation_alone_and_no_rare_patient_nothing():
    arm, control = fits(40, folds=1, skill=3.0, seed=6), fits(40, folds=1, seed=7)
    found = compare_fits(arm, control, rare=1)
    assert math.isnan(found.t_p_greater)
    assert found.p_greater == found.permutation_p_greater < 0.01
    assert 0 < found.detectable(alpha=0.05) < 1
    lonely = [Fit(0, 0, np.arange(5), np.zeros(5, int), np.full((5, 2), 0.5), np.zeros(5, int))]
    assert math.isnan(compare_fits(lonely, lonely, rare=1).difference)


def test_arms_that_never_differ_do_not_say_what_would_have_been_found():
    same = Comparison(0.0, 1.0, 1.0, math.nan, math.nan, 0.0, 4.0)
    assert math.isnan(same.detectable(alpha=0.05))


def test_a_better_arm_is_found_and_a_worse_one_mirrored():
    arm = fits(100, repeats=5, folds=5, skill=3.0, noise=0.5, seed=8)
    control = same_folds(arm, fits(100, repeats=5, folds=5, skill=0.5, seed=9))
    better = compare_fits(arm, control, rare=1, seed=1)
    worse = compare_fits(control, arm, rare=1, seed=1)
    assert better.p_greater < 0.001 < 0.9 < better.p_less
    assert worse.difference == pytest.approx(-better.difference)
    assert worse.p_less < 0.001


def test_detectable_effects_are_detected_eight_times_in_ten():
    """The smallest detectable difference of one fold, against the power of the permutation test."""
    rng = np.random.default_rng(0)
    hits, sizes, gains = 0, [], []
    for trial in range(200):
        n, rare = 120, 40
        true = (np.arange(n) < rare).astype(int)
        base = rng.normal(size=n) + true
        arm, control = (base + rng.normal(0, 0.5, n) + skill * true for skill in (0.27, 0.0))
        pair = [
            Fit(0, 0, np.arange(n), true, np.stack([-z, z], 1), np.zeros(n, int))
            for z in (arm, control)
        ]
        found = compare_fits([pair[0]], [pair[1]], rare=1, permutations=999, seed=trial)
        hits += found.p_greater < 0.05
        sizes.append(found.detectable(alpha=0.05))
        gains.append(found.difference)
    power = hits / 200
    from scipy.stats import norm

    expected = norm.sf(
        norm.ppf(0.95) - np.mean(gains) / (np.mean(sizes) / (norm.ppf(0.95) + norm.ppf(0.8)))
    )
    assert power == pytest.approx(expected, abs=0.1)
