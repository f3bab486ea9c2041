"""Filters by their names."""

import numpy as np
import pytest

from rarecase.errors import SettingError
from rarecase.features.samples import Samples
from rarecase.features.standardise import vectors
from rarecase.generators.filters import (
    AGREEMENT,
    FILTERS,
    check_name,
    dense,
    first_kept,
    kept_by,
    kept_of,
    near,
    recognised,
)

INDEPENDENT = [name for name in FILTERS if name != AGREEMENT]
RNG = np.random.default_rng(0)
Y = np.repeat(["a", "b"], 20)
X = RNG.normal(size=(40, 3)) + 3.0 * (Y == "b")[:, None]
X /= X.std(axis=0)  # of such data the unit is the deviation itself
MADE, ASKED = RNG.normal(1.5, 2.0, size=(60, 3)), np.repeat(["a", "b"], 30)
GROUPS = np.arange(40) // 2


@pytest.mark.parametrize("name", INDEPENDENT)
def test_each_name_is_its_filter(name):
    one = {
        "recognised": lambda: recognised(X, Y, MADE, ASKED, groups=GROUPS, seed=3),
        "near": lambda: near(X, Y, MADE, ASKED),
        "dense": lambda: dense(X, Y, MADE, ASKED),
    }[name]()
    assert 0 < one.sum() < 60
    found = kept_by(name, X, Y, MADE, ASKED, groups=GROUPS, seed=3)
    np.testing.assert_array_equal(found, one)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_the_unit_of_a_feature_does_not_matter(name):
    unit = np.array([1e-3, 1.0, 1e3])
    one, other = (kept_by(name, X * u, Y, MADE * u, ASKED, groups=GROUPS) for u in (1, unit))
    np.testing.assert_array_equal(one, other)


def test_a_constant_feature_does_no_harm():
    wide, more = (np.column_stack([v, np.ones(len(v))]) for v in (X, MADE))
    np.testing.assert_array_equal(
        kept_by("near", wide, Y, more, ASKED), kept_by("near", X, Y, MADE, ASKED)
    )


def test_maps_are_seen_as_the_mean_of_each_channel():
    maps = RNG.random((4, 2, 3, 5))
    np.testing.assert_allclose(vectors(maps), maps.mean(axis=(2, 3)))
    np.testing.assert_array_equal(vectors(X), X)


def test_what_is_no_independent_filter_is_refused():
    with pytest.raises(SettingError, match="did you mean 'dense'"):
        check_name("dens")
    with pytest.raises(SettingError, match="did you mean 'near'"):
        kept_by("nearr", X, Y, MADE, ASKED)
    with pytest.raises(SettingError, match="agreement"):
        kept_by("agreement", X, Y, MADE, ASKED)
    agrees = np.arange(60) % 2 == 0
    np.testing.assert_array_equal(kept_by(AGREEMENT, X, Y, MADE, ASKED, agrees=agrees), agrees)


@pytest.mark.parametrize(("amount", "length"), [(0, 0), (1, 2), (2, 3), (3, 6), (4, 7)])
def test_the_first_that_are_kept(amount, length):
    mask = np.array([0, 1, 1, 0, 0, 1, 0], dtype=bool)
    assert first_kept(mask, amount).tolist() == mask[:length].tolist()


def test_the_discriminator_is_asked_only_where_it_counts():
    def asked():
        raise AssertionError("asked")

    about = {"groups": GROUPS, "agrees": asked}
    assert kept_of(None, X, Y, MADE, ASKED, **about).all()
    np.testing.assert_array_equal(
        kept_of("near", Samples(X), Y, Samples(MADE), ASKED, **about),
        kept_by("near", X, Y, MADE, ASKED),
    )
    agrees = np.arange(60) % 2 == 0
    found = kept_of(AGREEMENT, X, Y, MADE, ASKED, groups=None, agrees=lambda: agrees)
    np.testing.assert_array_equal(found, agrees)
