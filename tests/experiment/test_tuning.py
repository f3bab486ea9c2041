"""What inner folds choose, and what is done to probabilities."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from rarecase.errors import LeakError
from rarecase.evidence.drawn import decide
from rarecase.experiment import Arm, Counts, Sampler, Share, Tuned
from rarecase.experiment.arm import AsManyAs
from rarecase.experiment.classifiers import make_classifier
from rarecase.experiment.training_set import (
    Coordinates,
    TrainingPart,
    at_level,
    inner_folds,
    levels_of,
    requests,
)
from rarecase.experiment.tuning import best_threshold, fit_inner, moved, pooled, untuned
from rarecase.features.nested import Inner
from rarecase.features.samples import Samples
from rarecase.ranking import fold_concordance
from support.features import map_set, vector_set


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_is_the_best_of_all(classes, seed):
    rng = np.random.default_rng(seed)
    p, true = rng.dirichlet(np.ones(classes), size=60), rng.integers(0, classes, 60)
    found = best_threshold(p, true, rare=1)
    scores = [
        balanced_accuracy_score(true, decide(p, rare=1, threshold=np.full(60, cut)))
        for cut in np.linspace(0.0005, 0.9995, 1000)
    ]
    mine = balanced_accuracy_score(true, decide(p, rare=1, threshold=np.full(60, found)))
    assert mine >= max(scores) - 1e-12


def test_without_both_kinds_there_is_no_threshold():
    assert math.isnan(best_threshold(np.full((3, 2), 0.5), np.zeros(3, int), rare=1))


def test_pooling_is_the_mean_of_a_patients_samples():
    p = np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    mean, who = pooled(p, np.array([5, 5, 2]))
    assert who.tolist() == [2, 5]
    assert mean == pytest.approx(np.array([[1.0, 0.0], [0.3, 0.7]]))


PART = TrainingPart(np.zeros((10, 1)), np.repeat([0, 1], [8, 2]), np.arange(10), 2, 1)


def test_a_moved_threshold_ranks_as_before_and_decides_at_one_half():
    p = np.random.default_rng(0).dirichlet([1, 1], size=50)
    after = moved(p, "threshold", part=PART, threshold=0.3)
    assert ((after[:, 1] > 0.5) == (p[:, 1] > 0.3)).all()
    assert (np.argsort(after[:, 1]) == np.argsort(p[:, 1])).all()
    assert after.sum(axis=1) == pytest.approx(1.0)
    assert moved(p, "threshold", part=PART, threshold=math.nan) is p
    assert moved(p, "none", part=PART, threshold=0.3) is p


def test_logit_adjustment_divides_by_the_prior_of_patients():
    p = np.array([[0.8, 0.2]])
    logits = np.log(p) - np.log([0.8, 0.2])
    expected = np.exp(logits) / np.exp(logits).sum()
    for threshold in (math.nan, 0.3):
        found = moved(p, "logit", part=PART, threshold=threshold)
        assert found == pytest.approx(expected)
    rows = np.repeat(np.arange(10), [5] + [1] * 9)  # a patient counts once, however many samples
    many = TrainingPart(np.zeros((14, 1)), PART.y[rows], PART.patient[rows], 2, 1)
    assert moved(p, "logit", part=many, threshold=math.nan) == pytest.approx(expected)


@pytest.fixture(scope="module")
def inner():
    features = vector_set((30, 12), shift=1.0, d=3, rows=2, seed=3)
    return features, inner_folds(
        features, np.arange(42), folds=3, seed=1, coordinates=Coordinates()
    )


def fit(inner, arm, *, levels):
    features, folds = inner
    return fit_inner(
        arm, folds, levels=levels, classifier=make_classifier("logistic"), label=features.label,
        seed=0, random_state=0,
    )  # fmt: skip


def test_features_that_learnt_classes_are_seen_as_they_were_without_the_inner_folds_patients():
    features = vector_set((30, 12), d=3)
    about = {"folds": 3, "seed": 1, "coordinates": Coordinates()}
    plain = inner_folds(features, np.arange(42), **about)
    held = [frozenset(features.patients[p] for p in np.unique(each.patient)) for each in plain]
    nested = tuple(Inner(features.X + 5 * (i + 1), who) for i, who in enumerate(held))
    # A space takes off the mean: what differs by a number is the same in it.
    remembers = replace(features, X=1000.0 * features.y[:, None] + features.X, nested=nested)
    for one, other in zip(plain, inner_folds(remembers, np.arange(42), **about), strict=True):
        np.testing.assert_allclose(one.held.X, other.held.X, atol=1e-9)
        np.testing.assert_allclose(one.part.X, other.part.X, atol=1e-9)
    wrong = replace(remembers, nested=(*nested[1:], nested[0]))
    with pytest.raises(LeakError, match="have learnt classes without other patients"):
        inner_folds(wrong, np.arange(42), **about)
    assert inner_folds(replace(remembers, nested=None), np.arange(42), **about) == []


def test_inner_results_are_out_of_fold_on_real_patients(inner):
    features, folds = inner
    held = np.concatenate([np.unique(fold.patient) for fold in folds])
    assert sorted(held) == list(range(42))
    for fold in folds:
        assert not set(fold.part.patient) & set(fold.patient)
    found = fit(inner, Arm("none"), levels=(0.0,))
    assert found.p.shape == (1, 4, 42, 2) and found.auc.shape == (1, 4)
    assert (found.auc > 0.6).all()
    np.testing.assert_array_equal(found.true, features.label[held])
    expected = fold_concordance(found.p[0, 2][:, 1], found.true == 1, found.fold)
    assert found.auc[0, 2] == expected


def test_the_largest_auc_is_chosen_and_of_equals_the_lower_and_more_cautious(inner):
    found = fit(inner, Arm("a", "smote"), levels=(0.5, 1.0))
    choice = found.choose("none")
    place = (found.levels.index(choice.level), found.points.index(choice.point))
    assert found.auc[place] == found.auc.max() and 0 < choice.threshold < 1
    assert found.choose("none", level=1.0).level == 1.0
    found.auc[:] = 0.7
    assert (found.choose("none").level, found.choose("none").point) == (0.5, {"C": 0.1})
    found.auc[:] = np.nan
    found.auc[1, 3] = 0.51  # what is not defined counts as chance
    assert (found.choose("none").level, found.choose("none").point) == (1.0, {"C": 100.0})


def test_a_threshold_is_tuned_after_the_move_but_not_after_its_own(inner):
    found = fit(inner, Arm("none"), levels=(0.0,))
    cut = found.choose("none").threshold
    assert found.choose("logit").threshold > cut
    assert found.choose("threshold").threshold == cut


def test_where_nothing_can_be_tuned():
    points = ({"C": 1}, {"C": 2}, {"C": 3})
    assert untuned((0.5, 2.0), points).level == 1.0 and untuned((0.5,), points).level == 0.5
    assert untuned((0.5,), points).point == {"C": 2}
    assert math.isnan(untuned((0.5,), points).threshold)


@pytest.mark.parametrize("wanted", [2, 3, 5])
@pytest.mark.parametrize("rare", range(2, 8))
def test_inner_training_parts_keep_two_patients_of_every_class_or_there_are_none(wanted, rare):
    inner = inner_folds(
        vector_set((20, rare), d=2),
        np.arange(20 + rare),
        folds=wanted,
        seed=0,
        coordinates=Coordinates(),
    )
    assert len(inner) == (0 if rare < 3 else 3 if rare == 3 else min(wanted, rare))
    assert all(fold.part.counts.min() >= 2 for fold in inner)


def test_inner_folds_standardise_by_their_own_training_samples(inner):
    for fold in inner[1]:
        rows = fold.part.X
        assert np.square(rows).sum(axis=1).mean() == pytest.approx(1.0)
        assert rows.mean(axis=0) == pytest.approx(0.0)


def test_inner_folds_of_maps_judge_slices_that_count_and_train_on_all(tmp_path):
    features = map_set(tmp_path / "maps.zarr", (8, 4))
    for fold in inner_folds(features, np.arange(12), folds=2, seed=0, coordinates=Coordinates()):
        assert isinstance(fold.part.X, Samples)
        assert len(fold.part.y) == 2 * np.unique(fold.part.patient).size
        assert len(fold.held.X) == np.unique(fold.patient).size  # one slice in two shows a mask


THREE = TrainingPart(np.zeros((9, 1)), np.repeat([0, 1, 2], [5, 3, 1]), np.arange(9), 3, 2)


def test_shares_count_what_a_class_lacks():
    assert THREE.missing(1.0) == {0: 0, 1: 2, 2: 4}
    assert THREE.missing(2.0) == {0: 0, 1: 4, 2: 8}


@pytest.mark.parametrize("total", range(8))
def test_a_total_is_spread_equally_and_the_rest_goes_to_the_rare_class_first(total):
    found = THREE.shared_out(total)
    assert sum(found.values()) == total and max(found.values()) - min(found.values()) <= 1
    assert found[2] == max(found.values())


def test_what_an_amount_comes_to():
    def said(amount):
        return [(r.name, r.size, r.planned) for r in requests(amount, THREE, share=2.0)]

    assert said(None) == [("0", 0, True)]
    assert said(Share(0.5)) == [("50%", 3, True)]
    assert said(Tuned()) == [("tuned", 12, True)]
    assert said(Counts((0, 4, 9), planned=9)) == [("4", 4, False), ("9", 9, True)]


def test_inner_folds_try_the_levels_of_the_outer_one():
    shares = (0.5, 1.0)
    assert levels_of(None, shares, size=9) == levels_of(AsManyAs("a"), shares, size=9) == (0.0,)
    assert levels_of(Share(2.0), shares, size=9) == (2.0,)
    assert levels_of(Tuned(), shares, size=9) == shares
    assert levels_of(Tuned((3.0,)), shares, size=9) == (3.0,)
    counts = Counts((0, 3, 9))
    assert levels_of(counts, shares, size=9) == tuple(
        request.level for request in requests(counts, THREE, share=1.0)
    )
    assert at_level(THREE, counts, 1 / 3) == THREE.shared_out(3)
    assert at_level(THREE, Sampler, 1.0) == THREE.missing(1.0)
