import numpy as np
import pytest
from scipy import interpolate

from rarecase.seeds import numpy_rng
from rarecase.simulate.anatomy import draw_anatomy
from rarecase.simulate.lattice import axis, resample, smooth_noise
from rarecase.simulate.patient import image_axes


@pytest.fixture(scope="module")
def anatomy():
    return draw_anatomy(numpy_rng(0, "anatomy test"))


GRID = image_axes(size=64, slices=20, field_of_view=240, coverage=160)


def test_tissues_share_out_the_brain(anatomy):
    tissue = anatomy.tissue(GRID)
    total = tissue.white + tissue.grey + tissue.csf
    np.testing.assert_allclose(total[tissue.brain], 1, atol=1e-5)
    for values in (tissue.white, tissue.grey, tissue.csf, tissue.halo):
        assert values.min() >= 0
        assert (values[~tissue.brain] == 0).all()


def test_brain_volume_is_that_of_a_head(anatomy):
    voxel = 3.75**2 * 8 / 1e3
    assert 1100 < anatomy.tissue(GRID).brain.sum() * voxel < 2200


def test_bounds_hold_the_whole_brain(anatomy):
    brain = anatomy.tissue(GRID).brain
    for i, (low, high) in enumerate(anatomy.bounds()):
        points = GRID[i][brain.any(axis=tuple(k for k in range(3) if k != i))]
        assert low < points.min() and points.max() < high


def test_heads_differ(anatomy):
    other = draw_anatomy(numpy_rng(1, "anatomy test"))
    a, b = anatomy.tissue(GRID).brain, other.tissue(GRID).brain
    overlap = 2 * (a & b).sum() / (a.sum() + b.sum())
    assert 0.7 < overlap < 0.99


def test_a_mass_pushes_tissue_outwards_and_leaves_the_skull(anatomy):
    centre = np.array([30.0, 0.0, 15.0], np.float32)
    pushed = anatomy.pushed(centre, radius=20, strength=0.3)
    at = [np.array([v, v + 4], np.float32) for v in (30 + 16, 0, 15)]
    before = anatomy.to_template((at[0], at[1], at[2]))[0][0, 0, 0]
    after = pushed.to_template((at[0], at[1], at[2]))[0][0, 0, 0]
    assert 2 < before - after < 10  # what is now 16 mm out was nearer the centre
    a, b = anatomy.tissue(GRID).brain, pushed.tissue(GRID).brain
    assert (a != b).sum() < 0.01 * a.sum()


def test_resampling_agrees_with_scipy_splines():
    rng = np.random.default_rng(0)
    source = (axis(0, 20, 4), axis(-8, 12, 4), axis(0, 28, 4))
    values = rng.standard_normal([len(a) for a in source]).astype(np.float32)
    target = tuple(np.sort(rng.uniform(a[0], a[-1], 7)).astype(np.float32) for a in source)
    expected = values.astype(float)
    for k in range(3):
        expected = interpolate.CubicSpline(source[k], expected, axis=k, bc_type="not-a-knot")(
            target[k]
        )
    np.testing.assert_allclose(resample(values, source, target), expected, atol=1e-4)


def test_noise_has_the_asked_for_moments_and_length():
    noise = smooth_noise(np.random.default_rng(0), (48, 48, 48), step=2, length=6)
    assert abs(noise.mean()) < 1e-5
    assert noise.std() == pytest.approx(1, abs=1e-4)
    # white noise under a Gaussian of deviation L: correlation exp(-d² / 4 L²)
    shifted = (noise * np.roll(noise, 3, axis=0)).mean()
    assert shifted == pytest.approx(np.exp(-(6**2) / (4 * 6**2)), abs=0.05)
