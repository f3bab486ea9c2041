"""Positions and orientations as headers round them: what is one volume, and what is none."""

import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase.errors import DataError
from rarecase.imaging import read_volume
from rarecase.imaging.formats.dicom.geometry import OFF, TURNED
from support.dicoms import AXIAL, CORONAL, edit, voxels
from support.written import FLIP, dicom

SLICES = 6


@cache
def written() -> tuple[tuple[pydicom.Dataset, ...], np.ndarray, np.ndarray]:
    """Data sets of a tilted series, its values and affine as read."""
    turn = np.radians(20)
    affine = np.array([[1, 0, 0, 7], [0, np.cos(turn), -np.sin(turn), 3],
                       [0, np.sin(turn), np.cos(turn), -2], [0, 0, 0, 1]]) @ AXIAL  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        series = dicom(Path(folder) / "s", voxels((8, 6, SLICES)), affine)
        volume = read_volume(series)
        found = sorted(map(pydicom.dcmread, series.iterdir()), key=lambda ds: -ds.InstanceNumber)
    return tuple(found), volume.data, volume.grid.affine


def rewritten(folder: Path, names, places, axes, preamble: bool) -> None:
    datasets, _, _ = written()
    for ds, name, place, way in zip(datasets, names, places, axes, strict=True):
        copy = deepcopy(ds)
        copy.ImagePositionPatient = [f"{v:.9g}" for v in place]
        copy.ImageOrientationPatient = [f"{v:.9g}" for v in way.ravel()]
        file = folder / name
        copy.save_as(file, enforce_file_format=True)
        if not preamble:
            file.write_bytes(file.read_bytes()[132:])


# In a plane, along the normal, and in degrees: the shares of what is allowed.
shares = st.lists(st.tuples(*[st.floats(-1, 1)] * 4), min_size=SLICES, max_size=SLICES)


@settings(max_examples=25, deadline=None)
@given(shares, st.permutations(range(SLICES)), st.booleans())
def test_jitter_below_the_tolerance_any_order_and_no_preamble_make_the_same_volume(
    jitter, order, preamble
):
    datasets, data, affine = written()
    places, axes = [], []
    for ds, (right, back, up, turned) in zip(datasets, jitter, strict=True):
        way = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(*way)
        # Ends that are off move the line from one to the other.
        shift = 0.2 * (right * way[0] + back * way[1]) + 0.45 * OFF * 3 * up * normal
        places.append(np.array(ds.ImagePositionPatient, float) + shift)
        angle = np.radians(0.49 * TURNED * turned)
        axes.append(np.cos(angle) * way + np.sin(angle) * np.array([way[1], -way[0]]))
    with tempfile.TemporaryDirectory() as folder:
        rewritten(Path(folder), [f"{k}.dcm" for k in order], places, axes, preamble)
        volume = read_volume(Path(folder))
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.grid.affine, affine, atol=0.4)
    off = np.array(jitter)[:, 2]
    if np.ptp(off) == 0:
        assert not any("mm apart" in note for note in volume.notes)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, SLICES - 2), st.floats(0.25, 0.45) | st.floats(-0.45, -0.25))
def test_a_slice_far_off_even_distances_is_refused(which, share):
    datasets, _, _ = written()
    places = [np.array(ds.ImagePositionPatient, float) for ds in datasets]
    axes = [np.array(ds.ImageOrientationPatient, float).reshape(2, 3) for ds in datasets]
    places[which] = places[which] + 3 * share * np.cross(*axes[which])
    with tempfile.TemporaryDirectory() as folder:
        rewritten(Path(folder), [f"{k}" for k in range(SLICES)], places, axes, True)
        with pytest.raises(DataError, match=r"off even distances \(0\.\d\d are allowed\)"):
            read_volume(Path(folder))


@pytest.mark.parametrize(("step", "decimals"), [(0.627, 1), (0.9766, 1), (4.8, 1), (1.25, 2)])
def test_rounded_positions_are_even(tmp_path, step, decimals):
    affine = FLIP @ np.diag([1.0, 1.0, step, 1.0])
    folder = dicom(tmp_path / "s", voxels((8, 6, 40)), affine)

    def rounded(ds, _):
        ds.ImagePositionPatient = [f"{v:.{decimals}f}" for v in ds.ImagePositionPatient]

    volume = read_volume(edit(folder, rounded))
    assert volume.grid.spacing[2] == pytest.approx(step, rel=3e-3) and volume.notes == ()


def test_orientations_that_differ_in_the_last_decimals_are_one(tmp_path):
    folder = dicom(tmp_path / "s", voxels((8, 6, 10)), AXIAL)
    plain = read_volume(folder)

    def turned(ds, number):
        off = (0.0003, 0.0005, 0.0007)[number % 3]
        ds.ImageOrientationPatient = [1, off, 0, -off, 1, 0]

    volume = read_volume(edit(folder, turned))
    np.testing.assert_array_equal(volume.data, plain.data)
    assert np.abs(volume.grid.affine - plain.grid.affine).max() < 0.01


def test_orientations_further_apart_than_the_tolerance_are_listed_or_said(tmp_path):
    folder = dicom(tmp_path / "s", voxels((8, 6, 10)), AXIAL)

    def turned(ds, number):
        if number == 9:
            ds.ImageOrientationPatient = [1, 0.01, 0, -0.01, 1, 0]

    edit(folder, turned)
    with pytest.raises(DataError, match="holds 2 series or orientations"):
        read_volume(folder)
    first = max(folder.iterdir(), key=lambda f: pydicom.dcmread(f).InstanceNumber)
    volume = read_volume(first)
    assert volume.data.shape[2] == 9 and "1 more slices of 'FLAIR' are left out" in volume.notes[0]


def test_a_little_unevenness_is_said(tmp_path):
    folder = dicom(tmp_path / "s", voxels((8, 6, 9)), CORONAL)

    def moved(ds, number):
        if number == 4:
            ds.ImagePositionPatient[1] += 0.2

    (note,) = read_volume(edit(folder, moved)).notes
    assert "lie 2.80 to 3.20 mm apart, up to 0.18 mm off even distances; taken as 3.00 mm" in note


def test_slices_shifted_within_their_plane_are_refused(tmp_path):
    folder = dicom(tmp_path / "s", voxels((8, 6, 9)), AXIAL)

    def moved(ds, number):
        if number == 4:
            ds.ImagePositionPatient[0] += 4

    with pytest.raises(DataError, match=r"lies 4\.0 pixels beside the line of the others"):
        read_volume(edit(folder, moved))


def test_pixels_of_several_sizes_and_crooked_axes_are_refused(tmp_path):
    folder = dicom(tmp_path / "s", voxels(), AXIAL)

    def larger(ds, number):
        ds.PixelSpacing = [1 + number % 2, 1]

    with pytest.raises(DataError, match=r"pixels of several sizes \(1 to 2 mm\)"):
        read_volume(edit(folder, larger))

    def crooked(ds, _):
        ds.PixelSpacing, ds.ImageOrientationPatient = [1, 1], [1, 0, 0, 0.5, 0.8, 0]

    with pytest.raises(DataError, match="holds no two directions at right angles"):
        read_volume(edit(folder, crooked))


def test_a_missing_slice_is_counted_where_positions_are_rounded(tmp_path):
    affine = FLIP @ np.diag([1.0, 1.0, 0.627, 1.0])
    folder = dicom(tmp_path / "s", voxels((8, 6, 40)), affine, skip=(17, 30, 31))

    def rounded(ds, _):
        ds.ImagePositionPatient = [f"{v:.1f}" for v in ds.ImagePositionPatient]

    with pytest.raises(DataError, match=r"lacks 3 slice\(s\)"):
        read_volume(edit(folder, rounded))
