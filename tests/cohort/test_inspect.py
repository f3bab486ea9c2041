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


def spoilt(build):
    """A manifest with everything that only voxels tell, a case each."""
    names = [f"p{number}" for number in range(8)]
    root = build.manifest(dict(zip(names, "aabbabab", strict=True)))
    rng = np.random.default_rng(0)
    for name in names:
        build.volume(f"v/{name}_flair.nii.gz", data=rng.uniform(1, 99, (10, 12, 4)))
    whole = (root / "v/p0_t1.nii.gz").read_bytes()
    (root / "v/p0_t1.nii.gz").write_bytes(whole[: len(whole) // 2])
    bad = rng.uniform(1, 99, (10, 12, 4))
    bad[2, 3, 1] = np.nan
    build.volume("v/p1_flair.nii.gz", data=bad)
    build.volume("v/p2_flair.nii.gz", data=np.full((10, 12, 4), 7.0))
    build.volume("v/p3_m.nii.gz", data=np.zeros((10, 12, 4), np.uint8))
    far = np.eye(4)
    far[:3, 3] = 500
    build.volume("v/p4_m.nii.gz", data=np.ones((5, 6, 4), np.uint8), affine=far)
    (root / "v/p5_m.nii.gz").write_bytes(b"nothing")
    for name in ("flair", "t1"):
        shutil.copy(root / f"v/p6_{name}.nii.gz", root / f"v/p7_{name}.nii.gz")
    return root


def test_without_intensities_the_problems_are_the_same(build):
    cohort = read_cohort(spoilt(build))
    quick, full = inspect_cohort(cohort, intensities=False), inspect_cohort(cohort)
    assert quick.problems == full.problems and not quick.ok
    errors = {p.case: p.message for p in full.problems if p.severity == "error"}
    assert set(errors) == {"c-p0", "c-p1", "c-p2", "c-p4", "c-p5", "c-p6"}
    assert "NaN" in errors["c-p1"] and "same images" in errors["c-p6"]
    left_out = ["minimum", "median", "maximum"]
    assert quick.cases[left_out].isna().all(axis=None)
    rest = [name for name in full.cases if name not in left_out]
    assert quick.cases[rest].equals(full.cases[rest])


def test_a_class_can_be_called_rare(build):
    cohort = read_cohort(build.manifest(LABELS))
    found = inspect_cohort(cohort, rare="b")
    assert found.rare == "b" and "class 'b' has only 2 patients" in "".join(
        p.message for p in found.problems
    )
    assert found.column == "label" and found.classes == {"a": 1, "b": 2}


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
