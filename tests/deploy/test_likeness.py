"""How far a case may look off before that is said."""

import numpy as np
import pytest

from rarecase.deploy.likeness import Likeness
from rarecase.errors import DataError


def cases(rng, n, d=80, rank=6):
    basis = np.random.default_rng(1).normal(size=(rank, d))
    return rng.normal(size=(n, rank)) @ basis + 0.3 * rng.normal(size=(n, d)) + 5


@pytest.mark.parametrize("n", [12, 40, 200])
def test_cases_of_the_same_kind_stay_inside_and_others_do_not(n):
    rng = np.random.default_rng(0)
    likeness = Likeness.fit(cases(rng, n))
    assert (likeness.distance(cases(rng, 300)) > likeness.limit).mean() < 0.03
    beside = cases(rng, 50) + 3 * rng.normal(size=(1, 80))
    if n > 12:  # so few say little of what would be strange
        assert (likeness.distance(beside) > likeness.limit).mean() > 0.9
    again = Likeness.of(likeness.arrays())
    np.testing.assert_array_equal(again.distance(beside), likeness.distance(beside))
    assert again.limit == likeness.limit


def test_one_odd_case_makes_no_room_for_others():
    rng = np.random.default_rng(0)
    known = cases(rng, 31)
    known[0] += 4 * rng.normal(size=80)
    clean, odd = Likeness.fit(known[1:]), Likeness.fit(known)
    assert odd.limit < 1.6 * clean.limit


def test_too_few_cases():
    with pytest.raises(DataError, match="expected 8 cases or more, got 5"):
        Likeness.fit(np.zeros((5, 3)))
