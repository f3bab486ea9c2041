"""A classifier is any scikit-learn estimator, with or without a grid."""

import json

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from rarecase.errors import SettingError
from rarecase.experiment import fit_fold, make_design
from rarecase.experiment.classifiers import Classifier, FeatureCNN, make_classifier
from rarecase.experiment.classifiers.contract import seeded
from rarecase.experiment.training_set import TrainingSet
from rarecase.features.samples import Samples
from rarecase.features.standardise import vectors
from support.features import map_set, place_of, vector_set

POINT = {"classes": 2, "random_state": 3}


def training(n=(30, 12), *, weight=None, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(n)), n)
    return TrainingSet(rng.normal(size=(len(y), 3)) + y[:, None], y, weight, len(y), {})


def test_by_name_by_estimator_or_as_it_is():
    assert make_classifier("logistic").points == ({"C": 0.1}, {"C": 1.0}, {"C": 10.0}, {"C": 100.0})
    trees = make_classifier(ExtraTreesClassifier(max_depth=2))
    assert trees.name == "ExtraTreesClassifier" and trees.points == ({},)
    assert make_classifier(trees) is trees
    cnn = make_classifier("cnn", settings={"epochs": 3, "dense": 7})
    assert isinstance(cnn.estimator, FeatureCNN) and cnn.takes == "maps" and cnn.lazy
    assert (cnn.estimator.epochs, cnn.estimator.dense, cnn.tune_threshold) == (3, 7, False)
    assert make_classifier("cnn").estimator.epochs == 20
    with pytest.raises(SettingError, match="did you mean 'logistic'"):
        make_classifier("logistics")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Classifier("svc", LinearSVC()), "LinearSVC has no predict_proba; wrap it in"),
        (lambda: Classifier("l", LogisticRegression(), {"D": (1,)}), "does not fit LogisticReg"),
        (lambda: Classifier("l", LogisticRegression(), {"C": ()}), "does not fit LogisticReg"),
    ],
)
def test_classifiers_that_cannot_be(make, words):
    with pytest.raises(SettingError, match=words):
        make()


def test_a_grid_has_all_combinations_the_most_cautious_first():
    grid = {"max_depth": (2, 4), "min_samples_leaf": np.array([3, 1])}
    points = Classifier("t", ExtraTreesClassifier(), grid).points
    assert points[0] == {"max_depth": 2, "min_samples_leaf": 3} and len(points) == 4


def test_every_fit_starts_from_the_same_state():
    """Whatever was fitted before: a generator of numbers that an estimator holds does not go on."""
    data = training()
    for state in (None, 0, np.random.RandomState(0)):
        trees = Classifier("t", ExtraTreesClassifier(5, random_state=state))
        first, again = (trees.fit(data, {}, **POINT)(data.X) for _ in range(2))
        np.testing.assert_array_equal(first, again)


def test_what_a_caller_changes_afterwards_changes_nothing():
    own = LogisticRegression(C=1.0)
    mine = Classifier("own", own)
    data = training()
    before = mine.fit(data, {}, **POINT)(data.X)
    own.set_params(C=1e-6)
    np.testing.assert_array_equal(mine.fit(data, {}, **POINT)(data.X), before)
    assert not np.allclose(Classifier("own", own).fit(data, {}, **POINT)(data.X), before)
    assert not hasattr(own, "classes_")


def test_equal_numbers_of_other_kinds_are_other_points():
    data = training()
    forest = Classifier("f", RandomForestClassifier(5), {"max_features": (1, 1.0)})
    one, all_of_them = (forest.fit(data, point, **POINT)(data.X) for point in forest.points)
    assert not np.array_equal(one, all_of_them)


def test_random_states_that_nobody_set_are_set_in_depth():
    model = make_pipeline(StandardScaler(), ExtraTreesClassifier())
    assert seeded(model, 7).steps[-1][1].random_state == 7
    assert seeded(ExtraTreesClassifier(random_state=1), 7).random_state == 1


def test_weights_reach_the_last_step_or_the_way_out_is_said():
    weight = np.where(np.arange(42) < 30, 0.1, 3.0)
    for model in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
        one = Classifier("own", model)
        plain, heavy = (
            one.fit(training(weight=w), {}, **POINT)(training().X)[:, 1].mean()
            for w in (None, weight)
        )
        assert heavy > plain + 0.2
        ones = one.fit(training(weight=np.ones(42)), {}, **POINT)(training().X)
        assert ones[:, 1].mean() == pytest.approx(plain)
    with pytest.raises(SettingError, match="KNeighborsClassifier takes no sample_weight"):
        Classifier("k", KNeighborsClassifier()).fit(training(weight=weight), {}, **POINT)


def test_a_class_that_was_not_seen_has_the_probability_0():
    for found in (
        make_classifier("logistic").fit(training(), {}, classes=3, random_state=0),
        make_classifier(ExtraTreesClassifier(3)).fit(training(), {}, classes=3, random_state=0),
    ):
        p = found(training().X)
        assert p.shape == (42, 3) and (p[:, 2] == 0).all()
        np.testing.assert_allclose(p.sum(axis=1), 1)


def test_maps_as_vectors_are_their_means_over_positions():
    X = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)
    expected = X.mean(axis=(2, 3), dtype=np.float64)
    for each in (X, Samples(X)):
        found = vectors(each)
        assert found.shape == (5, 3) and found.dtype == np.float64
        np.testing.assert_allclose(found, expected, atol=1e-6)
    plain = X[:, :, 0, 0]
    np.testing.assert_array_equal(vectors(plain), plain)


def test_a_classifier_of_ones_own_in_a_fold():
    features = vector_set()
    model = make_pipeline(StandardScaler(), ExtraTreesClassifier(5))
    grid = {"extratreesclassifier__max_depth": np.array([1, 3])}
    own = Classifier("trees", model, grid)
    design = make_design(["class-weight", "threshold", "smote"], classifier=own, inner=2, seeds=1)
    found = fit_fold(features, design, place_of(features))
    assert (found.cells["status"] == "done").all(), found.cells["reason"].tolist()
    chosen = found.predictions["chosen"].map(json.loads)
    assert {each["extratreesclassifier__max_depth"] for each in chosen} <= {1, 3}
    assert set(found.predictions["classifier"]) == {"trees"}
    neighbours = make_design(["class-weight", "smote"], classifier=KNeighborsClassifier(), inner=2)
    cells = fit_fold(features, neighbours, place_of(features)).cells.set_index("arm")
    assert cells.loc["class-weight", "status"] == "skipped"
    assert "takes no sample_weight" in cells.loc["class-weight", "reason"]
    assert (cells.drop("class-weight")["status"] == "done").all()


def test_the_means_of_maps_go_to_a_classifier_of_vectors(tmp_path):
    from rarecase.pipeline.designs import Part
    from rarecase.pipeline.steps.cells import features_of

    maps = map_set(tmp_path / "maps.zarr")
    maps.X.rows["row"] = np.arange(len(maps))
    part = Part("bottleneck", make_design(["smote"], inner=2, seeds=1))
    about = {"classes": ("HGG", "LGG"), "rare": "LGG"}
    whole = maps.X.read_all()
    features = features_of([maps.X], part, **about)
    assert features.X.shape == (30, 3) and not features.maps and features.rare == 1
    # The first of two slices shows a mask, and counts.
    np.testing.assert_allclose(features.X, whole[::2].mean(axis=(2, 3)), atol=1e-3)
    slices = features_of([maps.X], part, unit="slices", **about)
    assert len(slices) == 30 and slices.rows["slice"].tolist() == list(range(0, 60, 2))
    found = fit_fold(features, part.design, place_of(features))
    assert (found.cells["status"] == "done").all()
