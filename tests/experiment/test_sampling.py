"""What each way to make a training set adds to the real rows."""

import numpy as np
import pytest

from rarecase.experiment import recipes
from rarecase.experiment.arms import make_arms
from rarecase.experiment.training_set import TrainingPart
from rarecase.generators import ACGAN, Gaussian

LIMIT = {0: 2.0, 1: -0.5}  # few rows of class 0 are above it, most of class 1


class Judging(Gaussian):
    """In place of an ACGAN: agrees with rows whose first value is above their class's limit."""

    def agreement(self, X, y):
        return X[:, 0] > np.array([LIMIT[label] for label in y.tolist()])


@pytest.fixture
def added(monkeypatch):
    """Rows that an arm adds, and their classes: 20 asked of class 0, 30 of class 1."""
    monkeypatch.setattr("rarecase.generators.acgan.ACGAN", Judging)
    rng = np.random.default_rng(0)
    part = TrainingPart(
        rng.normal(size=(60, 3)), np.repeat([0, 1], 30), np.arange(60), classes=2, rare=1
    )

    def of(name):
        found = make_arms()[name].recipe.prepare(part, seed=0)({0: 20, 1: 30})
        np.testing.assert_array_equal(found.X[:60], part.X)
        np.testing.assert_array_equal(found.y[:60], part.y)
        X, y = found.X[60:], found.y[60:]
        assert found.added == dict(enumerate(np.bincount(y, minlength=2).tolist()))
        return X, y

    return of


def test_the_acgan_adds_only_what_its_discriminator_agrees_to(added):
    X, y = added("acgan")
    assert (y == 1).sum() == 30
    assert 0 < (y == 0).sum() < 20  # of four times over fewer agree
    assert (X[y == 0, 0] > LIMIT[0]).all() and (X[y == 1, 0] > LIMIT[1]).all()


def test_unfiltered_it_adds_all(added):
    X, y = added("acgan-unfiltered")
    assert np.bincount(y).tolist() == [20, 30]
    assert (X[y == 0, 0] < LIMIT[0]).mean() > 0.5
    assert (X[y == 1, 0] < LIMIT[1]).any()


def test_filtered_rows_are_the_first_unfiltered_ones_that_agree(added):
    """The filter leaves rows out, it makes no others."""
    (kept, label), (X, y) = added("acgan"), added("acgan-unfiltered")
    agreed = X[(y == 1) & (X[:, 0] > LIMIT[1])]
    np.testing.assert_array_equal(kept[label == 1][: len(agreed)], agreed)


def test_a_collapse_is_said_once_a_comparison_and_not_fold_by_fold(monkeypatch, caplog):
    rng = np.random.default_rng(0)
    part = TrainingPart(
        rng.normal(size=(60, 3)), np.repeat([0, 1], 30), np.arange(60), classes=2, rare=1
    )
    monkeypatch.setattr(recipes._collapses, "said", set())
    still = {"hidden": (8, 8), "lr": 1e-12, "epochs": 2}  # what learns nothing makes one sample
    recipe = recipes.Oversample(lambda seed: ACGAN(**still, random_state=seed))
    for seed in range(3):
        recipe.prepare(part, seed=seed)
    (said,) = caplog.records
    assert said.getMessage().startswith("ACGAN collapsed in a fit of this comparison")
    caplog.clear()
    ACGAN(**still).fit(part.X, part.y)
    assert len(caplog.records) == 2  # a class each, as before
