"""Inspection: a table of cases and every problem in words."""

import json
import shutil

import numpy as np

from rarecase.cohort import inspect_cohort, read_cohort

LABELS = {"p1": "a", "p2": "b", "p3": "b"}


def messages(inspection, severity):
    return [p.message for p in inspection.problems if p.severity == severity]


def test_table_of_volumes(build):
    root = build.manifest(LABELS)
    build.volume(
        "v/p1_m.nii.gz", data=np.pad(np.ones((2, 3, 4), np.uint8), [(4, 4), (4, 5), (0, 0)])
    )
    inspection = inspect_cohort(read_cohort(root))
    row = inspection.cases.iloc[0]
    assert (row["case"], row["label"], row["channels"]) == ("c-p1", "a", "flair t1")
    assert (row["slices"], row["size"], row["spacing"]) == (4, "12x10", "1.00 x 1.00 x 1.00")
    assert row["minimum"] == 0 and 110 < row["maximum"] < 120
    assert row["tumour_pixels"] == 24 and row["tumour_ml"] == 0.02
    assert inspection.classes == {"a": 1, "b": 2} and inspection.rare == "a"
    assert inspection.ok


def test_json(build):
    root = build.manifest(LABELS)
    (root / "v/p1_t1.nii.gz").write_bytes(b"broken")
    inspection = inspect_cohort(read_cohort(root))
    found = json.loads(json.dumps(inspection.to_dict(), allow_nan=False))
    assert len(found["cases"]) == 3 and found["cases"][0]["maximum"] is None
    assert found["problems"][0]["severity"] == "error"
    assert found["classes"] == {"a": 1, "b": 2}


def test_headers_only(build):
    cohort = read_cohort(build.manifest(LABELS))
    quick, full = inspect_cohort(cohort, load=False), inspect_cohort(cohort)
    for column in ("case", "slices", "size", "spacing"):
        assert quick.cases[column].tolist() == full.cases[column].tolist()
    assert quick.cases["maximum"].isna().all()


def test_headers_of_pictures(build):
    inspection = inspect_cohort(read_cohort(build.slices(LABELS)), load=False)
    assert inspection.cases["size"].tolist() == ["16x16"] * 3


def test_same_images_under_two_patients_leak(build):
    root = build.slices(LABELS, per_patient=1)
    shutil.copy(root / "b/p2_0.png", root / "b/p3_0.png")
    inspection = inspect_cohort(read_cohort(root))
    assert messages(inspection, "error") == [
        "same images in p2, p3 under different patients, which would leak into the test"
    ]


def test_warnings_and_notes(build):
    root = build.manifest(
        LABELS | {"p4": ""}, extra="site", values={"p1": "N", "p2": "N", "p3": "S", "p4": "S"}
    )
    build.volume("v/p2_m.nii.gz", data=np.zeros((10, 12, 4), np.uint8))
    for name in ("flair", "t1", "m"):
        build.volume(f"v/p3_{name}.nii.gz", affine=np.diag([3.0, 1, 1, 1]))
    inspection = inspect_cohort(read_cohort(root))
    warnings = "\n".join(messages(inspection, "warning"))
    assert "left out: no label" in warnings
    assert "class 'a' has only 1 patients" in warnings
    assert "site(s) S have patients of one class only" in warnings
    assert "axial pixels of 3.00 by 1.00 mm; resampled to 1.00 mm" in warnings
    assert "the mask is empty in every slice" in messages(inspection, "note")


def test_masks_that_are_none_are_doubted(build):
    root = build.rembrandt(3, 2)
    case = root / "HGG" / "HF000"
    shutil.copy(case / "HF000.nii.gz", case / "HF000_seg.nii.gz")
    soft = np.full((10, 12, 4), 0.02, np.float32)
    build.volume("HGG/HF001/HF001_seg.nii.gz", data=soft)
    small = np.zeros((10, 12, 4), np.uint8)
    small[4:6, 4:6] = 255
    mask = build.volume("HGG/HF002/HF002_seg.nii.gz", data=small)
    mask.rename(mask.with_name("HF002_SEG.NII.GZ"))
    found = inspect_cohort(read_cohort(root))
    warnings = {p.case: p.message for p in found.problems if p.severity == "warning" and p.case}
    assert "HF002" not in warnings and found.cases["mask"].all()
    assert "different values" in "".join(p.message for p in found.problems if p.case == "HF000")
    for name in ("HF000", "HF001"):
        said = [p.message for p in found.problems if p.case == name]
        assert any("the mask covers 100% of what is not background" in each for each in said)


def test_slices_without_a_mask_are_counted(build):
    root = build.tcga({"CS_0001": 1, "CS_0002": 2}, slices=3)
    masks = sorted(root.glob("*/*_mask.tif"))
    masks[0].unlink()
    masks[1].rename(masks[1].with_name(masks[1].name.replace("_mask.tif", "_MASK.TIFF")))
    found = inspect_cohort(read_cohort(root, "grade"))
    assert "1 of 3 slices have no mask" in messages(found, "warning")


def test_cases_without_masks_and_several_visits(build):
    root = build.manifest(LABELS)
    path = root / "manifest.csv"
    build.volume("v/x.nii.gz")
    path.write_text(path.read_text() + "c9,p1,a,v/x.nii.gz,v/x.nii.gz,\n")
    notes = "\n".join(messages(inspect_cohort(read_cohort(root)), "note"))
    assert "1 of 4 cases have no mask" in notes
    assert "1 patients have several cases" in notes
