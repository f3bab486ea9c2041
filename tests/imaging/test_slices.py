"""Fitting slices and masks to a square size."""

import numpy as np
import pytest
from scipy import ndimage

from rarecase.errors import SettingError
from rarecase.imaging import fit_square, fit_square_masks

RNG = np.random.default_rng(4)


def test_same_size_is_untouched():
    images = RNG.normal(size=(2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(fit_square(images, 8), images)
    masks = RNG.integers(0, 2, (2, 8, 8)).astype(np.uint8)
    np.testing.assert_array_equal(fit_square_masks(masks, 8), masks)


@pytest.mark.parametrize(("h", "w"), [(5, 8), (8, 5), (7, 8)])
def test_padding_is_symmetric_background(h, w):
    images = RNG.uniform(1, 2, (1, 1, h, w)).astype(np.float32)
    fitted = fit_square(images, 8)
    top, left = (8 - h) // 2, (8 - w) // 2
    np.testing.assert_array_equal(fitted[..., top : top + h, left : left + w], images)
    assert np.count_nonzero(fitted) == h * w


def test_halving_is_an_antialiased_mean():
    smooth = ndimage.gaussian_filter(RNG.normal(size=(64, 64)), 4).astype(np.float32)
    fitted = fit_square(smooth[None, None], 32)[0, 0]
    blocks = smooth.reshape(32, 2, 32, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(fitted[2:-2, 2:-2], blocks[2:-2, 2:-2], atol=0.01)
    checkerboard = np.indices((64, 64)).sum(axis=0) % 2
    grey = fit_square(checkerboard[None, None].astype(np.float32), 16)
    np.testing.assert_allclose(grey, 0.5, atol=0.05)


def test_range_and_background_are_kept():
    images = np.zeros((1, 1, 60, 40), np.float32)
    images[0, 0, 20:40, 10:30] = 3
    for size in (16, 32, 100):
        fitted = fit_square(images, size)
        assert fitted.min() == 0 and fitted.max() <= 3
        assert (fitted[0, 0, 0] == 0).all()


def test_mask_follows_its_image():
    mask = np.zeros((1, 90, 60), np.uint8)
    mask[0, 30:60, 12:48] = 1
    fitted = fit_square_masks(mask, 30)
    assert fitted.shape == (1, 30, 30) and set(np.unique(fitted)) == {0, 1}
    assert fitted.sum() == pytest.approx(mask.sum() / 9, rel=0.05)
    image = fit_square(mask[:, None].astype(np.float32), 30)[:, 0]
    np.testing.assert_array_equal(fitted, image >= 0.5)


def test_impossible_size():
    with pytest.raises(SettingError, match="size: 0"):
        fit_square(np.zeros((1, 1, 4, 4), np.float32), 0)
