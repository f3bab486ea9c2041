"""Formats of neuroimaging beside NIfTI, and units of NRRD and MHA."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from rarecase.errors import DataError
from rarecase.imaging import probe_volume, read_volume
from support.written import truth

NIBABEL = Path(nib.__file__).parent / "tests" / "data"
READ = (".nii", ".gz", ".mgz", ".mnc", ".head", ".par", ".brik", ".rec")


@pytest.mark.parametrize("kind", ["mgz", "mgh", "hdr", "img"])
def test_what_nibabel_writes_is_read_where_it_lies(tmp_path, kind):
    t = truth(np.random.default_rng(0))
    image = {"mgz": nib.MGHImage, "mgh": nib.MGHImage}.get(kind, nib.Nifti1Pair)
    path = tmp_path / f"v.{kind}"
    nib.save(image(t.image.astype(np.float32), t.affine), path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, t.image)
    np.testing.assert_allclose(volume.grid.affine, t.affine, atol=1e-4)
    assert volume.placed and probe_volume(path).shape == t.image.shape


@pytest.mark.parametrize(("wrote", "called"), [("mgz", "mgh"), ("mgh", "mgz")])
def test_freesurfers_files_are_packed_by_content(tmp_path, wrote, called):
    t = truth(np.random.default_rng(0))
    nib.save(nib.MGHImage(t.image.astype(np.float32), t.affine), tmp_path / f"v.{wrote}")
    (tmp_path / f"v.{wrote}").rename(tmp_path / f"v.{called}")
    np.testing.assert_array_equal(read_volume(tmp_path / f"v.{called}").data, t.image)


@pytest.mark.skipif(not NIBABEL.is_dir(), reason="nibabel without its test files")
@pytest.mark.parametrize(
    "path", sorted(f for f in NIBABEL.glob("*") if f.suffix.lower() in READ), ids=lambda p: p.name
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_that_nibabel_ships_are_read_as_it_reads_them_or_refused_by_name(path):
    try:
        volume = read_volume(path, several=True)
    except DataError as error:
        assert path.stem in str(error) and "object has no attribute" not in str(error)
        return
    image = nib.load(path)
    data, affine = image.get_fdata(), image.affine
    if path.suffix == ".mnc" and data.ndim == 4:
        data = np.moveaxis(data, 0, -1)
    expected = nib.as_closest_canonical(nib.Nifti1Image(data, affine))
    np.testing.assert_allclose(volume.data.squeeze(), expected.get_fdata().squeeze(), rtol=1e-5)
    np.testing.assert_allclose(volume.grid.affine, expected.affine, atol=1e-5)
    assert probe_volume(path).shape == volume.data.shape


@pytest.mark.skipif(not NIBABEL.is_dir(), reason="nibabel without its test files")
def test_which_of_them_are_read():
    names = ["test.mgz", "minc1_4d.mnc", "minc2_1_scale.mnc", "example4d+orig.HEAD",
             "scaled+tlrc.BRIK", "phantom_EPI_asc_CLEAR_2_1.PAR",
             "phantom_varscale.REC"]  # fmt: skip
    for name in names:
        assert read_volume(NIBABEL / name, several=True).placed


@pytest.mark.parametrize(("name", "missing"), [("v.hdr", "v.img"), ("v.img", "v.hdr")])
def test_half_a_volume_is_refused(tmp_path, name, missing):
    nib.save(nib.Nifti1Pair(np.ones((3, 4, 5), np.float32), np.eye(4)), tmp_path / "v.img")
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=rf"{name}: .*{missing} was expected beside"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize(
    ("suffix", "before", "words"),
    [
        ("nrrd", b"sizes:", b'space units: "um" "um" "um"\n'),
        ("mha", b"ElementType", b"DistanceUnits = um\n"),
    ],
)
def test_units_of_nrrd_and_metaimage(tmp_path, suffix, before, words):
    image = SimpleITK.GetImageFromArray(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    image.SetSpacing((1000, 1000, 2000))
    path = tmp_path / f"v.{suffix}"
    SimpleITK.WriteImage(image, str(path))
    path.write_bytes(path.read_bytes().replace(before, words + before, 1))
    volume = read_volume(path)
    assert volume.grid.spacing == pytest.approx((1, 1, 2))
    assert "does not count in millimetres" in volume.notes[0]
