"""NIfTI headers as they come: units, gzip and names, two forms, written anew."""

import gzip
from itertools import product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nibabel.affines import from_matvec, voxel_sizes
from scipy.spatial.transform import Rotation

from rarecase.cohort import Case, inspect_cohort
from rarecase.cohort.case import Cohort
from rarecase.errors import DataError
from rarecase.imaging import probe_volume, read_mask_volume, read_volume
from rarecase.imaging.writing import write_nifti_mask
from support.written import load_case

SHAPE = (12, 14, 6)
TURN = Rotation.from_euler("xyz", (2, 1, 4), degrees=True).as_matrix()
SCANNER = from_matvec(TURN @ np.diag([1, 1, 2]), (-5, 7, 3))
MOVED = from_matvec(np.diag([1, 1, 2]), (40, -30, 20))
DATA = np.random.default_rng(0).integers(1, 50, SHAPE).astype(np.int16)
MASK = np.zeros(SHAPE, np.uint8)
MASK[3:8, 4:9, 1:5] = 1
IMAGE = np.where(MASK, 200, DATA).astype(np.int16)
UNITS = {0: 1.0, 1: 1e-3, 2: 1.0, 3: 1e3}


def raw(data, *, sform=None, qform=None, units=2, kind=nib.Nifti1Header, **fields):
    """The bytes of a file with the forms given (mm), in the header's own units."""
    header = kind()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    header.set_zooms(np.array([1, 1, 2]) * UNITS[units])
    scale = np.diag([*[UNITS[units]] * 3, 1.0])
    if qform is not None:
        header.set_qform(scale @ qform, 1)
    if sform is not None:
        header.set_sform(scale @ sform, 1)
    header["xyzt_units"] = units
    header["vox_offset"] = header.sizeof_hdr + 4
    header["magic"] = header.single_magic
    for field, value in fields.items():
        header[field] = value
    return header.binaryblock + bytes(4) + data.tobytes(order="F")


def written(path, content, *, times=0):
    for _ in range(times):
        content = gzip.compress(content, 1)
    path.write_bytes(content)
    return path


ZERO_ROWS = {f"srow_{axis}": (0, 0, 0, 0) for axis in "xyz"}
NO_ROTATION = {"quatern_b": 3.0}
FORMS = {
    "both": lambda: {"sform": SCANNER, "qform": SCANNER},
    "sform alone": lambda: {"sform": SCANNER},
    "qform alone": lambda: {"qform": SCANNER},
    "zero sform": lambda: {"sform": SCANNER, "qform": SCANNER, **ZERO_ROWS},
    "no rotation": lambda: {"sform": SCANNER, "qform": SCANNER, **NO_ROTATION},
    "nan": lambda: {"sform": SCANNER, "qform": SCANNER, "quatern_c": np.nan},
    "no pixdim": lambda: {"sform": SCANNER, "qform": SCANNER, "pixdim": [1, 0, 0, 0, 1, 1, 1, 1]},
}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    suffix=st.sampled_from([".nii", ".nii.gz", ".NII"]), times=st.integers(0, 2),
    units=st.sampled_from([0, 1, 2, 3]), forms=st.sampled_from(sorted(FORMS)),
    kind=st.sampled_from([nib.Nifti1Header, nib.Nifti2Header]),
)  # fmt: skip
def test_name_packing_units_and_the_sound_form_make_no_difference(
    tmp_path, suffix, times, units, forms, kind
):
    content = raw(DATA, units=units, kind=kind, **FORMS[forms]())
    path = written(tmp_path / f"v{suffix}", content, times=times)
    volume, header = read_volume(path), probe_volume(path)
    np.testing.assert_array_equal(volume.data, DATA)
    np.testing.assert_allclose(volume.grid.affine, SCANNER, atol=1e-4)
    np.testing.assert_allclose(header.grid.affine, SCANNER, atol=1e-4)
    assert volume.placed and header.shape == SHAPE
    assert any("metres" in note for note in volume.notes) == (units in (1, 3))
    assert any("sform cannot be used" in note for note in volume.notes) == (forms == "zero sform")


def test_metres_that_no_scan_has_are_millimetres(tmp_path):
    content = bytearray(raw(DATA, sform=SCANNER))
    content[123] = 1
    volume = read_volume(written(tmp_path / "v.nii", bytes(content)))
    assert volume.grid.spacing == pytest.approx((1, 1, 2), abs=1e-5)
    assert "counts in metres, which no scan does; millimetres are assumed" in volume.notes[0]


@pytest.mark.parametrize(("length", "said"), [(1.00001, False), (1.01, True)])
def test_a_quaternion_that_is_a_little_too_long_is_taken_at_length_one(tmp_path, length, said):
    half_turn = np.array([0.6, 0.0, 0.8])  # its fourth part is 0: no room for rounding
    parts = dict(zip(("quatern_b", "quatern_c", "quatern_d"), half_turn * length, strict=True))
    affine = from_matvec(Rotation.from_quat([*half_turn, 0]).as_matrix() @ np.diag([1, 1, 2]))
    path = written(tmp_path / "v.nii", raw(DATA, qform=affine, **parts))
    volume = read_volume(path)
    np.testing.assert_allclose(volume.source.affine, affine, atol=1e-5)
    assert any("taken at length 1" in note for note in volume.notes) == said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"qform": SCANNER, **NO_ROTATION}, r"v\.nii: the quaternion of its qform has length 3"),
        ({"sform": SCANNER, **ZERO_ROWS}, r"v\.nii: the header's affine is singular"),
        ({"sform": SCANNER, "qform": SCANNER, **ZERO_ROWS, **NO_ROTATION}, "singular"),
    ],
)
def test_a_header_without_a_sound_form_is_refused(tmp_path, fields, message):
    path = written(tmp_path / "v.nii", raw(DATA, **fields))
    for read in (read_volume, probe_volume):
        with pytest.raises(DataError, match=message):
            read(path)


def test_a_qform_without_sizes_is_assumed_to_count_millimetres_and_that_is_said(tmp_path):
    path = written(tmp_path / "v.nii", raw(DATA, qform=SCANNER, pixdim=[1, 0, 0, 0, 1, 1, 1, 1]))
    volume = read_volume(path)
    assert volume.grid.spacing == pytest.approx((1, 1, 1))
    assert "says nothing of voxel sizes (pixdim 0); 1 mm is assumed" in volume.notes[0]


def test_pixdim_that_contradicts_the_sform_is_said(tmp_path):
    content = raw(DATA, sform=SCANNER, pixdim=[1, 3, 3, 3, 1, 1, 1, 1])
    volume = read_volume(written(tmp_path / "v.nii", content))
    assert volume.grid.spacing == pytest.approx((1, 1, 2), abs=1e-5)
    (said,) = volume.notes
    assert "1 x 1 x 2 mm by its sform, 3 x 3 x 3 mm by its pixdim; the sform is taken" in said


def loaded(tmp_path, image, mask, second=None):
    images = {"flair": written(tmp_path / "i.nii", image)}
    if second is not None:
        images["t1"] = written(tmp_path / "t.nii", second)
    case = Case("a", "a", "x", images=images, mask=written(tmp_path / "m.nii", mask))
    return load_case(case, [*images])


BOTH = {"sform": MOVED, "qform": SCANNER}


@pytest.mark.parametrize(
    "forms", [BOTH, {"qform": SCANNER}, {"sform": MOVED}, {"sform": SCANNER}, {"qform": MOVED}],
    ids=["both", "its qform", "its sform", "its qform as sform", "its sform as qform"],
)  # fmt: skip
def test_an_image_of_two_places_and_a_mask_on_either_lie_on_one_another(tmp_path, forms):
    arrays = loaded(tmp_path, raw(IMAGE, **BOTH), raw(MASK, **forms))
    assert arrays.images[:, 0][arrays.masks > 0].mean() == 200 and arrays.masks.sum() == MASK.sum()
    said = arrays.notes[0]
    assert "its sform and its qform contradict each other" in said and "sform is taken" in said
    np.testing.assert_allclose(arrays.source.affine, MOVED, atol=1e-4)


def test_a_mask_of_two_places_lies_on_an_image_of_one(tmp_path):
    arrays = loaded(tmp_path, raw(IMAGE, qform=SCANNER), raw(MASK, **BOTH), raw(IMAGE, **BOTH))
    assert arrays.masks.sum() == MASK.sum()
    np.testing.assert_array_equal(arrays.images[:, 0], arrays.images[:, 1])
    assert any("by the qform of the one and the qform of the other" in n for n in arrays.notes)


def test_a_mask_cut_out_on_the_other_form_is_moved_with_it(tmp_path):
    cut = from_matvec(SCANNER[:3, :3], (SCANNER @ [2, 3, 1, 1])[:3])
    arrays = loaded(tmp_path, raw(IMAGE, **BOTH), raw(MASK[2:9, 3:10, 1:], qform=cut))
    assert arrays.masks.sum() == MASK.sum()
    assert arrays.images[:, 0][arrays.masks > 0].mean() == 200


def test_inspect_names_the_contradiction(tmp_path):
    files = {n: written(tmp_path / f"{n}.nii", raw(IMAGE, **BOTH)) for n in ("a", "b")}
    cases = tuple(Case(n, n, n, images={"flair": f}) for n, f in files.items())
    found = inspect_cohort(Cohort(cases, (), "manifest", ("flair",)))
    warned = [p.message for p in found.problems if "contradict" in p.message]
    assert len(warned) == 2 and all("mm apart" in message for message in warned)


@pytest.mark.parametrize("forms", [*sorted(FORMS), "contradictory", "none"])
def test_the_mask_that_is_written_has_a_sound_header(tmp_path, forms):
    given = {**FORMS, "contradictory": lambda: BOTH, "none": dict}[forms]()
    path = written(tmp_path / "v.nii", raw(IMAGE, **given))
    volume = read_volume(path)
    write_nifti_mask(tmp_path / "m.nii.gz", MASK, volume.source, like=path)
    image = nib.load(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), MASK)
    np.testing.assert_allclose(image.affine, volume.source.affine, atol=1e-4)
    np.testing.assert_allclose(image.header.get_zooms(), voxel_sizes(image.affine), rtol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"
    coded = [f for f in ("sform", "qform") if image.header[f"{f}_code"]]
    assert coded == ([] if forms == "none" else ["sform", "qform"])
    if forms not in ("none", "contradictory"):
        assert read_mask_volume(tmp_path / "m.nii.gz").notes == ()
        np.testing.assert_allclose(image.get_qform(), SCANNER, atol=1e-4)
    if forms == "contradictory":  # beside the image in whichever form a program goes by
        np.testing.assert_allclose(image.get_qform(), SCANNER, atol=1e-4)


def test_a_sheared_grid_is_written_without_a_qform(tmp_path):
    affine = from_matvec([[1, 0.3, 0], [0, 1, 0], [0, 0, 2]], (1, 2, 3))
    path = written(tmp_path / "v.nii", raw(IMAGE, sform=affine))
    write_nifti_mask(tmp_path / "m.nii.gz", MASK, read_volume(path).source, like=path)
    image = nib.load(tmp_path / "m.nii.gz")
    np.testing.assert_allclose(image.affine, affine, atol=1e-6)
    assert image.header["qform_code"] == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(400), "a zip archive"),
        (b"<!DOCTYPE html><html>" + b" " * 400, "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n" + b"x" * 400, "Git LFS"),
        (bytes(128) + b"DICM" + bytes(400), "a DICOM file"),
        (bytes(500), "empty but for zeros"),
    ],
)
def test_what_is_no_nifti_is_called_what_it_is(tmp_path, content, said):
    for name, packed in product(("v.nii", "v.nii.gz"), (0, 1)):
        with pytest.raises(DataError, match=rf"{name}: not a NIfTI file, or .*; it is .*{said}"):
            read_volume(written(tmp_path / name, content, times=packed))
