"""What each way to make a training set adds to the real samples."""

import logging

import numpy as np
import pytest
from imblearn.combine import SMOTETomek
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

from rarecase.errors import SettingError
from rarecase.experiment.arm import Arm, Sampler
from rarecase.experiment.arms import make_arms
from rarecase.experiment.sampling import adds, new_generator, prepare
from rarecase.experiment.training_set import TrainingPart
from rarecase.features.samples import Joined, Samples
from rarecase.generators import ACGAN, Gaussian, Smote, collapse

LIMIT = {0: 2.0, 1: -0.5}  # few samples of class 0 are above it, most of class 1


def part_of(n=(30, 30), d=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(n)), n)
    return TrainingPart(rng.normal(size=(len(y), d)), y, np.arange(len(y)), len(n), len(n) - 1)


def maps_of(n=(12, 6)):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], n)
    X = Samples(rng.normal(size=(len(y), 2, 3, 3)).astype(np.float32))
    return TrainingPart(X, y, np.arange(len(y)), 2, 1)


def added_by(arm, part, counts, seed=0):
    found = prepare(arm, part, seed=seed)(counts)
    np.testing.assert_array_equal(found.X[: len(part.y)], part.X)
    np.testing.assert_array_equal(found.y[: len(part.y)], part.y)
    assert found.real == len(part.y)
    X, y = found.X[len(part.y) :], found.y[len(part.y) :]
    assert found.added == {c: int((y == c).sum()) for c in np.unique(y)} and found.size == len(y)
    return X, y


class Judging(Gaussian):
    """In place of an ACGAN: agrees with samples whose first value is above their class's limit."""

    def agreement(self, X, y):
        return X[:, 0] > np.array([LIMIT[label] for label in y.tolist()])


@pytest.fixture
def added(monkeypatch):
    """Samples that an arm adds, and their classes: 20 requested of class 0, 30 of class 1."""
    monkeypatch.setattr("rarecase.generators.acgan.ACGAN", Judging)
    return lambda name: added_by(make_arms()[name], part_of(), {0: 20, 1: 30})


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


def test_filtered_samples_are_the_first_unfiltered_ones_that_agree(added):
    """The filter leaves samples out, it makes no others."""
    (kept, label), (X, y) = added("acgan"), added("acgan-unfiltered")
    agreed = X[(y == 1) & (X[:, 0] > LIMIT[1])]
    np.testing.assert_array_equal(kept[label == 1][: len(agreed)], agreed)


def test_nothing_added_is_the_real_samples():
    part = part_of()
    for arm in (make_arms()["none"], make_arms()["smote"]):
        found = prepare(arm, part, seed=0)({0: 0, 1: 0})
        assert found.X is part.X and found.added == {} and found.weight is None


def test_amounts_nest():
    part = part_of((6, 3), d=2)
    sets = prepare(make_arms()["smote"], part, seed=0)
    small, large = sets({0: 0, 1: 2}), sets({0: 0, 1: 5})
    assert small.added == {1: 2} and large.size == 5
    np.testing.assert_array_equal(small.X, large.X[:11])


def test_weights_make_classes_weigh_the_same_with_what_was_added():
    part = part_of((30, 10))
    found = prepare(make_arms()["class-weight"], part, seed=0)({})
    assert found.weight[:30].sum() == pytest.approx(found.weight[30:].sum()) == 20
    both = prepare(Arm("both", "smote", weights="balanced"), part, seed=0)({1: 5})
    sums = [both.weight[both.y == c].sum() for c in (0, 1)]
    assert sums == pytest.approx([22.5, 22.5]) and len(both.weight) == 45


def test_undersampling_takes_real_samples_as_many_as_the_rarest_has():
    part = part_of((30, 10, 20))
    found = prepare(make_arms()["undersample"], part, seed=0)({})
    assert np.bincount(found.y).tolist() == [10, 10, 10] and found.added == {}
    rows = {row.tobytes() for row in part.X}
    assert all(row.tobytes() in rows for row in found.X)
    other = prepare(make_arms()["undersample"], part, seed=1)({})
    assert not np.array_equal(found.X, other.X)


@pytest.mark.parametrize("kind", [RandomOverSampler(), SMOTE(), Smote(), "smote"])
def test_a_sampler_of_ones_own_adds_what_is_requested(kind):
    part = part_of((30, 10))
    X, y = added_by(Arm("own", Sampler(kind)), part, {0: 0, 1: 7})
    assert y.tolist() == [1] * 7
    again, _ = added_by(Arm("own", Sampler(kind)), part, {0: 0, 1: 7})
    np.testing.assert_array_equal(X, again)
    other, _ = added_by(Arm("own", Sampler(kind)), part, {0: 0, 1: 7}, seed=1)
    assert not np.array_equal(X, other)


@pytest.mark.parametrize("kind", [RandomUnderSampler(), SMOTETomek()])
def test_a_sampler_that_takes_away_has_no_amount(kind):
    part = part_of((30, 10))
    assert not adds(Sampler(kind)) and adds(Sampler("smote")) and not adds(None)
    found = prepare(Arm("own", Sampler(kind)), part, seed=0)({})
    counts = np.bincount(found.y)
    assert abs(counts[0] - counts[1]) <= 2 and len(found.X) == len(found.y)


def test_what_the_caller_gave_is_not_fitted():
    own = Smote(random_state=5)
    prepare(Arm("own", Sampler(own)), part_of(), seed=0)({1: 3})
    assert not hasattr(own, "classes_") and own.random_state == 5


def test_vectors_are_standardised_once():
    part = part_of()
    assert new_generator(Sampler("gaussian"), seed=0, standardised=True).standardise is False
    assert new_generator(Sampler("gaussian"), seed=0, standardised=False).standardise is True
    said = Sampler("gaussian", (("standardise", True),))
    assert new_generator(said, seed=0, standardised=True).standardise is True
    X, _ = added_by(Arm("g", Sampler("gaussian")), part, {1: 4})
    own = Gaussian(standardise=False)
    np.testing.assert_array_equal(X, added_by(Arm("g", Sampler(own)), part, {1: 4})[0])


def test_settings_reach_the_generator():
    made = new_generator(Sampler("acgan", (("epochs", 3),)), seed=7, standardised=False)
    assert isinstance(made, ACGAN) and made.epochs == 3 and made.random_state == 7


def test_copies_of_maps_are_read_when_they_are_needed():
    part = maps_of()
    found = prepare(make_arms()["duplicates"], part, seed=0)({0: 2, 1: 5})
    assert isinstance(found.X, Joined) and len(found.X) == 18 + 7 and found.added == {0: 2, 1: 5}
    real = part.X.array()
    for copied, label in zip(
        found.X.tensor(np.arange(18, 25)).float().numpy(), found.y[18:], strict=True
    ):
        (at,) = np.flatnonzero((real == copied).all(axis=(1, 2, 3)))
        assert part.y[at] == label


def test_copies_of_maps_are_those_of_vectors():
    """The same samples are drawn whether they are vectors or maps."""
    maps = maps_of()
    flat = TrainingPart(maps.X.array().reshape(18, -1), maps.y, maps.patient, 2, 1)
    drawn = [
        prepare(make_arms()["duplicates"], part, seed=3)({0: 2, 1: 9}) for part in (maps, flat)
    ]
    assert drawn[0].added == drawn[1].added
    mine = drawn[0].X.tensor(np.arange(18, 29)).float().numpy().reshape(11, -1)
    np.testing.assert_array_equal(mine, drawn[1].X[18:])


def test_a_foreign_sampler_takes_vectors_alone():
    with pytest.raises(SettingError, match="SMOTE resamples vectors, and these features are maps"):
        prepare(Arm("own", Sampler(SMOTE())), maps_of(), seed=0)
    found = prepare(Arm("own", Sampler(Smote())), maps_of(), seed=0)({1: 4})
    assert found.added == {1: 4} and found.X.shape == (2, 3, 3)


def test_a_collapse_is_said_once_a_comparison_and_not_fold_by_fold(caplog, monkeypatch):
    monkeypatch.setattr(collapse, "_said", set())
    part = part_of()
    settings = (("hidden", (8, 8)), ("lr", 1e-12), ("epochs", 2))  # learns nothing, makes one
    caplog.set_level(logging.WARNING)
    for seed in range(3):
        prepare(Arm("still", Sampler("acgan", settings)), part, seed=seed)
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 1 and "collapsed" in said[0]
    caplog.clear()
    ACGAN(**dict(settings)).fit(part.X, part.y)
    assert len(caplog.records) == 2  # a class each, as before
