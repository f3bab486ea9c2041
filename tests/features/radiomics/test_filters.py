"""Filtered images: what they answer to, how far they look, and IBSI 2's reference values."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.ndimage import gaussian_laplace

from rarecase.errors import SettingError
from rarecase.features.radiomics.filters import filtered, laplacian_of_gaussian, wavelet_bands
from rarecase.features.radiomics.recipe import Recipe, measure
from rarecase.features.radiomics.region import make_region
from rarecase.features.radiomics.statistics import intensity_features
from support.ibsi import IBSI, volume

ONE = (1.0, 1.0, 1.0)
RNG = np.random.default_rng(0)
DAUBECHIES_3 = np.array(
    [0.03522629188570953, -0.08544127388202666, -0.13501102001025458, 0.45987750211849154,
     0.8068915093110925, 0.33267055295008263]
)  # fmt: skip
NAMES = [
    "mean", "variance", "skewness", "kurtosis", "median", "minimum", "p10", "p90", "maximum", "iqr",
    "range", "mean_absolute_dev", "robust_mean_absolute_dev", "median_absolute_dev",
    "coef_of_variation", "quartile_coef_dispersion", "energy", "root_mean_square",
]  # fmt: skip
# Value and tolerance of IBSI 2's configurations 3.B and 6.B (Whybra et al., Radiology 2024).
REFERENCE = {
    "log": [
        (-2.94, 0.2), (720, 33), (0.428, 0.009), (6.13, 0.27), (-0.919, 0.024), (-173, 5),
        (-32.2, 0.5), (17.4, 1.9), (204, 1), (11.4, 0.3), (377, 5), (15.5, 0.4), (6.37, 0.19),
        (15.3, 0.4), (-9.12, 1.63), (-2.34, 0.07), (2.61e8, 1.9e7), (27.0, 0.6),
    ],
    "wavelet": [
        (-0.182, 0.024), (250, 9), (0.157, 0.018), (8.98, 0.35), (0.0575, 0.0046), (-148, 1),
        (-13.8, 0.5), (12.1, 0.4), (155, 1), (9.35, 0.15), (303, 2), (9.26, 0.22), (4.21, 0.09),
        (9.25, 0.22), (-86.9, 32.6), (-162, 27), (8.96e7, 5.3e6), (15.8, 0.3),
    ],
}  # fmt: skip


def turned_and_averaged(image):
    """LLH of a Daubechies 3, averaged over the 24 ways in which a cube lies on its axes."""
    found = []
    for axes, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        if np.linalg.det(np.eye(3)[list(axes)] * signs) > 0:
            flipped = [axis for axis in range(3) if signs[axis] < 0]
            turned = np.flip(image.transpose(axes), flipped)
            band = wavelet_bands(turned, DAUBECHIES_3, flat=False)["LLH"]
            found.append(np.flip(band, flipped).transpose(np.argsort(axes)))
    assert len(found) == 24
    return np.mean(found, axis=0)


@pytest.mark.realdata
@pytest.mark.parametrize("name", REFERENCE)
def test_reference_values_of_filtered_images(name):
    if not IBSI.is_dir():
        pytest.skip("the phantoms are not here")
    (image, spacing), (mask, _) = volume("ct_phantom"), volume("ct_phantom_mask")
    region = make_region(
        image, mask, tuple(map(float, spacing)), resample=1, order="cubic", rounded=True,
        limits=(-1000, 400), margin=(8, 8, 8),
    )  # fmt: skip
    if name == "log":
        response = laplacian_of_gaussian(region.image, 1.5, ONE, flat=False)
    else:
        response = turned_and_averaged(region.image)
    found = intensity_features(response[region.mask])
    for feature, (value, tolerance) in zip(NAMES, REFERENCE[name], strict=True):
        assert found[f"stat_{feature}"] == pytest.approx(value, abs=tolerance), feature


def test_differences_of_a_constant_are_nothing_and_sizes_are_kept():  # F14
    image = np.full((3, 7, 5), 3.0)
    for flat in (False, True):
        bands = wavelet_bands(image, flat=flat)
        smooth = bands.pop("LL" if flat else "LLL")
        assert len(bands) == (3 if flat else 7)
        assert smooth.shape == image.shape and smooth[1, 3, 2] == pytest.approx(
            3 * 2 ** (1 if flat else 1.5)
        )
        for band in [*bands.values(), laplacian_of_gaussian(image, 1.0, ONE, flat=flat)]:
            assert band.shape == image.shape and not band.any()


def test_one_bright_voxel_is_answered_within_a_filters_length():  # F14
    image = np.zeros((3, 7, 5))
    image[1, 3, 2] = 1
    for band in wavelet_bands(np.pad(image, 9), flat=False).values():
        near = np.argwhere(band) - (10, 12, 11)
        assert len(near) == 6**3 and near.min() == -3 and near.max() == 2
    assert wavelet_bands(image, flat=False)["HHH"].shape == image.shape


def test_bands_together_hold_all_of_an_image():
    """Eight orthonormal bands, none of them thinned out, hold its energy eight times."""
    image = np.pad(RNG.normal(size=(4, 5, 6)), 6)
    energy = sum((band**2).sum() for band in wavelet_bands(image, flat=False).values())
    assert energy == pytest.approx(8 * (image**2).sum())


def test_differences_are_those_of_coiflet_1():
    """PyWavelets' `dec_hi` of coif1, around a bright pixel."""
    image = np.zeros((1, 1, 31))
    image[0, 0, 15] = 1
    found = wavelet_bands(image, flat=True)["HL"][0, 0] / 2**0.5  # smoothed along y, all alike
    expected = [0.0727326, 0.3378977, -0.8525720, 0.3848648, 0.0727326, -0.0156557]
    np.testing.assert_allclose(found[12:18], expected, atol=1e-6)


def test_letters_stand_for_x_y_z():
    z, y, x = np.meshgrid(*[np.arange(16) % 2] * 3, indexing="ij")
    for letters, image in (("HLL", x), ("LHL", y), ("LLH", z)):
        bands = wavelet_bands(image.astype(float), flat=False)
        strongest = max(bands, key=lambda band: bands[band].std())
        assert strongest == letters


def test_laplacian_is_scipys_and_goes_by_millimetres():
    image = RNG.normal(size=(20, 20, 20))
    ours = laplacian_of_gaussian(image, 2.0, ONE, flat=False)
    theirs = gaussian_laplace(image, 2.0, mode="mirror")
    assert np.abs(ours - theirs).max() < 0.01 * np.abs(theirs).max()
    for spacing in (ONE, (1.5, 0.5, 0.8)):
        at = np.meshgrid(*[np.arange(-40, 41) * step for step in spacing], indexing="ij")
        blob = np.exp(-sum(each**2 for each in at) / (2 * 3**2))
        middle = laplacian_of_gaussian(blob, 2.0, spacing, flat=False)[40, 40, 40]
        assert middle == pytest.approx(-3 / 13 * (9 / 13) ** 1.5, rel=0.01)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", ["log-1.5", "wavelet"])
@pytest.mark.parametrize("resample", [None, 1.0])
def test_the_box_around_a_mask_is_wide_enough(name, flat, resample):
    image = RNG.normal(size=(31, 40, 40))
    mask = np.zeros(image.shape, bool)
    mask[15:17, 18:22, 16:23] = True
    spacing = ONE if resample is None else (1.4, 1.4, 1.4)
    recipe = Recipe(resample=resample, filters=(name,), flat=flat)
    found = measure({"t1": image}, mask, spacing, recipe=recipe)
    whole, drawn = (
        make_region(each, np.ones_like(mask), spacing, resample=resample, in_plane=flat)
        for each in (image, mask.astype(float))
    )
    for filtered_name, response in filtered(whole, (name,), flat=flat):
        values = response.image[drawn.image >= 0.5 - 1e-6]
        assert found[f"t1_{filtered_name}_stat_mean"] == pytest.approx(values.mean())
        assert found[f"t1_{filtered_name}_stat_variance"] == pytest.approx(values.var())
    image[:14] += 1000  # slices beside the mask
    again = measure({"t1": image}, mask, spacing, recipe=recipe)
    assert (again == found) == flat


def test_filtered_images_are_measured_in_bins_under_names_of_their_own():
    image = RNG.normal(size=(6, 20, 20))
    mask = np.zeros(image.shape, bool)
    mask[2:5, 5:15, 5:15] = True
    plain = measure({"t1": image}, mask, ONE)
    both = measure({"t1": image}, mask, ONE, recipe=Recipe(filters=("log-2", "wavelet")))
    assert {name: both[name] for name in plain} == plain
    assert {name.split("_")[1] for name in both.keys() - plain.keys()} == {
        "log-2", *(f"wavelet-{''.join(band)}" for band in product("LH", repeat=3)),
    }  # fmt: skip
    coarse = measure({"t1": image}, mask, ONE, recipe=Recipe(filters=("log-2",), width=99))
    assert coarse["t1_int_hist_range"] == 0 and coarse["t1_log-2_int_hist_range"] == 31
    assert "t1_log-2_stat_mean" in both and "t1_log-2_stat_coef_of_variation" not in both


@pytest.mark.parametrize("name", ["log-0", "log-x", "log3", "haar", "log-inf"])
def test_another_filter_is_refused(name):
    with pytest.raises(SettingError, match="expected 'wavelet' or 'log-'"):
        Recipe(filters=(name,))


def test_a_gaussian_between_the_voxels_is_refused():
    image = RNG.normal(size=(5, 9, 9))
    with pytest.raises(SettingError, match="log-1 is less than half a voxel of 3 × 1 × 1 mm"):
        measure({"t1": image}, image < 9, (3.0, 1.0, 1.0),
                recipe=Recipe(resample=None, filters=("log-1",), flat=False))  # fmt: skip
