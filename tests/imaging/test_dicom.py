"""DICOM series: found, put in order, or refused with what is wrong; segmentations."""

import numpy as np
import pytest

from rarecase.errors import DataError
from rarecase.imaging import probe_volume, read_mask_volume, read_volume
from support.written import FLIP, dicom, dicom_seg, truth

AFFINE = FLIP @ np.diag([1.0, 1.0, 3.0, 1.0])  # columns to the left, rows to the back
RNG = np.random.default_rng(0)


def values(shape=(8, 6, 5)) -> np.ndarray:
    return 2 * RNG.integers(0, 100, shape).astype(np.float32)


def test_a_folder_and_any_of_its_files_are_the_series(tmp_path):
    data = values()
    folder = dicom(tmp_path / "s", data, AFFINE)
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.data, data[::-1, ::-1])
    assert volume.source.codes == "LPS" and volume.grid.spacing == (1, 1, 3)
    one = sorted(folder.iterdir())[2]
    np.testing.assert_array_equal(read_volume(one).data, volume.data)
    assert probe_volume(folder).shape == (8, 6, 5)
    np.testing.assert_allclose(probe_volume(one).grid.affine, volume.grid.affine)


def test_coronal_slices_lie_where_they_were_taken(tmp_path):
    data = values()
    affine = np.array([[-1.0, 0, 0, 40], [0, 0, 4, -60], [0, -1, 0, 90], [0, 0, 0, 1]])
    volume = read_volume(dicom(tmp_path / "s", data, affine))
    # Column 0 is rightmost, row 0 topmost, slice 0 rearmost.
    np.testing.assert_array_equal(volume.data, data.transpose(0, 2, 1)[::-1, :, ::-1])
    assert volume.grid.spacing == (1, 4, 1)
    np.testing.assert_allclose(volume.grid.affine[:3, 3], (33, -60, 85))


def test_several_series_are_listed_with_a_way_out(tmp_path):
    dicom(tmp_path / "all" / "a", values(), AFFINE, name="t1 tse")
    chosen = dicom(tmp_path / "all" / "b", values(), AFFINE, name="FLAIR")
    with pytest.raises(DataError, match=r"holds 2 series .*'t1 tse' \(MR, 5 axial slices, such as"):
        read_volume(tmp_path / "all")
    assert read_volume(chosen).data.shape == (8, 6, 5)


def test_missing_slices_are_counted(tmp_path):
    folder = dicom(tmp_path / "s", values((6, 6, 9)), AFFINE, skip=(3, 4))
    with pytest.raises(DataError, match=r"lacks 2 slice\(s\), the first between .*9\.00 mm apart"):
        read_volume(folder)


def test_two_volumes_in_one_series_are_told_apart(tmp_path):
    folder = dicom(tmp_path / "s", values(), AFFINE, series="1.2.3")
    for file in dicom(tmp_path / "t", values(), AFFINE, series="1.2.3").iterdir():
        file.rename(folder / f"again-{file.name}")
    with pytest.raises(DataError, match=r"5 slices at places that are taken.*Keep one volume"):
        read_volume(folder)


def test_a_tilted_gantry_is_said(tmp_path):
    affine = AFFINE.copy()
    affine[1, 2] = 3 * np.tan(np.radians(12))
    volume = read_volume(dicom(tmp_path / "s", values(), affine, tilt=12))
    assert volume.grid.shear == pytest.approx(12, abs=0.1)
    assert volume.notes == ("the gantry was tilted by 12.0 degrees",)


def test_a_segmentation_lies_on_its_series(tmp_path):
    t = truth(RNG)
    folder = dicom(tmp_path / "s", values(t.mask.shape), AFFINE)
    mask = read_mask_volume(dicom_seg(tmp_path / "seg.dcm", t.mask, folder))
    image = read_volume(folder)
    whole = np.zeros(image.data.shape)
    there = np.round(np.linalg.solve(image.grid.affine, mask.grid.affine)[:3, 3]).astype(int)
    x, y, z = (slice(a, a + n) for a, n in zip(there, mask.data.shape, strict=True))
    whole[x, y, z] = mask.data
    np.testing.assert_array_equal(whole > 0, t.mask[::-1, ::-1] > 0)


def test_what_is_no_volume(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no DICOM images that are placed in the patient"):
        read_volume(tmp_path / "empty")
    (tmp_path / "x.dcm").write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(DataError, match=r"x\.dcm: not a DICOM file, or a damaged one"):
        read_volume(tmp_path / "x.dcm")
    folder = dicom(tmp_path / "s", values(), AFFINE)
    broken = sorted(folder.iterdir())[1]
    broken.write_bytes(broken.read_bytes()[:-30])
    with pytest.raises(DataError, match=f"{broken.name}: the pixels cannot be read"):
        read_volume(folder)
