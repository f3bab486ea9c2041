"""Grids, and resampling values between them, against nibabel's and by hand."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, ornt_transform
from nibabel.processing import resample_from_to
from scipy.spatial.transform import Rotation

from rarecase.imaging.grid import Grid, axial_grid, ras, resample, shared, straight, with_pixels

RNG = np.random.default_rng(0)


def grid(shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0), origin=(3.0, -5.0, 7.0), turn=None) -> Grid:
    matrix = np.diag(spacing).astype(float)
    if turn is not None:
        matrix = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ matrix
    return Grid(shape, nib.affines.from_matvec(matrix, origin))


def blob(g: Grid, *, radius=14.0, at=(20.0, 22.0, 18.0)) -> np.ndarray:
    """A smooth ball in the world, seen on a grid."""
    places = nib.affines.apply_affine(g.affine, np.moveaxis(np.indices(g.shape), 0, -1))
    away = np.linalg.norm(places - np.array(at), axis=-1)
    return np.clip(1.5 - away / radius, 0, 1).astype(np.float32)


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAL", "IRP"])
def test_turning_is_exact_and_as_nibabel_turns(codes):
    g = grid(spacing=(1.0, 2.0, 3.5))
    data = RNG.normal(size=g.shape).astype(np.float32)
    image = nib.Nifti1Image(data, g.affine)
    turned = image.as_reoriented(ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes)))
    other = Grid(turned.shape, turned.affine)
    np.testing.assert_array_equal(resample(data, g, other), np.asarray(turned.dataobj))
    np.testing.assert_array_equal(resample(np.asarray(turned.dataobj), other, g), data)
    assert other.codes == codes and ras(other).codes == "RAS"
    assert ras(other).same_as(g) and not other.same_as(g)


def test_a_part_and_a_surround():
    g = grid()
    data = RNG.normal(size=g.shape).astype(np.float32)
    inner = Grid((2, 3, 4), g.affine @ nib.affines.from_matvec(np.eye(3), (1, 2, 3)))
    np.testing.assert_array_equal(resample(data, g, inner), data[1:3, 2:5, 3:7])
    outer = Grid((10, 10, 10), g.affine @ nib.affines.from_matvec(np.eye(3), (-2, -1, -1)))
    wide = resample(data, g, outer)
    np.testing.assert_array_equal(wide[2:8, 1:8, 1:9], data)
    assert np.isclose(np.abs(wide).sum(), np.abs(data).sum())
    far = Grid(g.shape, nib.affines.from_matvec(np.eye(3), (500, 0, 0)))
    assert not resample(data, g, far).any() and shared(g, far) == 0
    assert shared(inner, g) == 1 and shared(outer, g) < 1


def test_resampling_as_nibabel_does_it():
    g = grid(shape=(40, 44, 20), spacing=(1, 1, 2), origin=(0, 0, 0))
    other = grid(shape=(30, 30, 30), spacing=(1.3, 1.3, 1.3), origin=(2, 3, 1), turn=(5, -8, 12))
    data = blob(g)
    expected = resample_from_to(nib.Nifti1Image(data, g.affine), (other.shape, other.affine),
                                order=1).get_fdata()  # fmt: skip
    inside = resample(np.pad(np.ones(np.array(g.shape) - 2), 1), g, other) > 0.999
    np.testing.assert_allclose(resample(data, g, other)[inside], expected[inside], atol=1e-5)


def test_tilt_and_shear():
    assert grid().tilt == pytest.approx(0) and grid().shear == pytest.approx(0)
    assert grid(turn=(12, 0, 0), spacing=(1, 1, 5)).tilt == pytest.approx(12)
    matrix = np.eye(3)
    matrix[1, 2] = np.tan(np.radians(15))
    sheared = Grid((5, 5, 5), nib.affines.from_matvec(matrix, (0, 0, 0)))
    assert sheared.shear == pytest.approx(15)
    laid, notes = axial_grid(sheared)
    assert laid.shear == pytest.approx(0) and "tilted gantry" in notes[0]


def test_straight_holds_everything():
    g = grid(shape=(20, 24, 10), spacing=(1, 1, 4), turn=(0, 14, 0))
    laid = straight(g)
    assert laid.tilt == pytest.approx(0) and laid.spacing == pytest.approx((1, 1, 4))
    assert shared(g, laid) == 1
    # What is resampled there and back is what it was, to interpolation error.
    wide = grid(shape=(40, 44, 40), origin=(0, 0, 0), turn=(0, 14, 0))
    data = blob(wide)
    back = resample(resample(data, wide, straight(wide)), straight(wide), wide)
    assert np.abs(back - data).max() < 0.1


def test_a_tilt_of_five_degrees_is_left_alone():
    assert axial_grid(grid(turn=(0, 0, 20)))[1] == ()  # turned within its plane
    almost, steep = grid(turn=(4.9, 0, 0)), grid(turn=(0, 5.2, 0))
    assert axial_grid(almost) == (almost, ())
    laid, notes = axial_grid(steep)
    assert laid.tilt == pytest.approx(0) and "tilted by 5.2 degrees" in notes[0]


def test_square_pixels():
    g = grid(shape=(10, 4, 6), spacing=(1, 3, 1))
    square, notes = axial_grid(g)
    assert square.shape == (10, 12, 6) and square.spacing == pytest.approx((1, 1, 1))
    assert "pixels of 1.00 by 3.00 mm" in notes[0]
    np.testing.assert_allclose(square.corners().mean(axis=0), g.corners().mean(axis=0))
    np.testing.assert_allclose(np.ptp(square.corners(), axis=0), np.ptp(g.corners(), axis=0))
    half = with_pixels(grid(shape=(8, 8, 3)), 2.0)
    assert half.shape == (4, 4, 3) and half.spacing == pytest.approx((2, 2, 1))
