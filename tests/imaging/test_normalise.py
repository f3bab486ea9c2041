"""Normalisation: the background stays 0, the foreground's mean is 1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase.imaging import apply_scale, fit_mean_std, fit_scale
from support.written import normalise_case

RNG = np.random.default_rng(2)


def brain(offset: float = 0.0, gain: float = 1.0, seed: int = 0) -> np.ndarray:
    """A case (6, 2, 32, 32): a disc of tissue about 100 +- 10 on background 0."""
    rows, columns = np.mgrid[:32, :32] - 15.5
    disc = rows**2 + columns**2 < 12**2
    tissue = np.random.default_rng(seed).normal(100, 10, (6, 2, 32, 32))
    return (np.where(disc, tissue, 0) * gain + offset).astype(np.float32)


def test_mean_is_one_three_deviations_below_is_zero():
    images = brain()
    normalised = normalise_case(images)
    tissue = images > 0
    assert (normalised[~tissue] == 0).all()
    for channel in range(2):
        inside = tissue[:, channel]
        x = images[:, channel][inside].astype(np.float64)
        z = (x - x.mean()) / x.std()
        expected = np.clip(1 + z / 3, 0, 3)
        np.testing.assert_allclose(normalised[:, channel][inside], expected, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(offset=st.floats(-1000, 1000), gain=st.floats(0.1, 50))
def test_offset_and_gain_do_not_matter(offset, gain):
    other = normalise_case(brain(offset, gain))
    np.testing.assert_allclose(normalise_case(brain()), other, atol=2e-2)


def test_one_channel_does_not_touch_another():
    images = brain()
    changed = images.copy()
    changed[:, 1] *= 7
    np.testing.assert_array_equal(normalise_case(images)[:, 0], normalise_case(changed)[:, 0])


def test_noise_in_the_air_stays_near_zero():
    images = brain()
    noise = RNG.integers(0, 5, images.shape).astype(np.float32)
    normalised = normalise_case(np.maximum(images, noise))
    air = images == 0
    assert normalised[air].mean() < 0.05
    assert 0.95 < normalised[~air].mean() < 1.05


def test_a_noisy_background_that_is_not_the_minimum_is_still_background():
    images = brain()
    noise = np.clip(np.round(RNG.normal(3, 1.2, images.shape)), 0, None).astype(np.float32)
    scale = fit_scale(np.maximum(images, noise)[:, 0])
    assert scale.background == 3
    assert scale.ramp is not None
    assert 95 < scale.mean < 105


def test_without_a_common_value_the_minimum_is_the_background():
    values = RNG.uniform(20, 300, 5000).astype(np.float32)
    assert fit_scale(values).background == values.min()


@pytest.mark.parametrize("share", [0.08, 0.13])
def test_background_needs_a_tenth(share):
    values = RNG.uniform(50, 300, 1_000_000).astype(np.float32)
    values[: int(share * len(values))] = 60
    assert fit_scale(values).background == (60 if share > 0.1 else values.min())


def test_tissue_has_the_same_scale_where_voxels_are_larger():
    rows, columns = np.mgrid[:128, :128] - 63.5
    grey = np.where((rows // 16 + columns // 16) % 2 == 0, 90, 110)
    fine = np.where(rows**2 + columns**2 < 55**2, grey, 0).astype(np.float32)
    coarse = fine.reshape(64, 2, 64, 2).mean(axis=(1, 3))  # its edge is half air
    tissue = [fit_scale(each, tissue=True) for each in (fine, coarse)]
    foreground = [fit_scale(each) for each in (fine, coarse)]
    assert tissue[0] == foreground[0]
    assert abs(tissue[1].mean - tissue[0].mean) < 1
    assert tissue[1].std < 1.2 * tissue[0].std
    assert foreground[1].std > 1.5 * foreground[0].std


@settings(max_examples=20, deadline=None)
@given(offset=st.floats(-1000, 1000), gain=st.floats(0.1, 50))
def test_offset_and_gain_do_not_matter_to_tissue(offset, gain):
    values, other = brain()[:, 0], brain(offset, gain)[:, 0]
    np.testing.assert_allclose(
        apply_scale(values, fit_scale(values, tissue=True)),
        apply_scale(other, fit_scale(other, tissue=True)), atol=2e-2,
    )  # fmt: skip


def test_signed_values_have_no_edge_to_leave_out():
    values = np.zeros(10_000, np.float32)
    values[:6000] = RNG.normal(0, 1, 6000)
    assert fit_scale(values, tissue=True) == fit_scale(values)


def test_signed_volumes_keep_their_negative_half():
    values = np.zeros(10_000, np.float32)
    values[:6000] = RNG.normal(0, 1, 6000)
    scale = fit_scale(values)
    assert scale.background == 0 and scale.ramp is None
    y = apply_scale(values, scale)
    assert (y[6000:] == 0).all()
    np.testing.assert_allclose(y[:6000].mean(), 1, atol=0.01)
    assert (y[:6000] > 0.3).mean() > 0.95


def test_an_outlier_is_clipped():
    images = brain()
    images[0, 0, 16, 16] = 1e6
    normalised = normalise_case(images)
    assert normalised.max() == 3 and normalised.min() == 0
    assert np.isfinite(normalised).all()


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_a_constant_channel_is_zero(value):
    assert not normalise_case(np.full((2, 1, 4, 4), value, np.float32)).any()


def test_a_binary_channel_is_zero_and_one():
    images = np.zeros((1, 1, 10, 10), np.float32)
    images[0, 0, :5] = 7
    assert set(np.unique(normalise_case(images))) == {0.0, 1.0}


def test_a_tiny_foreground_is_found():
    images = np.zeros((1, 1, 100, 100), np.float32)
    images[0, 0, 0, :3] = [90, 100, 110]
    normalised = normalise_case(images)
    assert normalised[0, 0, 0, 1] == pytest.approx(1)
    assert np.count_nonzero(normalised) == 3


def test_mean_and_deviation_of_some_rows():
    images = RNG.normal([[[[5.0]], [[1e4]]]], 3, (200, 2, 8, 8)).astype(np.float32)
    rows = RNG.permutation(200)[:150]
    mean, std = fit_mean_std(images, rows)
    part = images[rows].astype(np.float64)
    np.testing.assert_allclose(mean, part.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, part.std(axis=(0, 2, 3)), rtol=1e-10)


def test_mean_and_deviation_do_not_see_other_rows():
    images = RNG.normal(size=(20, 1, 4, 4)).astype(np.float32)
    before = fit_mean_std(images, [1, 2, 3])
    images[[0, *range(4, 20)]] = 1e9
    after = fit_mean_std(images, [3, 2, 1])
    np.testing.assert_array_equal(before, after)
