"""Artefacts, against what they are by definition."""

import numpy as np
import pytest

from rarecase.simulate.artefacts import coarser, ghosted, moved


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(0, 1, (32, 24, 3)).astype(np.float32)


def test_without_strength_nothing_changes(image):
    rng = np.random.default_rng(1)
    for found in (coarser(image, 1.0), ghosted(rng, image, 0.0), moved(rng, image, 0.0)):
        np.testing.assert_array_equal(found, image)


def test_coarse_voxels_lose_what_is_fine_and_keep_the_mean(image):
    found = coarser(image, 2.0)
    assert found.shape == image.shape
    assert found.mean() == pytest.approx(image.mean(), abs=0.02)
    assert np.diff(found, axis=0).std() < 0.5 * np.diff(image, axis=0).std()


def test_a_ghost_is_the_image_again_elsewhere():
    image = np.zeros((32, 32, 1), np.float32)
    image[4, 4] = 1
    found = ghosted(np.random.default_rng(2), image, 0.2)
    assert found[4, 4, 0] == pytest.approx(0.8) and found.sum() == pytest.approx(1, abs=1e-5)
    rows, columns, _ = np.nonzero(found)
    assert len(rows) > 1 and (set(rows) == {4}) != (set(columns) == {4})


def test_motion_blurs_and_adds_nothing(image):
    found = moved(np.random.default_rng(3), image, 2.0)
    assert np.abs(found - image).max() > 0.05
    energy = [np.square(each).sum() for each in (found, image)]
    assert energy[0] == pytest.approx(energy[1], rel=1e-4)
