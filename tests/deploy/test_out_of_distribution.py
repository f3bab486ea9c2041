"""How far a case may look off before that is said."""

import numpy as np
import pytest

from rarecase.deploy.out_of_distribution import OutOfDistribution
from rarecase.errors import DataError


def cases(rng, n, d=80, rank=6):
    basis = np.random.default_rng(1).normal(size=(rank, d))
    return rng.normal(size=(n, rank)) @ basis + 0.3 * rng.normal(size=(n, d)) + 5


@pytest.mark.parametrize("n", [12, 40, 200])
def test_cases_of_the_same_kind_stay_inside_and_others_do_not(n):
    rng = np.random.default_rng(0)
    known_kind = OutOfDistribution.fit(cases(rng, n))
    assert (known_kind.score(cases(rng, 300)) > known_kind.limit).mean() < 0.03
    beside = cases(rng, 50) + 3 * rng.normal(size=(1, 80))
    if n > 12:  # so few say little of what would be strange
        assert (known_kind.score(beside) > known_kind.limit).mean() > 0.9
    again = OutOfDistribution.of(known_kind.arrays())
    np.testing.assert_array_equal(again.score(beside), known_kind.score(beside))
    assert again.limit == known_kind.limit


def test_one_odd_case_makes_no_room_for_others():
    rng = np.random.default_rng(0)
    known = cases(rng, 31)
    known[0] += 4 * rng.normal(size=80)
    clean, odd = OutOfDistribution.fit(known[1:]), OutOfDistribution.fit(known)
    assert odd.limit < 1.6 * clean.limit


def test_too_few_cases():
    with pytest.raises(DataError, match="expected 8 cases or more, got 5"):
        OutOfDistribution.fit(np.zeros((5, 3)))
