import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_auc_score,
)

from rarecase.evidence.drawn import Drawn, decide
from rarecase.evidence.fits import Fit, fits_of
from rarecase.evidence.metrics import (
    balanced_accuracy,
    calibration_error,
    mean_scores,
    metrics_of,
    recall,
)
from rarecase.evidence.predictions import KEY
from rarecase.ranking import concordance, fold_concordance, rare_share


def sample(n, classes, seed, *, ties=True):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), size=n)
    if ties:
        p = np.round(p, 1)
    return rng.integers(0, classes, n), p


def make_fit(true, p, fold=None, threshold=None):
    true = np.asarray(true)
    fold = np.zeros(true.size, int) if fold is None else fold
    return Fit(0, 0, np.arange(true.size), true, np.asarray(p), fold, threshold)


def scored(fit, *, rare, classes="ABCD"):
    """Every metric by its name, everybody counted once."""
    metrics = metrics_of(classes[: fit.p.shape[1]], rare=classes[rare])
    return {m.name: m.function(Drawn.once(fit, rare=rare)).item() for m in metrics}


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_against_scikit_learn_within_one_fold(classes):
    true, p = sample(200, classes, seed=classes)
    named = scored(make_fit(true, p), rare=1, classes="0123")
    called = p.argmax(axis=1)
    expected = recall_score(true, called, average=None, labels=range(classes))
    assert [named[f"recall_{c}"] for c in range(classes)] == pytest.approx(expected)
    assert named["accuracy"] == pytest.approx(accuracy_score(true, called))
    assert named["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, called))
    assert named["macro_f1"] == pytest.approx(f1_score(true, called, average="macro"))
    assert named["average_precision"] == pytest.approx(average_precision_score(true == 1, p[:, 1]))
    assert named["brier"] == pytest.approx(brier_score_loss(true == 1, p[:, 1]))
    assert named["tuned_macro_f1"] == named["macro_f1"]  # no threshold was tuned
    assert named["auc_rare"] == pytest.approx(roc_auc_score(true == 1, p[:, 1]))
    if classes > 2:
        one_vs_rest = np.mean([roc_auc_score(true == c, p[:, c]) for c in range(classes)])
        assert named["auc_macro"] == pytest.approx(one_vs_rest)
    else:
        assert "auc_macro" not in named


def test_macro_auc_is_scikit_learns_ovr():
    true, p = sample(300, 3, seed=9, ties=False)
    named = scored(make_fit(true, p), rare=0)
    expected = roc_auc_score(true, p, multi_class="ovr", average="macro")
    assert named["auc_macro"] == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30),
)
def test_concordance_counts_pairs(samples):
    score = np.array([s for s, _ in samples], float)
    positive = np.array([p for _, p in samples])
    pairs = [(a, b) for a in score[positive] for b in score[~positive]]
    if not pairs:
        assert math.isnan(concordance(score, positive))
    else:
        wins = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
        assert concordance(score, positive) == pytest.approx(wins / len(pairs))


def test_pairs_across_folds_are_not_compared():
    # Within each fold the positives rank first; between the folds the scales differ.
    score = np.array([0.2, 0.1, 0.9, 0.8])
    positive = np.array([True, False, True, False])
    fold = np.array([0, 0, 1, 1])
    assert fold_concordance(score, positive, fold) == 1.0
    assert concordance(score, positive) == 0.75


def test_a_fold_without_rare_patients_is_left_out():
    score = np.array([0.1, 0.9, 0.5, 0.4])
    positive = np.array([False, True, False, False])
    assert fold_concordance(score, positive, np.array([0, 0, 1, 1])) == 1.0
    assert math.isnan(fold_concordance(score, np.zeros(4, bool), np.array([0, 0, 1, 1])))


def test_equal_probabilities_call_the_first_class():
    assert decide(np.array([[0.5, 0.5], [0.49, 0.51]])).tolist() == [0, 1]


def test_absent_class_has_no_recall():
    drawn = Drawn.once(make_fit([0, 0, 2], np.eye(3)), rare=1)
    assert recall(drawn, of=0) == 0.5
    assert math.isnan(recall(drawn, of=1).item())
    assert balanced_accuracy(drawn) == 0.75  # the mean over those that are there


@pytest.mark.parametrize("classes", [2, 3])
def test_a_tuned_threshold_decides_and_touches_nothing_else(classes):
    true, p = sample(200, classes, seed=5)
    before = scored(make_fit(true, p), rare=1)
    after = scored(make_fit(true, p, threshold=np.full(200, 0.2)), rare=1)
    share = p[:, 1] / (p[:, 1] + np.delete(p, 1, axis=1).max(axis=1))
    assert rare_share(p, rare=1) == pytest.approx(share)
    others = np.array([0, *range(2, classes)])[np.delete(p, 1, axis=1).argmax(axis=1)]
    called = np.where(share > 0.2, 1, others)
    assert after["tuned_balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, called))
    assert after["tuned_recall_B"] > before["recall_B"]
    assert after["tuned_accuracy"] == pytest.approx(accuracy_score(true, called))
    assert after["tuned_macro_f1"] == pytest.approx(f1_score(true, called, average="macro"))
    same = [name for name in before if not name.startswith("tuned_")]
    assert [after[name] for name in same] == [before[name] for name in same]


def test_calibration_error_by_brute_force():
    rng = np.random.default_rng(0)
    p, positive = np.append(rng.random(99), 1.0), rng.random(100) < 0.4
    total = 0.0
    for low in np.arange(10) / 10:
        inside = [i for i in range(100) if low <= p[i] < low + 0.1 or (p[i] == 1 and low == 0.9)]
        if inside:
            total += len(inside) / 100 * abs(p[inside].mean() - positive[inside].mean())
    fit = make_fit(positive.astype(int), np.stack([1 - p, p], 1))
    assert calibration_error(Drawn.once(fit, rare=1)) == pytest.approx(total)


def table(repeat, seed, fold, labels, p_b):
    p = np.asarray(p_b, float)
    return pd.DataFrame(
        {
            **dict.fromkeys(KEY, "x"),
            "repeat": repeat,
            "seed": seed,
            "fold": fold,
            "patient": [f"p{i}" for i in range(len(p))],
            "label": list(labels),
            "threshold": np.nan,
            "p_A": 1 - p,
            "p_B": p,
        }
    )


def averaged(table, *, rare):
    (fits,) = fits_of(table, classes=["A", "B"], patients=["p0", "p1", "p2"]).values()
    return mean_scores(fits, metrics=metrics_of(["A", "B"], rare=rare), rare="AB".index(rare))


def test_by_hand_over_folds_and_seeds():
    # Seed 0: recall A 2/3 (fold 0: right, wrong; fold 1: right), B 1/2; AUC folds 1 and 1 -> 1.
    # Seed 1: recall A 3/3, B 0/2; AUC folds: pairs (0.3 > 0.2, 0.3 < 0.4) 0.5 and 0 -> 0.25.
    both = pd.concat(
        [
            table(0, 0, 0, "AAB", [0.2, 0.6, 0.7]),
            table(0, 0, 1, "AB", [0.1, 0.3]),
            table(0, 1, 0, "AAB", [0.2, 0.4, 0.3]),
            table(0, 1, 1, "AB", [0.4, 0.3]),
        ]
    )
    scores = averaged(both, rare="B")
    assert scores["recall_A"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["recall_B"] == pytest.approx(1 / 4)
    assert scores["accuracy"] == pytest.approx((3 / 5 + 3 / 5) / 2)
    assert scores["balanced_accuracy"] == pytest.approx(((2 / 3 + 1 / 2) / 2 + 1 / 2) / 2)
    assert scores["auc_rare"] == pytest.approx((1 + 0.25) / 2)
    as_a = averaged(both, rare="A")
    assert as_a["auc_rare"] == pytest.approx((1 + 0.25) / 2)  # symmetric: p_A = 1 - p_B
