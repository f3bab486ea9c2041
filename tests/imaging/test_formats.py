"""NRRD, MetaImage, NumPy and TIFF: read where they lie, or refused with what is wrong."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from rarecase.errors import DataError
from rarecase.imaging import probe_volume, read_mask_volume, read_volume
from support.written import itk, pages, truth

DATA = Path(__file__).parents[2] / "../shared/data/odd-volumes"


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_itk_formats_lie_where_itk_says(tmp_path, suffix):
    t = truth(np.random.default_rng(0), codes="PIR")
    path = itk(tmp_path / f"v.{suffix}", t.image, t)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, t.image)
    np.testing.assert_allclose(volume.grid.affine, t.affine)
    assert volume.source.codes == "PIR"
    assert probe_volume(path).shape == t.image.shape
    image = SimpleITK.ReadImage(str(path))
    where = np.array(image.TransformIndexToPhysicalPoint((1, 2, 3))) * (-1, -1, 1)
    there = nib.affines.apply_affine(np.linalg.inv(volume.grid.affine), where).round().astype(int)
    assert image[1, 2, 3] == volume.data[tuple(there)]


def test_channels_of_an_nrrd(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 5, 6, 3)).astype(np.float32)  # z, y, x, c
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True),
                         str(tmp_path / "v.nrrd"))  # fmt: skip
    found = read_volume(tmp_path / "v.nrrd", several=True)
    np.testing.assert_array_equal(found.data, values.transpose(2, 1, 0, 3)[::-1, ::-1])
    assert not found.placed
    with pytest.raises(DataError, match="holds 3 volumes"):
        read_volume(tmp_path / "v.nrrd")


def test_numpy_arrays(tmp_path):
    data = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    np.save(tmp_path / "v.npy", data)
    volume = read_volume(tmp_path / "v.npy")
    np.testing.assert_array_equal(volume.data, data)
    assert not volume.placed and "1 mm is assumed" in volume.notes[0]
    np.savez(tmp_path / "v.npz", data=data, spacing=np.array([1.0, 2, 3]))
    assert read_volume(tmp_path / "v.npz").grid.spacing == (1, 2, 3)


def test_pages_of_a_tiff(tmp_path):
    t = truth(np.random.default_rng(0))
    volume = read_volume(pages(tmp_path / "v.tif", t.image))
    np.testing.assert_array_equal(volume.data, t.image)
    assert probe_volume(tmp_path / "v.tif").shape == t.image.shape


def junk(path: Path) -> Path:
    path.write_bytes(b"not what it says" * 40)
    return path


def cut(path: Path) -> Path:
    t = truth(np.random.default_rng(0), shape=(20, 20, 20))
    if path.suffix == ".tif":
        pages(path, t.image)
    elif path.suffix == ".npy":
        np.save(path, t.image)
    elif path.suffix == ".npz":
        np.savez(path, data=t.image)
    else:
        itk(path, t.image, t)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".npy", ".npz", ".tif"])
@pytest.mark.parametrize("make", [junk, cut])
def test_broken_files_are_named(tmp_path, make, suffix):
    with pytest.raises(DataError, match=f"broken{suffix}"):
        read_volume(make(tmp_path / f"broken{suffix}"))


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_a_header_without_its_file_of_voxels_says_which_is_missing(tmp_path, suffix):
    image = SimpleITK.GetImageFromArray(np.arange(60.0).reshape(3, 4, 5))
    SimpleITK.WriteImage(image, tmp_path / f"v{suffix}")
    assert read_volume(tmp_path / f"v{suffix}").data.max() == 59
    (tmp_path / "v.raw").unlink()
    with pytest.raises(DataError, match=rf"v{suffix}: the header alone; .* v\.raw was expected"):
        read_volume(tmp_path / f"v{suffix}")


@pytest.mark.parametrize(("wrote", "called"), [(".mha", ".nrrd"), (".nrrd", ".mha")])
def test_itk_formats_under_each_others_name_are_called_what_they_are(tmp_path, wrote, called):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.eye(5)[None]), tmp_path / f"v{wrote}")
    (tmp_path / f"v{wrote}").rename(tmp_path / f"v{called}")
    with pytest.raises(DataError, match=rf"v{called}: not a .* file.*; it is .*call it {wrote}"):
        read_volume(tmp_path / f"v{called}")


def test_an_object_array_is_not_unpickled(tmp_path):
    np.save(tmp_path / "v.npy", np.array([[[{}]]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"v\.npy: not a NumPy file of numbers"):
        read_volume(tmp_path / "v.npy")


def test_unknown_files(tmp_path):
    (tmp_path / "v.xyz").write_bytes(b"?" * 500)
    with pytest.raises(
        DataError, match=r"v\.xyz: not a volume of a known format\. Known are NIfTI"
    ):
        read_volume(tmp_path / "v.xyz")


def test_a_header_that_declares_more_than_the_file_holds(tmp_path):
    image = nib.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4))
    for name in ("v.nii", "v.nii.gz"):
        nib.save(image, tmp_path / name)
    raw = bytearray((tmp_path / "v.nii").read_bytes())
    raw[42:48] = np.array([2000, 2000, 90], np.int16).tobytes()
    (tmp_path / "v.nii").write_bytes(raw)
    with pytest.raises(DataError, match=r"declares 1,440,000,000 bytes of voxels, which a file of"):
        read_volume(tmp_path / "v.nii")
    raw[42:48] = np.array([30000, 30000, 30000], np.int16).tobytes()
    (tmp_path / "v.nii").write_bytes(raw)
    with pytest.raises(DataError, match="more than 400,000,000 voxels"):
        read_volume(tmp_path / "v.nii")


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
def test_odd_nrrd_and_dicom_agree_with_itk():
    for name in ("brain1_image.nrrd", "brain1_label.nrrd", "siemens_slice_0.dcm"):
        image = SimpleITK.ReadImage(str(DATA / name))
        volume = read_mask_volume(DATA / name)
        values = SimpleITK.GetArrayFromImage(image).astype(np.float32).transpose(2, 1, 0)
        rng = np.random.default_rng(0)
        for at in rng.integers(0, image.GetSize(), (20, 3)):
            where = np.array(image.TransformIndexToPhysicalPoint(at.tolist())) * (-1, -1, 1)
            there = nib.affines.apply_affine(np.linalg.inv(volume.grid.affine), where)
            assert np.abs(there - there.round()).max() < 1e-3
            assert values[tuple(at)] == volume.data[tuple(there.round().astype(int))]
