"""Bad inputs: each is refused with words that say where, what and how to go on."""

import gzip

import numpy as np
import pytest

from rarecase.cohort import cache_slices, inspect_cohort, read_cohort
from rarecase.errors import DataError, LeakError, RarecaseError, SettingError

LABELS = {"p1": "a", "p2": "b", "p3": "b"}


def one_class(build):
    return build.manifest({"p1": "a", "p2": "a"})


def no_patient_column(build):
    build.manifest(LABELS)
    path = build.root / "manifest.csv"
    path.write_text(path.read_text().replace("case,patient,", "case,person,"))
    return build.root


def duplicated_case(build):
    path = build.manifest(LABELS) / "manifest.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    return build.root


def same_id_in_both_grades(build):
    build.rembrandt()
    build.volume("LGG/HF000/HF000.nii.gz")
    return build.root


def two_labels(build):
    path = build.manifest(LABELS) / "manifest.csv"
    path.write_text(path.read_text() + "c4,p1,b,v/p1_flair.nii.gz,v/p1_t1.nii.gz,\n")
    return build.root


def missing_file(build):
    build.manifest(LABELS)
    (build.root / "v/p2_t1.nii.gz").unlink()
    return build.root


def missing_picture(build):
    build.slices(LABELS)
    (build.root / "a/p1_1_mask.png").unlink()
    return build.root


def picture_twice(build):
    path = build.slices(LABELS) / "slices.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    return build.root


def patient_in_two_folds(build):
    path = build.slices(LABELS, folds={"p1": 1, "p2": 2, "p3": 1}) / "slices.csv"
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:-1] + "2"
    path.write_text("\n".join(lines))
    return build.root


def fold_in_words(build):
    return build.manifest(LABELS, extra="fold", values={"p1": "one", "p2": 1, "p3": 0})


def no_labels_at_all(build):
    for i in range(3):
        build.brats_case("", f"BraTS2021_0000{i}")
    return build.root


def empty_label_column(build):
    return build.manifest({"p1": "", "p2": ""})


def column_twice(build):
    return build.table("slices.csv", "image,patient,label,label\na.png,1,x,y")


def no_rows(build):
    return build.table("slices.csv", "image,patient,label")


def not_text(build):
    (build.root / "slices.csv").write_bytes(b"image,patient\n\xff\xfe\x00\x01,1\n")
    return build.root


def empty_patient(build):
    build.picture("a.png")
    return build.table("slices.csv", "image,patient,label\na.png,1,x\na.png,,x")


def test_classes_that_differ_in_capitals_are_said(build, caplog):
    read_cohort(build.manifest({"p1": "Rare", "p2": "rare ", "p3": "common"}))
    assert "'Rare' and 'rare' differ in capitals alone" in caplog.text


@pytest.mark.parametrize(("encoding", "said"), [("cp1252", True), ("utf-16", False)])
def test_tables_of_spreadsheets(build, caplog, encoding, said):
    for name in LABELS:
        build.brats_case("", name, "-")
    rows = "\n".join(f"{name},{label}ü" for name, label in LABELS.items())
    (build.root / "labels.csv").write_text(f"case,kind\n{rows}\n", encoding=encoding)
    assert set(read_cohort(build.root).patients.values()) == {"aü", "bü"}
    assert ("read as Windows-1252" in caplog.text) is said


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (one_class, DataError, "All 2 labelled patients have the label 'a': two classes"),
        (no_patient_column, DataError, "manifest.csv: no column 'patient'. Columns: case, person"),
        (duplicated_case, DataError, r"1 case id\(s\) appear twice: 'c-p1'.*rename or remove"),
        (same_id_in_both_grades, DataError, "appear twice: 'HF000' .*HGG.*LGG"),
        (two_labels, DataError, "'p1' has a, b. Mend the labels, or set conflict"),
        (missing_file, DataError, r"names 1 missing file\(s\): .*p2_t1.nii.gz"),
        (missing_picture, DataError, r"names 1 missing file\(s\): .*p1_1_mask.png"),
        (picture_twice, DataError, "a/p1_0.png is listed twice"),
        (patient_in_two_folds, LeakError, "slices of case 'p1' are in the folds 2 and 1"),
        (fold_in_words, DataError, "fold 'one', a whole number was expected"),
        (no_labels_at_all, DataError, "the data has no labels. Put a CSV beside it"),
        (empty_label_column, DataError, r"The cohort is empty.*no label \(2\)"),
        (column_twice, DataError, "two columns are called label"),
        (no_rows, DataError, "a header and no rows"),
        (not_text, DataError, "not a CSV table in UTF-8"),
        (empty_patient, DataError, "column 'patient' is empty in line 3"),
    ],
)
def test_refused_when_read(build, make, kind, message):
    with pytest.raises(kind, match=message):
        read_cohort(make(build))


@pytest.mark.parametrize(
    ("conflict", "expected"),
    [
        ("first", {"p1": "a", "p2": "b", "p3": "b"}),
        ("most-common", {"p1": "b", "p2": "b", "p3": "b", "p4": "a"}),
        ("drop", {"p2": "b", "p3": "b", "p4": "a"}),
    ],
)
def test_conflicts_on_request(build, conflict, expected):
    labels = LABELS | ({"p4": "a"} if conflict != "first" else {})
    path = build.manifest(labels) / "manifest.csv"
    extra = "".join(f"{c},p1,b,v/p1_flair.nii.gz,v/p1_t1.nii.gz,\n" for c in ("c8", "c9"))
    path.write_text(path.read_text() + extra)
    cohort = read_cohort(build.root, conflict=conflict)
    assert cohort.patients == expected
    if conflict == "drop":
        assert {d.reason for d in cohort.dropped} == {"conflicting labels a, b"}
        assert {d.case for d in cohort.dropped} == {"c-p1", "c8", "c9"}


def test_unknown_way_to_settle_conflicts(build):
    with pytest.raises(SettingError, match="conflict: 'majority' is unknown"):
        read_cohort(two_labels(build), conflict="majority")


def truncated(build):
    file = build.root / "v/p2_flair.nii.gz"
    file.write_bytes(file.read_bytes()[:-200])


def corrupt(build):
    file = build.root / "v/p2_flair.nii.gz"
    file.write_bytes(gzip.compress(b"\0" * 600))


def other_mask_shape(build):
    build.volume("v/p2_m.nii.gz", shape=(10, 12, 5), tumour=True)


def other_channel_shape(build):
    build.volume("v/p2_t1.nii.gz", shape=(10, 11, 4))


def all_zero(build):
    build.volume("v/p2_t1.nii.gz", data=np.zeros((10, 12, 4), np.int16))


def not_finite(build):
    data = np.ones((10, 12, 4), np.float32)
    data[0, 0, :3] = np.nan
    build.volume("v/p2_t1.nii.gz", data=data)


def four_volumes(build):
    build.volume("v/p2_flair.nii.gz", data=np.ones((10, 12, 4, 4), np.int16))


def lost_orientation(build):
    data = np.zeros((10, 12, 4), np.int16)
    data[5, 3, 2] = 1
    affine = np.diag([-1, -1, 1, 1])
    affine[:3, 3] = (50, 60, 0)
    build.volume("v/p2_m.nii.gz", data=data, affine=affine)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncated, "Case 'c-p2': .*p2_flair.nii.gz: not a NIfTI file, or a truncated"),
        (
            corrupt,
            "Case 'c-p2': .*p2_flair.nii.gz: not a NIfTI file, or a trunc",
        ),
        (other_mask_shape, "p2_m.nii.gz has the shape 10x12x5 and .*p2_flair.nii.gz 10x12x4"),
        (other_channel_shape, "p2_t1.nii.gz has the shape 10x11x4 and .*p2_flair.nii.gz 10x12x4"),
        (all_zero, "p2_t1.nii.gz: every voxel is 0"),
        (not_finite, r"p2_t1.nii.gz: 3 of 480 values are NaN.*\(0, 0, 0\) and \(0, 0, 2\)"),
        (four_volumes, "p2_flair.nii.gz: holds 4 volumes .*Split the file"),
        (lost_orientation, "p2_m.nii.gz is stored as LPS and lies .* mm away from .*p2_flair"),
    ],
)
def test_refused_when_loaded_and_listed_by_inspection(build, tmp_path, spoil, message):
    build.manifest(LABELS)
    spoil(build)
    cohort = read_cohort(build.root)
    with pytest.raises(RarecaseError, match=message):
        cache_slices(cohort, tmp_path / "cache", 16)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]
    inspection = inspect_cohort(cohort)
    errors = [p for p in inspection.problems if p.severity == "error"]
    assert [p.case for p in errors] == ["c-p2"] and not inspection.ok
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(errors[0].message)


def test_mask_picture_of_another_size(build):
    root = build.slices(LABELS)
    build.picture("a/p1_0_mask.png", size=(16, 18), mask=True)
    with pytest.raises(DataError, match=r"p1_0_mask.png has the size 16x18 and .*p1_0.png 16x16"):
        cache_slices(read_cohort(root), root / "cache", 16)
