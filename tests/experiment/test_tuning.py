import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from rarecase.evidence.scores import decide
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.inner_folds import inner_folds
from rarecase.experiment.posterior import logit_adjusted, thresholded, unmoved
from rarecase.experiment.recipes import Plain
from rarecase.experiment.training_set import TrainingPart
from rarecase.experiment.tuning import best_threshold, make_grid, pooled, tuned_threshold
from rarecase.features.feature_set import make_table


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


def test_pooling_is_the_mean_of_a_patients_rows():
    p = np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    mean, who = pooled(p, np.array([5, 5, 2]))
    assert who.tolist() == [2, 5]
    assert mean == pytest.approx(np.array([[1.0, 0.0], [0.3, 0.7]]))


PART = TrainingPart(np.zeros((10, 1)), np.repeat([0, 1], [8, 2]), np.arange(10), 2, 1)


def test_a_moved_threshold_ranks_as_before_and_decides_at_one_half():
    p = np.random.default_rng(0).dirichlet([1, 1], size=50)
    moved = thresholded(p, part=PART, threshold=0.3)
    assert ((moved[:, 1] > 0.5) == (p[:, 1] > 0.3)).all()
    assert (np.argsort(moved[:, 1]) == np.argsort(p[:, 1])).all()
    assert moved.sum(axis=1) == pytest.approx(1.0)
    assert thresholded(p, part=PART, threshold=math.nan) is p


def test_logit_adjustment_divides_by_the_prior():
    p = np.array([[0.8, 0.2]])
    logits = np.log(p) - np.log([0.8, 0.2])
    expected = np.exp(logits) / np.exp(logits).sum()
    assert logit_adjusted(p, part=PART, threshold=math.nan) == pytest.approx(expected)


def test_the_grid_is_out_of_fold_on_real_patients():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], [30, 12])
    X = rng.normal(size=(42, 3)) + y[:, None]
    table = make_table(np.repeat(X, 2, axis=0), np.repeat(y, 2), groups=np.repeat(np.arange(42), 2))
    inner = inner_folds(table, np.arange(42), folds=3, seed=1)
    held = np.concatenate([np.unique(fold.patient) for fold in inner])
    assert sorted(held) == list(range(42))
    for fold in inner:
        assert not set(fold.part.patient) & set(fold.patient)
    grid = make_grid(
        Plain(), inner, amounts=(0.5, 1.0), model=Logistic((1.0, 10.0)), label=table.label, seed=0
    )
    assert grid.amounts == (0.0,)  # nothing is added
    assert grid.p.shape == (1, 2, 42, 2)
    assert (grid.auc > 0.6).all()
    place = grid.best()
    assert grid.auc[place] == grid.auc.max()
    cut = tuned_threshold(grid, place, unmoved, rare=1)
    assert 0 < cut < 0.7
    assert tuned_threshold(grid, place, logit_adjusted, rare=1) > cut


@pytest.mark.parametrize("wanted", [2, 3, 5])
@pytest.mark.parametrize("rare", range(2, 8))
def test_inner_training_parts_keep_two_patients_of_every_class_or_there_are_none(wanted, rare):
    table = make_table(np.random.default_rng(0).normal(size=(20 + rare, 2)),
                       np.repeat([0, 1], [20, rare]))  # fmt: skip
    inner = inner_folds(table, np.arange(20 + rare), folds=wanted, seed=0)
    assert len(inner) == (0 if rare < 3 else 3 if rare == 3 else min(wanted, rare))
    assert all(fold.part.counts.min() >= 2 for fold in inner)
