"""One bad case never ends a batch: all are named, or left out, and no folder above the data is."""

import shutil

import numpy as np
import pandas as pd
import pydicom
import pytest
import yaml

from rarecase import Study, read_cohort, simulate_cohort
from rarecase.cli.main import main
from rarecase.cohort.unreadable import refuse_unreadable, within
from rarecase.errors import DataError
from rarecase.imaging.writing import write_dicom_seg
from support.written import dicom


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return simulate_cohort(
        tmp_path_factory.mktemp("dr_miller") / "cohort", patients={"HGG": 5, "LGG": 4}, size=24,
        slices=6, seed=3, prefix="P",
    )  # fmt: skip


@pytest.fixture
def data(good, tmp_path):
    """A cohort with a file cut short and one whose header is no header."""
    shutil.copytree(good, tmp_path / "dr_miller" / "cohort")
    folder = tmp_path / "dr_miller" / "cohort"
    files = [case.images["flair"] for case in read_cohort(folder).cases]
    files[0].write_bytes(files[0].read_bytes()[:-200])
    files[3].write_bytes(b"not a header" * 40)
    return folder


BAD = ["P_HGG_001", "P_HGG_004"]


@pytest.fixture
def small(tiny):
    return {k: v for k, v in tiny.items() if not k.startswith("simulation")} | {"preset": "quick"}


def test_all_of_them_are_listed_before_anything_is_trained(data, small, tmp_path):
    with pytest.raises(DataError) as error:
        Study(data, out=tmp_path / "run", settings=small).run(until="segment")
    said = str(error.value)
    assert "2 of 9 cases cannot be read" in said
    assert all(f"Case {name!r}: HGG/{name}/" in said for name in BAD)
    assert f"--cohort.exclude {','.join(BAD)}" in said and "unreadable" in said
    assert "dr_miller" not in said
    assert not list((tmp_path / "run").rglob("segmenter"))


def test_they_are_left_out_by_one_word_and_named(data, small, tmp_path, caplog):
    chosen = small | {"cohort.exclude": ["P_LGG_002", "unreadable"]}
    run = tmp_path / "run"
    first = Study(data, out=run, settings=chosen).run(until="segment")
    cases = pd.read_csv(run / "cohort" / "cohort.csv")["case"]
    assert len(cases) == 6 and not {*BAD, "P_LGG_002"} & set(cases)
    assert yaml.safe_load((run / "study.yaml").read_text())["cohort"]["exclude"] == [
        "P_LGG_002", *BAD
    ]  # fmt: skip
    assert "case P_HGG_004 is left out: " in caplog.text and "dr_miller" not in caplog.text
    again = Study(data, out=run, settings=chosen).run(until="segment")
    assert again.performed == 0 and again.found == first.performed
    assert "dr_miller" not in (run / "cohort" / "cohort.json").read_text()


def test_a_case_that_was_mended_is_taken_again(data, good, small, tmp_path):
    chosen = small | {"cohort.exclude": ["unreadable"]}
    study = Study(data, out=tmp_path / "run", settings=chosen)
    assert len(study.cohort().cases) == 7
    place = f"HGG/{BAD[0]}/{BAD[0]}_flair.nii.gz"
    shutil.copy(good / place, data / place)
    study = Study(data, out=tmp_path / "run", settings=chosen)
    assert len(study.cohort().cases) == 8


def test_inspect_looks_at_every_case_and_names_no_folder_above(data, capsys):
    assert main(["inspect", str(data)]) == 1
    said = "".join(capsys.readouterr().out.split())
    assert all(name in said for name in [*BAD, "P_LGG_004"])
    assert said.count("error") == 2 and "dr_miller" not in said
    assert main(["inspect", str(data), "--cohort.exclude", "unreadable"]) == 0
    capsys.readouterr()
    assert main(["inspect", str(data), "--fast"]) == 1  # the same without intensities
    assert "".join(capsys.readouterr().out.split()).count("error") == 2


def test_a_file_that_may_not_be_read_or_is_not_there_is_one_case_of_many(good, tmp_path, capsys):
    shutil.copytree(good, tmp_path / "cohort")
    file = read_cohort(tmp_path / "cohort").cases[2].images["flair"]
    file.unlink()
    file.symlink_to(tmp_path / "moved_away.nii.gz")
    assert main(["inspect", str(tmp_path / "cohort")]) in (0, 1)
    assert "P_LGG_004" in capsys.readouterr().out


def test_one_bad_case_alone_is_said_as_it_was():
    with pytest.raises(DataError, match=r"^Case 'a': a\.nii: every voxel is 0\.$"):
        refuse_unreadable({"a": "Case 'a': a.nii: every voxel is 0."}, cases=3)
    refuse_unreadable({}, cases=3)


def test_paths_are_within_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data"
    assert within(f"{root}/a/b.nii: {root}/c", root) == "a/b.nii: c"
    assert within("data/a.nii and /elsewhere/b.nii", type(root)("data")) == (
        "a.nii and /elsewhere/b.nii"
    )
    assert within("/a/b", type(root)("/")) == "/a/b"


def test_a_dicom_seg_names_no_patient(tmp_path):
    values = np.random.default_rng(0).normal(size=(8, 8, 4)).astype(np.float32)
    series = dicom(tmp_path / "series", values, np.eye(4), patient="MRN-4711")
    for file in series.iterdir():
        scan = pydicom.dcmread(file)
        scan.PatientName, scan.PatientBirthDate = "Miller^Ann", "19600102"
        scan.ReferringPhysicianName, scan.AccessionNumber = "House^G", "A-99"
        scan.StudyDate, scan.InstitutionName, scan.PatientSex = "20200304", "St. Mary", "F"
        scan.StudyDescription, scan.StationName, scan.PatientComments = "for Ann", "MR7", "deaf"
        scan.save_as(file)
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[2:5, 2:5, 1:3] = 1
    write_dicom_seg(tmp_path / "seg.dcm", mask, series, case="case-7")
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    assert made.PatientID == "case-7" and made.StudyInstanceUID == scan.StudyInstanceUID
    held = (tmp_path / "seg.dcm").read_bytes()
    for word in (b"Miller", b"4711", b"19600102", b"House", b"A-99", b"20200304", b"St. Mary",
                 b"for Ann", b"MR7", b"deaf"):  # fmt: skip
        assert word not in held
