"""Patients' folders of DICOM: which series and masks are taken, what is asked, what is said."""

import shutil
from collections import defaultdict

import numpy as np
import pydicom
import pytest

from rarecase import read_cohort
from rarecase.cohort import inspect_cohort
from support.dicoms import AXIAL, CORONAL, edit, enhanced, item, tagged, voxels, without_preamble
from support.written import dicom, dicom_seg, load_case


def patient(root, name, *series, seed=1):
    """A folder with series of these descriptions, in folders of these names."""
    for number, each in enumerate(series):
        data = voxels(seed=1000 * seed + number)
        tagged(dicom(root / name / each, data, AXIAL, patient=name, name=each),
               StudyInstanceUID=f"1.2.{seed}", FrameOfReferenceUID=f"1.3.{seed}")  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """Three patients of two classes with FLAIR and T1."""
    data = tmp_path / "data"
    for seed, name in enumerate("abc", 1):
        patient(data, name, "FLAIR", "T1", seed=seed)
    (data / "labels.csv").write_text("case,label\na,HGG\nb,LGG\nc,HGG\n")
    return data


def problems(data):
    found = inspect_cohort(read_cohort(data))
    said = defaultdict(str)
    for problem in found.problems:
        said[problem.severity, problem.case] += problem.message + "\n"
    return said, found


def taken(data, channel="flair", case=0):
    return read_cohort(data).cases[case].images[channel]


def test_a_cohort_without_preambles_and_suffixes_reads_the_same(root):
    before = load_case(read_cohort(root).cases[0], ["flair", "t1"])
    for folder in root.glob("?/*"):
        without_preamble(folder, suffix="")
    after = load_case(read_cohort(root).cases[0], ["flair", "t1"])
    np.testing.assert_array_equal(before.images, after.images)


def test_links_to_series_and_to_patients_are_followed(root, tmp_path):
    view = tmp_path / "view"
    (view / "a").mkdir(parents=True)
    for name in ("FLAIR", "T1"):
        (view / "a" / name).symlink_to(root / "a" / name)
    (view / "b").symlink_to(root / "b")
    shutil.copy(root / "labels.csv", view)
    cohort = read_cohort(view)
    assert [case.case for case in cohort.cases] == ["a", "b"]
    assert cohort.channels == ("flair", "t1")


def test_files_of_several_frames_are_a_patients_series(tmp_path):
    for seed, name in enumerate("ab"):
        for number, channel in enumerate(("FLAIR", "T1")):
            file = tmp_path / name / f"{channel}.dcm"
            enhanced(file, voxels(seed=10 * seed + number), name=channel, patient=name)
    (tmp_path / "labels.csv").write_text("case,label\na,HGG\nb,LGG\n")
    cohort = read_cohort(tmp_path)
    assert cohort.channels == ("flair", "t1")
    assert taken(tmp_path, "t1").name == "T1.dcm"
    assert not inspect_cohort(cohort).cases["size"].isna().any()


def test_colour_and_computed_maps_are_never_the_grey_series(root):
    fused = root / "a" / "fused"
    dicom(fused, voxels((8, 6, 9)), AXIAL, patient="a", name="FLAIR")

    def colour(ds, _):
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
        ds.PixelData = ds.PixelData * 3

    edit(fused, colour)
    mip = dicom(root / "b" / "mip", voxels((8, 6, 9)), AXIAL, patient="b", name="FLAIR")
    tagged(mip, ImageType=["DERIVED", "SECONDARY", "MIP"])
    assert [taken(root, case=k).parent.name for k in (0, 1)] == ["FLAIR", "FLAIR"]
    said, found = problems(root)
    assert found.ok and said["warning", "a"] == "left alone, being in colour: 'FLAIR'\n"
    assert said["warning", "b"] == "left alone, being computed from others: 'FLAIR'\n"


def test_two_equal_series_of_a_channel_are_asked_for(root):
    patient(root, "a", "FLAIR_repeat")
    found = inspect_cohort(read_cohort(root))
    (asked,) = [p for p in found.to_dict()["problems"] if p["severity"] == "error"]
    assert not found.ok and asked["case"] == "a"  # so the command's exit status is 1
    assert (
        "2 series could be flair: 'FLAIR' (MR, 5 axial slices, such as FLAIR/0" in asked["message"]
    )
    assert "flair=FILE" in asked["message"] and "--cohort.channels" in asked["message"]
    # Who does without it is not asked.
    cohort = read_cohort(root, channels=["t1"])
    assert [case.case for case in cohort.cases] == ["a", "b", "c"]


def test_an_axial_and_an_acquired_series_go_before_others_and_it_is_said(root):
    dicom(root / "a" / "cor", voxels((8, 6, 9)), CORONAL, patient="a", name="FLAIR cor")
    made = dicom(root / "b" / "mpr", voxels((8, 6, 9)), AXIAL, patient="b", name="FLAIR mpr")
    tagged(made, ImageType=["DERIVED", "SECONDARY", "MPR"])
    said, found = problems(root)
    assert found.ok and [taken(root, case=k).parent.name for k in (0, 1)] == ["FLAIR", "FLAIR"]
    for case, other in (("a", "'FLAIR cor' (MR, 9 coronal"), ("b", "'FLAIR mpr' (MR, 9 axial")):
        assert f"left: {other}" in said["warning", case]
    shutil.rmtree(root / "b" / "FLAIR")
    assert "is derived from other images" in problems(root)[0]["warning", "b"]


def test_a_series_whose_header_and_description_disagree_is_asked_for(root):
    tagged(root / "a" / "FLAIR", EchoTime=12, RepetitionTime=550, ScanningSequence="SE")
    said, found = problems(root)
    assert not found.ok
    assert (
        "its header says t1 (TR 550, TE 12, TI 0 ms), its description flair" in said["error", "a"]
    )


def test_a_name_that_says_nothing_is_read_from_the_header(root):
    tagged(root / "a" / "FLAIR", SeriesDescription="AX 5 mm", EchoTime=120, RepetitionTime=9000,
           InversionTime=2400)  # fmt: skip
    assert taken(root).parent.name == "FLAIR"


def test_masks_belong_to_what_they_refer_to_and_not_to_what_has_their_size(root):
    mask = np.zeros((8, 6, 5), np.uint8)
    mask[2:4, 2:4, 1:3] = 1
    dicom_seg(root / "a" / "seg" / "one.dcm", mask, root / "a" / "FLAIR")
    dicom_seg(root / "a" / "seg" / "other.dcm", mask, root / "b" / "FLAIR")
    said, _ = problems(root)
    assert read_cohort(root).cases[0].mask.name == "one.dcm"
    assert said["warning", "a"].endswith("frames of reference: seg/other.dcm\n")
    (root / "a" / "seg" / "one.dcm").unlink()
    assert read_cohort(root).cases[0].mask is None
    # Without a series the frame of reference tells.
    found = pydicom.dcmread(root / "a" / "seg" / "other.dcm")
    del found.ReferencedSeriesSequence
    found.FrameOfReferenceUID = "1.3.1"
    found.save_as(root / "a" / "seg" / "other.dcm")
    assert read_cohort(root).cases[0].mask.name == "other.dcm"
    dicom_seg(root / "a" / "seg" / "one.dcm", mask, root / "a" / "FLAIR")
    assert read_cohort(root).cases[0].mask.name == "one.dcm"
    dicom_seg(root / "a" / "seg" / "two.dcm", mask, root / "a" / "T1")
    (left,) = read_cohort(root).dropped
    assert "seg/one.dcm and seg/two.dcm are segmentations. Keep one" in left.reason and left.asks


def test_contours_are_said_where_they_refer_to_a_series_that_is_taken(root):
    def contours(path, series):
        ds = pydicom.dcmread(next((root / "a" / "T1").iterdir()))
        del ds.PixelData
        ds.Modality, ds.FrameOfReferenceUID, ds.SeriesInstanceUID = "RTSTRUCT", "9", "1.2.77"
        study = item(RTReferencedSeriesSequence=item(SeriesInstanceUID=series))
        ds.ReferencedFrameOfReferenceSequence = item(RTReferencedStudySequence=study)
        ds.save_as(path)

    uid = pydicom.dcmread(next((root / "a" / "FLAIR").iterdir())).SeriesInstanceUID
    contours(root / "a" / "far.dcm", "1.2.3")
    assert read_cohort(root).cases[0].notes == ()
    contours(root / "a" / "near.dcm", uid)
    assert "the contours in near.dcm (RTSTRUCT) are not read" in read_cohort(root).cases[0].notes[0]


def test_files_that_cannot_be_read_are_named_unless_they_may_be_slices(root):
    (root / "a" / "odd.dcm").write_bytes(b"nothing of the kind" * 20)
    said, found = problems(root)
    assert found.ok and said["warning", "a"].endswith("cannot be read and are left out: odd.dcm\n")
    file = sorted((root / "a" / "FLAIR").iterdir())[0]
    file.write_bytes(file.read_bytes()[:200])
    (left,) = read_cohort(root, labels=False).dropped
    assert file.name in left.reason and "may be a slice of 'FLAIR'" in left.reason


def test_several_patients_under_one_id_in_one_folder_are_told_by_their_other_data(root):
    for series, sex in (("FLAIR", "F"), ("T1", "M")):
        tagged(root / "a" / series, PatientSex=sex, StudyInstanceUID=f"1.2.{ord(sex)}")
    (left,) = read_cohort(root, labels=False).dropped
    assert "series of 2 patients under one PatientID, who differ in PatientSex" in left.reason
    tagged(root / "a" / "T1", PatientSex="F")
    assert "its channels are of 2 studies" in read_cohort(root).cases[0].notes[0]


def test_folders_that_bear_one_id_are_patients_and_that_is_said(root):
    for folder in root.glob("?/*"):
        tagged(folder, PatientID="ANON")
    cohort = read_cohort(root)
    assert sorted(cohort.patients) == ["a", "b", "c"]
    assert "3 folders bear one PatientID (a, b, c)" in cohort.cases[0].notes[0]
    assert not any("ANON" in note for case in cohort.cases for note in case.notes)
    (root / "labels.csv").write_text("case,label,patient\na,HGG,x\nb,HGG,x\nc,LGG,c\n")
    cohort = read_cohort(root)
    assert sorted(cohort.patients) == ["c", "x"]
    assert "2 folders bear one PatientID (c, x)" in cohort.cases[0].notes[0]


def test_a_folder_without_a_series_says_what_there_is(root):
    for name in ("FLAIR", "T1"):
        for file in (root / "a" / name).iterdir():
            ds = pydicom.dcmread(file)
            del ds.ImagePositionPatient
            ds.save_as(file)
    cohort = read_cohort(root, labels=False)
    (left,) = cohort.dropped
    assert not any("name no case" in note for note in cohort.notes)  # of the table, which has it
    assert "no DICOM series of three slices" in left.reason
    assert "0000.dcm is an image that does not say where it lies" in left.reason
