import json

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from rarecase.experiment.choosing import Option, preferred
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.features.feature_set import make_features
from rarecase.ranking import (
    class_concordance,
    class_concordance_error,
    concordance_error,
    fold_concordance,
)
from support.features import place_of, vector_set, vectors

RNG = np.random.default_rng(0)


def option(score, rare, fold):
    p = np.stack([-score, score], axis=1)
    return Option(p, fold_concordance(score, rare, fold), rare.astype(int), fold, 1)


def test_the_error_is_delongs():
    rare = np.arange(60) % 3 == 0
    a, b = RNG.normal(size=(2, 60)) + rare
    m, n = rare.sum(), (~rare).sum()
    placed = []
    for score in (a, b):
        pairs = (score[rare][:, None] > score[~rare][None]).astype(float)
        placed.append((pairs.mean(axis=1), pairs.mean(axis=0)))
    expected = 0.0
    for side, size in ((0, m), (1, n)):
        expected += np.var(placed[0][side] - placed[1][side], ddof=1) / size
    assert concordance_error([a, b], rare, np.zeros(60, int)) == pytest.approx(np.sqrt(expected))


def test_the_error_of_folds_is_what_the_mean_over_them_varies_by():
    found, errors = [], []
    fold, rare = np.arange(90) % 3, np.arange(90) % 9 < 2
    for _ in range(300):
        score = RNG.normal(size=90) + rare
        found.append(fold_concordance(score, rare, fold))
        errors.append(concordance_error([score], rare, fold))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.12)


def test_of_three_classes_every_one_counts_and_the_error_is_that_of_the_mean():
    true, fold = np.arange(120) % 3, np.repeat([0, 1], 60)
    first, found, errors = RNG.normal(size=(120, 3)), [], []
    for _ in range(300):
        first = RNG.normal(size=(120, 3)) + (true[:, None] == np.arange(3))
        other = RNG.normal(size=(120, 3)) + (true[:, None] == np.arange(3))
        both = [class_concordance(p, true, fold, rare=0) for p in (first, other)]
        found.append(both[0] - both[1])
        errors.append(class_concordance_error(first, other, true, fold, 0))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.12)
    each = [fold_concordance(first[:, c], true == c, fold) for c in range(3)]
    assert class_concordance(first, true, fold, rare=0) == pytest.approx(np.mean(each))
    assert class_concordance_error(first, first, true, fold, 0) == 0


def test_an_easy_rare_class_does_not_leave_the_others_untuned():
    X, y, groups = vectors((30, 30, 12), names=("a", "b", "rare"), d=3, shift=2.0)
    X[y == "rare"] += 30.0  # nobody could miss it
    features = make_features(X, y, groups=groups)
    found = fit_fold(features, make_design(["none"]), place_of(features)).predictions
    assert json.loads(found["chosen"].iloc[0])["C"] > 0.1
    called = found[["p_a", "p_b", "p_rare"]].to_numpy().argmax(axis=1)
    assert (np.array(["a", "b", "rare"])[called] == found["label"]).mean() > 0.8


def test_with_one_of_a_kind_in_every_fold_nothing_is_known():
    rare = np.arange(6) % 3 == 0
    assert concordance_error([RNG.normal(size=6)], rare, np.repeat([0, 1], 3)) == np.inf


def test_the_cheaper_one_is_taken_within_an_error_and_the_best_beyond():
    fold, rare = np.arange(300) % 3, np.arange(300) % 10 < 3
    rng = np.random.default_rng(1)
    good = rng.normal(size=300) + 2 * rare
    noise, near = rng.normal(size=300), good + 0.05 * rng.normal(size=300)
    far, close, best = (option(score, rare, fold) for score in (noise, near, good))
    assert preferred([far, best]) == 1 and preferred([best, far]) == 0
    assert preferred([far, close, best]) == 1 and preferred([best, close]) == 0


def test_what_is_no_option_in_any_fold_is_not_taken():
    rare, fold = np.arange(30) % 3 == 0, np.zeros(30, int)
    never = Option(np.zeros((30, 2)), np.nan, rare.astype(int), fold, 1)
    assert preferred([never, option(rare + 0.0, rare, fold)]) == 1


def test_the_arm_auto_is_in_every_fold_the_one_that_inner_folds_prefer():
    features = vector_set((40, 15))
    design = make_design(["class-weight", "smote"], inner=3, seeds=2)
    found = fit_fold(features, design, place_of(features)).predictions
    mine = found[found["arm"] == "auto"]
    (said,) = set(mine["chosen"])
    taken = found[(found["arm"] == json.loads(said)["arm"]) & found["control_of"].isna()]
    mean = taken.groupby("patient")["p_rare"].mean()
    assert mine.set_index("patient")["p_rare"].to_dict() == pytest.approx(mean.to_dict())
    assert len(mine) == mine["patient"].nunique() and not mine["synthetic"].any()
    assert mine["control_of"].isna().all() and not mine["reference"].any()


def test_auto_stays_with_none_where_nothing_is_better():
    features = vector_set((40, 20), d=2, shift=2.0)
    design = make_design(["undersample", "class-weight"], inner=3, seeds=1)
    found = fit_fold(features, design, place_of(features)).predictions
    mine, none = (found[found["arm"] == name] for name in ("auto", "none"))
    assert json.loads(mine["chosen"].iloc[0])["arm"] == "none"
    np.testing.assert_array_equal(mine["p_rare"], none["p_rare"])


def test_auto_takes_what_is_better():
    """A tree that splits off nothing that is rare sees a class that is as frequent."""
    features = vector_set((150, 14), d=2, shift=2.0)
    trees = Classifier("trees", DecisionTreeClassifier(max_depth=1, min_impurity_decrease=0.15))
    design = make_design(["class-weight", "duplicates"], classifier=trees, inner=3, seeds=1)
    found = fit_fold(features, design, place_of(features)).predictions
    assert json.loads(found.loc[found["arm"] == "auto", "chosen"].iloc[0])["arm"] != "none"
