"""The arm `augmentation`: samples of augmented images, and the mean over copies at test."""

from dataclasses import replace

import numpy as np
import pytest

from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.fold_data import FoldData, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.sampling import prepare
from rarecase.features.feature_set import make_features
from support.features import vectors

COPIES = 4


@pytest.fixture
def features():
    X, y, groups = vectors((24, 10), d=5)
    rng = np.random.default_rng(1)
    copies = tuple(X + 0.1 * rng.normal(size=X.shape) for _ in range(COPIES))
    return replace(make_features(X, y, groups=groups), copies=copies)


def place(features):
    return Place(np.where(np.arange(len(features.patients)) % 4 == 1, 0, -1), 0, 0)


def fold(features, **more):
    design = make_design(["augmentation"], inner=3, seeds=1, **more)
    return FoldData(features, design, place(features), Tools()), design


def test_samples_are_those_of_augmented_images_of_training_patients(features):
    here, design = fold(features)
    (arm,) = (a for a in design.arms if a.name == "augmentation")
    sets = prepare(arm, here.part, seed=1)
    rare = here.part.rare
    pool = here.part.copies[:, here.part.y == rare].reshape(-1, here.part.X.shape[1])
    training = sets({rare: len(pool)})
    added = training.X[training.real :]
    assert training.added == {rare: len(pool)}
    np.testing.assert_allclose(np.sort(added, axis=0), np.sort(pool, axis=0))  # each of them once
    np.testing.assert_array_equal(sets({rare: 3}).X[training.real :], added[:3])


def test_probabilities_are_averaged_over_copies_and_so_are_the_controls(features):
    here, design = fold(features)
    (arm,) = (a for a in design.arms if a.name == "augmentation")
    sets = prepare(arm, here.part, seed=1)
    choice = here.choose(arm)
    p, _ = here.predict(arm, sets({}), choice, name="x")
    each = [
        here.predict(replace(arm, test_copies=1), sets({}), choice, name="x")[0],
        *(_alone(here, arm, sets, choice, copy) for copy in here.test.copies),
    ]
    np.testing.assert_allclose(p, np.mean(each, axis=0))
    table = fit_fold(features, design, place(features)).predictions
    kinds = table.groupby("arm")
    control = kinds.get_group("duplicates:augmentation")
    assert (control["added"].iloc[0], control["control_of"].iloc[0]) == (
        kinds.get_group("augmentation")["added"].iloc[0], "augmentation",
    )  # fmt: skip
    plain = kinds.get_group("duplicates")["p_rare"].to_numpy()
    assert not np.allclose(control["p_rare"], plain)


def _alone(here, arm, sets, choice, copy):
    kept, here.test = here.test, replace(here.test, X=copy)
    p, _ = here.predict(replace(arm, test_copies=1), sets({}), choice, name="x")
    here.test = kept
    return p


def test_copies_come_in_the_space_of_the_training_part_and_know_no_test_patient(features):
    here, _ = fold(features)
    train = np.isin(features.patient, here.trained)
    expected = [here.part.space(copy[train]) for copy in features.copies]
    np.testing.assert_allclose(here.part.copies, expected)
    moved = tuple(np.where(train[:, None], copy, 1e6) for copy in features.copies)
    there, _ = fold(replace(features, copies=moved))
    np.testing.assert_array_equal(there.part.copies, here.part.copies)


def test_without_copies_it_is_skipped_with_its_reason(features):
    bare = replace(features, copies=())
    design = make_design(["augmentation"], inner=3, seeds=1)
    cells = fit_fold(bare, design, place(bare)).cells.set_index("arm")
    assert cells.loc["augmentation", "reason"] == "there are no features of augmented images"
