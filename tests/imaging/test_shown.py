"""What is shown of a case: one rule for channels, and slices from end to end of a tumour."""

import numpy as np
import pytest

from rarecase.imaging.shown import shown_channel, spread_over


def test_flair_stands_under_masks_unless_they_were_drawn_on_another():
    assert shown_channel(["t1", "flair", "t2"]) == 1
    assert shown_channel(["t1gd", "t2"]) == 0
    assert shown_channel(["t1", "flair", "t2"], drawn_on=[2]) == 2
    assert shown_channel(["t1", "flair", "t2"], drawn_on=[0, 1]) == 1  # it could be either


@pytest.mark.parametrize("most", [1, 2, 3, 6])
def test_slices_are_spread_from_end_to_end_with_the_largest(most):
    rng = np.random.default_rng(most)
    for _ in range(50):
        area = np.where(rng.random(40) < 0.7, rng.integers(1, 99, 40), 0)
        area[[5, 30]] = 1
        area[:5], area[31:] = 0, 0
        found = spread_over(area, most)
        assert found == sorted(set(found)) and len(found) == most
        assert (area[found] > 0).all() and area.argmax() in found
        if most > 2:
            assert found[0] == 5 and found[-1] == 30
        if most == 6:
            assert np.diff(found).max() <= 14  # no gap of more than half of the extent


def test_few_slices_are_all_shown_and_an_empty_mask_shows_the_whole_case():
    assert spread_over([0, 4, 9, 0], 6) == [1, 2]
    assert spread_over([0] * 30, 3) == [7, 14, 22]
    assert spread_over([0, 0], 6) == [0, 1]
    assert spread_over([0], 6) == [0]
