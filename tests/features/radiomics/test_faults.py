"""What radiomics users have publicly stumbled over (numbers as in the list of faults)."""

import time

import numpy as np
import pytest

from rarecase.errors import DataError
from rarecase.features.radiomics.notes import flat_notes, missing_note
from rarecase.features.radiomics.recipe import Recipe, measure
from rarecase.features.radiomics.region import levels_of, make_region, parts_of
from rarecase.features.radiomics.shape import shape_features
from rarecase.features.radiomics.statistics import intensity_features

ONE = (1.0, 1.0, 1.0)
RNG = np.random.default_rng(0)


def whole(image):
    return np.ones(np.shape(image), bool)


def features(image, mask=None, spacing=ONE, **recipe):
    image = np.asarray(image, float)
    mask = whole(image) if mask is None else mask
    return measure({"t1": image}, mask, spacing, recipe=Recipe(**{"resample": None} | recipe))


def test_all_above_nothing_is_mask_whatever_the_number():  # F01
    image = np.arange(16.0).reshape(1, 4, 4)
    masks = [np.zeros((1, 4, 4), np.uint8) for _ in range(2)]
    masks[0][0, 1:3, 1:3] = 255
    masks[1][0, 1, 1:3], masks[1][0, 2, 1:3] = 2, 5
    one, other = (measure({"t1": image}, mask, ONE, head=image >= 0) for mask in masks)
    assert one["t1_stat_mean"] == 7.5 and one["place_share"] == 0.25
    assert one == pytest.approx(other, nan_ok=True)


def test_a_mask_of_the_whole_image_is_a_mask():  # F02
    image = RNG.normal(size=(3, 3, 3))
    found = features(image)
    assert found["t1_stat_mean"] == pytest.approx(image.mean())
    assert found["t1_stat_variance"] == pytest.approx(image.var())
    rim = features(np.pad(image, 1), np.pad(whole(image), 1))
    assert found.keys() == rim.keys()
    np.testing.assert_allclose([*found.values()], [*rim.values()], equal_nan=True)
    with pytest.raises(DataError, match="mask: empty"):
        features(image, ~whole(image))


@pytest.mark.parametrize("voxels", [1, 2])
def test_what_few_voxels_do_not_define_is_missing_and_the_rest_is_there(voxels):  # F04
    image, mask = RNG.normal(size=(5, 5, 5)), np.zeros((5, 5, 5), bool)
    mask[2, 2, 2 : 2 + voxels] = True
    found = features(image, mask)
    assert found["t1_stat_mean"] == pytest.approx(image[mask].mean())
    assert not np.isinf([*found.values()]).any()
    assert np.isnan(found["morph_vol_dens_aee"])
    assert missing_note(found, mask).endswith(f": {voxels} voxels, extent {voxels}×1×1.")
    if voxels == 1:
        assert found["t1_stat_variance"] == 0
        assert np.isnan(found["t1_cm_contrast"]) and np.isnan(found["t1_ngtdm_coarseness"])


def test_flat_regions_have_the_values_that_are_defined():  # F05
    found = features(np.full((3, 3, 3), 100.0))
    assert found["t1_int_hist_entropy"] == 0 and found["t1_int_hist_uniformity"] == 1
    assert found["t1_stat_skewness"] == 0 and found["t1_ngtdm_coarseness"] == 1e6
    assert np.isnan(found["t1_cm_correlation"])
    assert not np.isinf([*found.values()]).any()


def test_flat_regions_are_said_with_range_and_width():  # F05
    image = RNG.uniform(0, 2.7, size=(1, 8, 8))
    image[0, 0, :2] = 0, 2.7
    rows = [features(image, width=25), features(image + 7, width=25)]
    grey, coarse = flat_notes(rows, Recipe(width=25))
    assert grey.startswith("t1: 1 grey level in 2 of 2 cases, range 2.7, width 25.")
    assert coarse.startswith("t1_ngtdm_coarseness: 1e+06 in 2 of 2 cases")
    varied, empty = features(image), dict.fromkeys(rows[0], float("nan"))
    assert flat_notes([varied, empty], Recipe()) == []
    (grey, _) = flat_notes([varied, features(np.ones((1, 8, 8)))], Recipe())
    assert grey == "t1: 1 grey level in 1 of 2 cases, range 0."


def test_bins_of_a_width_begin_at_the_least_intensity():  # F07
    values = np.array([-30.0, -10, 0, 10, 24]).reshape(1, 1, 5)
    region = make_region(values, whole(values), ONE)
    assert levels_of(region, width=25)[0].ravel().tolist() == [1, 1, 2, 2, 3]
    assert levels_of(region, width=25, start=-50)[0].ravel().tolist() == [1, 2, 3, 3, 3]


def test_too_many_grey_levels_are_refused_before_anything_is_allocated():  # F08
    image = np.zeros((3, 3, 3))
    image[0, 0, 0] = 50000
    began = time.perf_counter()
    with pytest.raises(DataError, match=r"0 to 50,000 make 100,001 grey levels.*unit"):
        features(image, width=0.5)
    assert time.perf_counter() - began < 1


def test_a_mask_that_resampling_loses_is_refused_with_its_size():  # F09
    image, mask = RNG.normal(size=(9, 6, 6)), np.zeros((9, 6, 6), bool)
    mask[2] = True
    region = make_region(image, np.roll(mask, 2, axis=0), ONE, resample=3, in_plane=False)
    assert region.mask.any()
    with pytest.raises(DataError, match=r"36 voxels \(36 mm³\) leave none of 3 × 3 × 3 mm"):
        make_region(image, mask, ONE, resample=3)


def test_two_lesions_are_one_mask_of_two_parts():  # F10
    mask = np.zeros((2, 2, 14), bool)
    mask[:, :, :2] = mask[:, :, 12:] = True
    image = RNG.normal(size=mask.shape)
    found = features(image, mask)
    assert found["morph_approx_volume"] == 16 and found["mask_parts"] == 2
    each = [features(image, part) for part in parts_of(mask)]
    assert [(one["morph_approx_volume"], one["mask_parts"]) for one in each] == [(8, 1)] * 2
    # Between centres 13.08 and 1.73; the surface lies up to half a voxel further out on both sides.
    assert 13.08 < found["morph_max_3d_diam"] < 13.08 + 3**0.5
    assert all(1.73 < one["morph_max_3d_diam"] < 1.73 + 3**0.5 for one in each)


def test_lengths_go_along_their_own_axes():  # F11
    mask = np.ones((1, 2, 4), bool)
    region = make_region(np.zeros(mask.shape), np.pad(mask, 0), (3.0, 1.0, 0.5))
    found = shape_features(region)
    assert found["morph_approx_volume"] == 12
    extent = np.array(mask.shape) * region.spacing
    assert extent.tolist() == [3, 2, 2]


def test_integers_do_not_wrap_around():  # F12
    image = np.array([-1024, 3071], np.int16).reshape(1, 1, 2)
    for kind in (np.int16, np.float64):
        region = make_region(image.astype(kind), whole(image), ONE)
        found = intensity_features(region.values)
        assert (found["stat_mean"], found["stat_range"], found["stat_energy"]) == (
            1023.5,
            4095,
            10479617,
        )


def test_a_slice_is_a_stack_of_one():  # F13
    found = features(np.ones((1, 4, 4)), spacing=(9.0, 0.5, 0.5))
    assert found["flat_approx_area"] == 4
    assert not [name for name in found if name.startswith("morph_")]


def test_a_picture_of_unknown_spacing_is_filtered_by_pixels():
    image = RNG.normal(size=(1, 12, 12))
    found = features(image, spacing=None, filters=("log-1",))
    assert found["t1_log-1_stat_variance"] > 0


def test_an_image_of_unknown_spacing_is_not_resampled():
    image = RNG.normal(size=(4, 6, 6))
    one, other = (features(image, spacing=None, resample=r, flat=True) for r in (None, 3.0))
    assert one == other


def test_turning_a_volume_about_its_axis_changes_nothing_but_the_place():
    image = RNG.normal(size=(5, 7, 7))
    mask = np.zeros(image.shape, bool)
    mask[1:4, 2:6, 1:4] = True
    one, other = (
        features(image, mask),
        features(np.rot90(image, axes=(1, 2)), np.rot90(mask, axes=(1, 2))),
    )
    np.testing.assert_allclose([*one.values()], [*other.values()], rtol=1e-5)
