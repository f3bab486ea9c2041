"""What a column tells alone, and how likely noise would, against counting all ways."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from rarecase.features.separation import by_cut, by_value

NUMBERS = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.0, 3.5, 8.0])


def ways(n, k):
    for chosen in combinations(range(n), k):
        yield np.isin(np.arange(n), chosen)


def share(found, n, k, least):
    """Of all ways to hand k labels out, in how many a column does as well."""
    return sum(found(inside).balanced >= least - 1e-9 for inside in ways(n, k)) / comb(n, k)


@pytest.mark.parametrize("codes", [[0, 0, 0, 1, 1, 2, 2, 3, 3], [0] * 6 + [1] * 3, list(range(9))])
def test_the_chance_of_categories_is_exact(codes):
    codes = np.array(codes)
    perfect = by_value(codes, codes < 1) if codes.max() < 8 else by_value(codes, codes < 3)
    k = 3 if codes.max() != 1 else 6
    assert perfect.perfect
    assert perfect.chance == pytest.approx(share(lambda i: by_value(codes, i), 9, k, 1.0))


@pytest.mark.parametrize("values", [NUMBERS, np.repeat([1.0, 2.0, 3.0], 3)])
def test_the_chance_of_numbers_is_exact_with_and_without_ties(values):
    inside = values < np.sort(values)[3]
    found = by_cut(values, inside)
    assert found.perfect and inside.sum() == 3
    assert found.chance == pytest.approx(share(lambda i: by_cut(values, i), 9, 3, 1.0))


def test_one_that_is_nearly_perfect_has_an_upper_bound():
    values, inside = np.arange(14.0), np.arange(14) < 3
    inside[[2, 3]] = False, True
    found = by_cut(values, inside)
    assert not found.perfect and found.balanced == pytest.approx((1 + 10 / 11) / 2)
    exact = share(lambda i: by_cut(values, i), 14, 3, found.balanced)
    assert exact <= found.chance <= 2 * exact


def test_the_best_cut_is_the_best_of_all_and_gaps_are_left_out():
    rng = np.random.default_rng(0)
    values, inside = rng.normal(size=40).round(1), rng.random(40) < 0.3
    values[:6] = np.nan
    known, truth = values[6:], inside[6:]
    scores = [balanced_accuracy_score(truth, known <= cut) for cut in known]
    best = max(max(s, 1 - s) for s in scores)
    found = by_cut(values, inside)
    assert found.patients == 34 and found.balanced == pytest.approx(best)


def test_what_cannot_separate_is_none():
    assert by_cut(np.ones(5), np.arange(5) < 2) is None
    assert by_cut(np.arange(5.0), np.zeros(5, bool)) is None
    assert by_value(np.array([-1, -1, 0, 0]), np.arange(4) < 2) is None
