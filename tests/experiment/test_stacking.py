"""The average of candidates, weighted by inner folds."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.dummy import DummyClassifier

from rarecase.experiment.auto import Candidate
from rarecase.experiment.classifiers import Classifier
from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.fold_data import Tools
from rarecase.experiment.stacking import fit_stack, stacked_weights, weigh
from rarecase.features.feature_set import make_features
from support.features import candidates, place_of, vectors


def test_weights_are_the_most_likely_ones():
    rng = np.random.default_rng(0)
    true = rng.integers(2, size=400)
    score = [rng.normal(size=400) + shift * true for shift in (0.3, 0.8, 1.0)]
    p = [np.column_stack([1 - (q := 1 / (1 + np.exp(0.5 - each))), q]) for each in score]

    def loss(free):
        weight = np.exp(free) / np.exp(free).sum()
        return -np.log(np.tensordot(weight, np.stack(p), axes=1)[np.arange(400), true]).mean()

    best = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    expected = np.exp(best.x) / np.exp(best.x).sum()
    expected = np.where(expected < 0.01, 0, expected)
    np.testing.assert_allclose(stacked_weights(p, true), expected / expected.sum(), atol=5e-3)


def test_what_knows_the_class_weighs_most_and_the_rows_are_the_average():
    tried = candidates()
    place = place_of(tried[0].features)
    table = fit_stack(tried, place).predictions
    said = json.loads(table["chosen"].iloc[0])
    weights = said["weights"]
    assert sum(v for k, v in weights.items() if k.startswith("signal")) > 0.6
    assert 0.5 < said["promised"] <= 1 and table["arm"].eq("none").all()
    mean = 0
    found = weigh(tried, place, Tools())
    for each, weight in zip(tried, found.weights, strict=True):
        fit = fit_fold(each.features, make_design([], classifier=each.design.classifier), place)
        mean = mean + weight * fit.predictions["p_rare"].to_numpy()
    np.testing.assert_allclose(table["p_rare"], mean, atol=1e-12)
    assert set(table["features"]) == set(table["classifier"]) == {"stack"}


def test_nothing_of_the_test_patients_has_a_say_in_the_weights():
    tried = candidates()
    place = place_of(tried[0].features)
    before = weigh(tried, place, Tools())
    tested = np.flatnonzero(place.fold_of == place.fold)
    for each in tried:
        rows = np.isin(each.features.patient, tested)
        each.features.y[rows] = 1 - each.features.y[rows]
        each.features.X[rows] = 100.0 * each.features.y[rows][:, None]
    after = weigh(tried, place, Tools())
    np.testing.assert_array_equal(before.weights, after.weights)
    assert before.chosen == after.chosen and before.threshold == after.threshold


def test_what_is_known_of_patients_goes_to_their_slices():
    sliced, whole = candidates(rows=3)[2], candidates()[0]
    assert sliced.features.patients == whole.features.patients
    place = place_of(sliced.features)
    table = fit_stack([whole, sliced], place).predictions
    assert len(table) == 3 * table["patient"].nunique()
    weight = json.loads(table["chosen"].iloc[0])["weights"]
    parts = [
        fit_fold(c.features, make_design([], classifier="logistic"), place).predictions
        for c in (whole, sliced)
    ]
    by = parts[0].set_index("patient")["p_rare"][table["patient"]].to_numpy()
    named = [weight.get(f"{n} × logistic", 0) for n in ("noise", "signal")]
    expected = named[0] * by + named[1] * parts[1]["p_rare"].to_numpy()
    np.testing.assert_allclose(table["p_rare"], expected, atol=2e-3)


def test_where_inner_folds_cannot_tell_all_weigh_the_same():
    X, y, groups = vectors((12, 3), d=3)
    features = make_features(X, y, groups=groups, name="x")
    designs = [make_design([], classifier=kind) for kind in ("logistic", "lda")]
    place = place_of(features)
    found = weigh([Candidate(features, design) for design in designs], place, Tools())
    assert found.weights.tolist() == [0.5, 0.5] and "promised" not in found.chosen
    assert len(fit_stack([Candidate(features, d) for d in designs], place).predictions)


def test_other_patients_are_refused():
    X, y, groups = vectors((12, 5), d=3)
    mine, theirs = (make_features(X[i:], y[i:], groups=groups[i:], name="x") for i in (0, 1))
    tried = [Candidate(each, make_design([])) for each in (mine, theirs)]
    with pytest.raises(Exception, match="different patients"):
        weigh(tried, place_of(mine), Tools())


def test_probabilities_stay_probabilities_and_many_like_candidates_all_count():
    tried = candidates()
    certain = Classifier("sure", Sure())
    sure = [replace(each, design=replace(each.design, classifier=certain)) for each in tried]
    p = fit_stack(sure[:3], place_of(tried[0].features)).predictions.filter(like="p_").to_numpy()
    assert p.max() <= 1 and p.min() >= 0
    same = [np.array([[0.7, 0.3], [0.4, 0.6]])] * 101
    np.testing.assert_allclose(stacked_weights(same, np.array([0, 1])), 1 / 101)


class Sure(DummyClassifier):
    """Certain of everything."""

    def predict_proba(self, X):
        return np.tile([1.0, 0.0], (len(X), 1))
