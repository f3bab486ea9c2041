"""Whether the checks find what is there, and nothing where nothing is."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase.experiment import make_design
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks, gather, row_leak, shift_auc
from rarecase.experiment.splits import draw_splits
from rarecase.features.feature_set import make_features
from support.features import vector_set, vectors

DESIGN = make_design(["smote", "threshold"], inner=3)


def places(features, folds=3):
    return [*draw_splits(features, folds=folds, repeats=1).places()]


def test_permuted_labels_are_chance_even_where_real_ones_are_not():
    features = vector_set((60, 30), shift=2.0, seed=5)
    folds = [fold_checks(features, DESIGN, place) for place in places(features)]
    assert all(len(fold["permuted"]) == 20 for fold in folds)
    found = gather(folds)
    assert abs(found["permuted_mean"] - 0.5) < 0.06 and not found["suspicious"]
    assert found["leak"] is None and len(found["shift_auc"]) == 3
    mean = np.mean([fold["permuted"] for fold in folds], axis=0)
    assert found["permuted_auc"] == pytest.approx(mean)
    assert found["permuted_error"] == pytest.approx(mean.std(ddof=1) / np.sqrt(20))


def test_the_leak_of_a_split_by_samples_is_seen():
    features = vector_set((30, 12), shift=0.0, d=60, rows=4, seed=5)
    found = row_leak(features, DESIGN, folds=3)
    assert found["rows split"] > 0.9  # samples of one patient look alike
    assert found["patients split"] < 0.75
    assert row_leak(vector_set((30, 12)), DESIGN, folds=3) is None  # a patient has one sample


def test_a_shift_is_seen_as_large_as_an_independent_classifier_sees_it():
    X, y, _ = vectors((80, 40), shift=0.0, seed=5)
    features = make_features(X, y)
    there = places(features)
    none = np.mean([shift_auc(features, DESIGN, place) for place in there])
    assert none == pytest.approx(0.5, abs=0.12)
    tested = there[0].fold_of == 0
    moved = X + 1.2 * tested[:, None] * np.array([1, 0, 0, 0])
    found = shift_auc(make_features(moved, y), DESIGN, there[0])
    chance = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression()), moved, tested,
        cv=StratifiedKFold(5, shuffle=True, random_state=0), method="predict_proba",
    )[:, 1]  # fmt: skip
    assert found == pytest.approx(roc_auc_score(tested, chance), abs=0.06)
    assert found > 0.7


def test_what_is_not_defined_is_none():
    fold = {"permuted": [0.4, None], "shift": None}
    found = gather([fold, {"permuted": [0.6, None], "shift": 0.7}])
    assert found["permuted_auc"] == [pytest.approx(0.5), None]
    assert found["permuted_error"] is None and not found["suspicious"]
    assert found["shift_mean"] == pytest.approx(0.7) and found["shift_auc"] == [None, 0.7]


def test_a_fold_of_one_patient_has_no_shift_to_measure():
    features = vector_set((30, 12), seed=5)
    found = fold_checks(features, DESIGN, Place(np.where(np.arange(42) == 3, 0, -1), 0, 0))
    assert found["shift"] is None and found["permuted"] == [None] * 20
