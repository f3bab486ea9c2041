"""What predict takes of folders of DICOM."""

import numpy as np
import pytest

from rarecase.deploy.inputs import cases_named
from rarecase.errors import DataError
from rarecase.imaging import read_volume
from support.dicoms import AXIAL, enhanced, tagged, voxels
from support.written import dicom, dicom_seg


def named(path, *channels):
    return cases_named([str(path)], channels or ["flair"])[0]


def test_three_patients_under_one_anonymous_id_are_three(tmp_path):
    for seed, name in enumerate(("r7", "r8", "r9")):
        for series in ("FLAIR", "T1"):
            folder = dicom(tmp_path / name / series, voxels(seed=seed), AXIAL, patient="ANON",
                           name=series)  # fmt: skip
            tagged(folder, StudyInstanceUID=f"1.{seed}")
    assert [case.case for case in named(tmp_path)] == ["r7", "r8", "r9"]


@pytest.mark.parametrize("number", ["ANON", ""])
def test_the_series_of_one_study_are_one_case_whatever_the_id(tmp_path, number):
    for series in ("FLAIR", "T1", "FLAIR map"):
        folder = dicom(tmp_path / "p" / series, voxels(), AXIAL, patient=number, name=series)
        tagged(folder, StudyInstanceUID="1.7")
    (case,) = named(tmp_path / "p")
    assert case.case == "p" and case.images["flair"].parent.name == "FLAIR"


def test_files_of_several_frames_in_a_folder_are_one_case(tmp_path):
    for name in ("FLAIR", "T1"):
        enhanced(tmp_path / f"{name}.dcm", voxels(), name=name)
    (case,) = named(tmp_path, "flair", "t1")
    assert {c: p.name for c, p in case.images.items()} == {"flair": "FLAIR.dcm", "t1": "T1.dcm"}


def test_what_is_not_certain_is_asked_for_and_the_way_out_works(tmp_path):
    for name in ("one", "two"):
        tagged(dicom(tmp_path / name, voxels(), AXIAL, name="FLAIR"), StudyInstanceUID="1.7")
    with pytest.raises(DataError, match=r"2 series could be flair: .*flair=FILE"):
        cases_named([str(tmp_path)], ["flair", "t1"])
    chosen = sorted((tmp_path / "two").iterdir())[0]
    (case,) = cases_named([f"flair={chosen}"], ["flair"])[0]
    assert case.images["flair"] == chosen


def test_masks_beside_and_scans_of_few_slices_stop_nothing(tmp_path):
    series = dicom(tmp_path / "s", voxels(), AXIAL, name="FLAIR")
    mask = np.ones((8, 6, 5), np.uint8)
    for name in ("one", "two"):
        dicom_seg(tmp_path / f"{name}.dcm", mask, series)
    (case,) = named(tmp_path)
    assert case.mask is None and case.images["flair"].parent == series
    dicom(tmp_path / "few" / "s", voxels((8, 6, 2)), AXIAL, name="odd")
    (case,) = named(tmp_path / "few")
    assert read_volume(case.images["flair"]).data.shape == (8, 6, 2)
