"""Reading volumes: orientation, scaling, channels, and what is said about broken files."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from rarecase.errors import DataError
from rarecase.imaging import probe_volume, read_mask_volume, read_volume

DATA = Path(__file__).parents[2] / "../shared/data/odd-volumes"
RNG = np.random.default_rng(0)


def save(path: Path, data: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return path


def affine_of(codes: str, spacing: tuple[float, float, float]) -> np.ndarray:
    """The affine of a volume stored along `codes`, such as 'LPS'."""
    axes = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, code in enumerate(codes):
        row, sign = axes[code]
        affine[row, column] = sign * spacing[column]
    return affine


@pytest.mark.parametrize(("step", "said"), [(1e-3, True), (1e3, True), (1.0, False)])
def test_a_size_that_no_patient_has_is_said(tmp_path, step, said):
    data = np.random.default_rng(0).random((8, 9, 10), dtype=np.float32)
    np.savez(tmp_path / "v.npz", data=data, spacing=np.full(3, step))
    notes = read_volume(tmp_path / "v.npz").notes
    assert any("as no patient does" in note for note in notes) == said


@pytest.mark.parametrize(
    ("kind", "said"),
    [(np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours"), (np.complex64, "magnitude")],
)
def test_voxels_that_are_no_single_numbers_are_named_with_the_way_out(tmp_path, kind, said):
    nib.save(nib.Nifti1Image(np.ones((4, 5, 6), kind), np.eye(4)), tmp_path / "v.nii")
    with pytest.raises(DataError, match=rf"v\.nii: voxels that are .*{said}"):
        read_volume(tmp_path / "v.nii")


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "PIL", "ASL"])
def test_every_orientation_comes_out_the_same(tmp_path, codes):
    truth = RNG.normal(size=(4, 5, 6)).astype(np.float32)
    spacing = {"x": 1.0, "y": 2.0, "z": 5.0}
    axis = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    stored = truth.transpose([axis[c] for c in codes])
    flips = tuple(slice(None, None, -1) if c in "LPI" else slice(None) for c in codes)
    steps = tuple(list(spacing.values())[axis[c]] for c in codes)
    path = save(tmp_path / "v.nii.gz", stored[flips], affine_of(codes, steps))
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, truth)
    assert volume.grid.spacing == (1.0, 2.0, 5.0)
    assert volume.source.codes == codes
    assert volume.data.dtype == np.float32
    header = probe_volume(path)
    assert header.shape == (4, 5, 6) and header.grid.spacing == (1.0, 2.0, 5.0)


def test_affine_follows_the_reorientation(tmp_path):
    data = RNG.normal(size=(4, 5, 6)).astype(np.float32)
    affine = affine_of("PSL", (2.0, 3.0, 4.0))
    affine[:3, 3] = (10, -20, 30)
    volume = read_volume(save(tmp_path / "v.nii", data, affine))
    reference = nib.as_closest_canonical(nib.load(tmp_path / "v.nii"))
    np.testing.assert_allclose(volume.grid.affine, reference.affine)
    np.testing.assert_array_equal(volume.data, reference.get_fdata().astype(np.float32))


def test_scaling_is_applied_and_a_single_fourth_axis_is_dropped(tmp_path):
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4, 1), np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nib.save(image, tmp_path / "v.nii.gz")
    stored = nib.load(tmp_path / "v.nii.gz").get_fdata()[..., 0]
    volume = read_volume(tmp_path / "v.nii.gz")
    assert volume.data.shape == (2, 3, 4)
    np.testing.assert_allclose(volume.data, stored)


def test_several_volumes_only_when_asked_for(tmp_path):
    data = RNG.normal(size=(4, 5, 6, 3)).astype(np.float32)
    path = save(tmp_path / "v.nii.gz", data, affine_of("LPS", (1, 1, 1)))
    assert read_volume(path, several=True).data.shape == (4, 5, 6, 3)
    np.testing.assert_array_equal(read_volume(path, several=True).data, data[::-1, ::-1])
    with pytest.raises(DataError, match=r"holds 3 volumes .*one was expected"):
        read_volume(path)


def truncated(path: Path) -> Path:
    save(path, RNG.normal(size=(20, 20, 20)).astype(np.float32))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def with_nan(path: Path) -> Path:
    data = np.ones((4, 4, 4), np.float32)
    data[1, 2, 3] = data[2, 2, 3] = np.nan
    data[0, 0, 0] = 5
    return save(path, data)


def garbage(path: Path) -> Path:
    path.write_bytes(b"this is not an image" * 30)
    return path


def singular(path: Path) -> Path:
    save(path, np.ones((4, 4, 4), np.float32), np.eye(4))
    image = nib.load(path)
    image = nib.Nifti1Image(np.asarray(image.dataobj), None, image.header)
    image.header["sform_code"] = 2
    image.header["srow_x"] = image.header["srow_y"] = image.header["srow_z"] = 0
    nib.save(image, path)
    return path


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (truncated, "a.nii.gz", "a.nii.gz: the voxels cannot be read, the file is truncated"),
        (truncated, "a.nii", "a.nii: the header declares 32,000 bytes of voxels.*truncated"),
        (with_nan, "a.nii.gz", r"2 of 64 values are NaN.*\(1, 2, 3\) and \(2, 2, 3\)"),
        (garbage, "a.nii.gz", "a.nii.gz: not a NIfTI file, or a truncated or damaged one"),
        (garbage, "a.nii", "a.nii: not a NIfTI file, or a truncated or damaged one"),
        (garbage, "a.dcm", "a.dcm: not a DICOM file, or a damaged one"),
        (lambda p: save(p, np.zeros((4, 4, 4), np.uint8)), "a.nii", "every voxel is 0"),
        (lambda p: save(p, np.full((4, 4, 4), 7.5)), "a.nii", "every voxel is 7.5"),
        (lambda p: save(p, np.ones((4, 4))), "a.nii", "shape 4x4, a volume .* was expected"),
        (lambda p: p, "a.nii.gz", "a.nii.gz: no such file"),
        (singular, "a.nii", "affine is singular"),
    ],
)
def test_broken_files(tmp_path, make, name, message):
    with pytest.raises(DataError, match=message):
        read_volume(make(tmp_path / name))


def test_an_empty_mask_is_fine(tmp_path):
    path = save(tmp_path / "m.nii.gz", np.zeros((3, 4, 5), np.uint8))
    assert not read_mask_volume(path).data.any()


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
@pytest.mark.parametrize("path", sorted(DATA.glob("*.nii*")), ids=lambda p: p.name)
def test_odd_volumes_agree_with_nibabel(path):
    volume = read_volume(path, several=True)
    reference = nib.as_closest_canonical(nib.load(path))
    np.testing.assert_allclose(volume.data, reference.get_fdata(), rtol=1e-5, atol=1e-2)
    np.testing.assert_allclose(volume.grid.affine, reference.affine)
    assert nib.aff2axcodes(volume.grid.affine) == ("R", "A", "S")
    assert probe_volume(path).shape == volume.data.shape
    np.testing.assert_allclose(probe_volume(path).grid.spacing, volume.grid.spacing)
