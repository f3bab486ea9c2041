"""BIDS, nnU-Net, Decathlon and DICOM folders: what they may hold beside the plain case."""

import json

import nibabel as nib
import numpy as np
import pydicom
import pytest

from rarecase.cohort import SliceCache, cache_slices, inspect_cohort, read_cohort
from rarecase.errors import DataError, SettingError
from support.written import cohort, dicom, dicom_seg, load_case, truth

RNG = np.random.default_rng(0)


def three():
    return [truth(RNG, patient=name, label=label, shape=(10, 10, 5))
            for name, label in (("a", "HGG"), ("b", "LGG"), ("c", "HGG"))]  # fmt: skip


def test_bids_sessions_contrast_runs_and_sites(tmp_path):
    root = cohort("bids", tmp_path / "data", three())
    for session in ("ses-1", "ses-2"):
        folder = root / "sub-d" / session / "anat"
        folder.mkdir(parents=True)
        image = nib.Nifti1Image(RNG.normal(size=(6, 6, 4)).astype(np.float32), np.eye(4))
        for name in ("FLAIR", "run-1_T1w", "run-2_T1w", "ce-GADOLINIUM_T1w"):
            nib.save(image, folder / f"sub-d_{session}_{name}.nii.gz")
    brain = root / "derivatives" / "bet" / "sub-a" / "anat"
    brain.mkdir(parents=True)
    nib.save(image, brain / "sub-a_desc-brain_mask.nii.gz")
    (root / "participants.tsv").write_text(
        "participant_id\tgroup\tsite\nsub-a\tHGG\tN\nsub-b\tLGG\tS\nsub-c\tHGG\tn/a\nsub-d\tLGG\tS\n"
    )
    found = read_cohort(root, channels=["flair"])
    assert [c.case for c in found.cases] == [
        "sub-a",
        "sub-b",
        "sub-c",
        "sub-d_ses-1",
        "sub-d_ses-2",
    ]
    assert [c.patient for c in found.cases][-2:] == ["sub-d", "sub-d"]
    assert [c.site for c in found.cases] == ["N", "S", None, "S", "S"]
    assert "lesion" in found.cases[0].mask.name  # and not the brain's
    images = found.cases[-1].images
    assert images["t1"].name == "sub-d_ses-2_run-1_T1w.nii.gz" and "ce-" in images["t1gd"].name


def test_a_bids_case_with_two_masks_is_left_out(tmp_path):
    root = cohort("bids", tmp_path / "data", three())
    first = next(root.glob("derivatives/manual/sub-a/anat/*"))
    first.with_name("sub-a_desc-other_mask.nii.gz").write_bytes(first.read_bytes())
    first.rename(first.with_name("sub-a_desc-one_mask.nii.gz"))
    found = read_cohort(root)
    assert [case.case for case in found.cases] == ["sub-b", "sub-c"]
    assert "could each be the mask of sub-a. Keep one" in found.dropped[0].reason


def test_a_bids_mask_in_the_space_of_a_template_is_not_the_cases(tmp_path, caplog):
    root = cohort("bids", tmp_path / "data", three())
    first = next(root.glob("derivatives/manual/sub-a/anat/*"))
    first.rename(first.with_name("sub-a_space-MNI152NLin2009cAsym_label-lesion_mask.nii.gz"))
    found = read_cohort(root)
    assert [case.mask is None for case in found.cases] == [True, False, False]
    assert "lies in the space of a template" in caplog.text


def test_the_layouts_own_label_whatever_its_capitals(tmp_path):
    root = cohort("bids", tmp_path / "data", three())
    rows = "sub-a\tHGG\t30\nsub-b\tLGG\t40\nsub-c\tHGG\t50\n"
    (root / "participants.tsv").write_text("participant_id\tGroup\tage\n" + rows)
    assert read_cohort(root).patients == {"sub-a": "HGG", "sub-b": "LGG", "sub-c": "HGG"}


def test_what_nnunet_ignores_is_no_tumour(tmp_path):
    root = cohort("nnunet", tmp_path / "data", three())
    mask = nib.load(root / "labelsTr" / "a.nii.gz")
    values = np.asarray(mask.dataobj).astype(np.uint8)
    tumour = int(values.sum())
    values[values == 0] = 4
    nib.save(nib.Nifti1Image(values, mask.affine), root / "labelsTr" / "a.nii.gz")
    said = json.loads((root / "dataset.json").read_text())
    assert load_case(read_cohort(root).cases[0], ["flair"]).masks.all()
    said["labels"] = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 4}
    (root / "dataset.json").write_text(json.dumps(said))
    found = load_case(read_cohort(root).cases[0], ["flair"])
    assert found.masks.sum() == tumour and found.values.keys() == {1, 4}


def test_the_values_that_are_tumour_are_chosen(tmp_path):
    root = cohort("nnunet", tmp_path / "data", three())
    for name in "abc":
        file = root / "labelsTr" / f"{name}.nii.gz"
        mask = nib.load(file)
        values = np.asarray(mask.dataobj).astype(np.uint8)  # the organ around it is 1
        nib.save(nib.Nifti1Image(1 + values, mask.affine), file)
    whole, chosen = read_cohort(root), read_cohort(root, tumour=[2])
    assert load_case(whole.cases[0], ["flair"]).masks.all()
    assert load_case(chosen.cases[0], ["flair"]).masks.sum() == values.sum()
    said = [p.message for p in inspect_cohort(chosen).problems]
    total = {each: 3 * int((1 + values == each).sum()) for each in (1, 2)}
    listed = f"1 ({total[1]:,} voxels), 2 ({total[2]:,} voxels)"
    assert f"masks hold the values {listed}; as tumour count 2 (cohort.tumour)" in said
    none = load_case(read_cohort(root, tumour=[7]).cases[0], ["flair"])  # as a patient may have
    assert not none.masks.any() and none.has_mask.all()
    assert "cohort.tumour: 7) but 1 (465 voxels), 2" in " ".join(none.notes)
    with pytest.raises(SettingError, match=r"tumour: \[0\]"):
        read_cohort(root, tumour=[0])


def test_ids_that_name_nobody_are_said(tmp_path):
    root = cohort("bids", tmp_path / "data", three())
    (root / "participants.tsv").write_text("participant_id\tgroup\n1\tHGG\n2\tLGG\n")
    with pytest.raises(DataError, match=r"none of its participants .* sub-1, the folders sub-a"):
        read_cohort(root)
    other = cohort("nnunet", tmp_path / "other", three())
    (other / "labels.csv").write_text("who,label\nx,HGG\ny,LGG\n")
    with pytest.raises(DataError, match=r"no column there names the cases \(such as a\)"):
        read_cohort(other)
    (other / "labels.csv").write_text("who,label\na.nii.gz,HGG\nb.nii.gz,LGG\nc.nii.gz,HGG\n")
    assert read_cohort(other).patients == {"a": "HGG", "b": "LGG", "c": "HGG"}


def test_a_list_of_images_alone_finds_their_masks(tmp_path):
    root = cohort("decathlon", tmp_path / "data", three())
    said = json.loads((root / "dataset.json").read_text())
    said["training"] = [each["image"] for each in said["training"]]
    (root / "dataset.json").write_text(json.dumps(said))
    found = read_cohort(root)
    assert len(found.cases) == 3 and all(case.mask is not None for case in found.cases)


def test_segments_of_a_dicom_seg_are_named_and_chosen(tmp_path):
    root = cohort("dicom", tmp_path / "data", three())
    (file,) = [f for f in (root / "a").rglob("*.dcm")
               if pydicom.dcmread(f, stop_before_pixels=True).Modality == "SEG"]  # fmt: skip
    series = root / "a" / "study" / "series"
    file.unlink()
    values = np.ones((10, 10, 5), np.uint8)
    values[3:6, 2:7, 1:3] = 2
    dicom_seg(file, values, series, labels=("Brain", "Tumour"))
    whole = load_case(read_cohort(root).cases[0], ["flair"])
    assert whole.masks.all() and whole.values == {1: 470, 2: 30}
    assert any("segments 1 Brain, 2 Tumour" in note for note in whole.notes)
    chosen = load_case(read_cohort(root, tumour=[2]).cases[0], ["flair"])
    assert chosen.masks.sum() == 30


def test_contours_are_said_not_to_be_read(tmp_path, caplog):
    root = cohort("dicom", tmp_path / "data", three())
    for file in (root / "a").rglob("*.dcm"):
        if pydicom.dcmread(file, stop_before_pixels=True).Modality == "SEG":
            ds = pydicom.dcmread(file)
            ds.Modality = "RTSTRUCT"
            ds.save_as(file)
    found = read_cohort(root)
    assert found.cases[0].mask is None and "(RTSTRUCT) are not read" in caplog.text


def test_channels_along_the_fourth_axis(tmp_path):
    root = cohort("decathlon", tmp_path / "data", three())
    said = json.loads((root / "dataset.json").read_text())
    said["modality"] = {"0": "FLAIR", "1": "T1w", "2": "t1gd"}
    (root / "dataset.json").write_text(json.dumps(said))
    for path in (root / "imagesTr").iterdir():
        image = nib.load(path)
        data = np.stack([np.asarray(image.dataobj) + i for i in range(3)], axis=-1)
        nib.save(nib.Nifti1Image(data, image.affine), path)
    found = read_cohort(root)
    assert found.channels == ("flair", "t1", "t1gd")
    arrays = load_case(found.cases[0], ["t1gd", "flair"])
    np.testing.assert_array_equal(arrays.images[:, 0], arrays.images[:, 1] + 2)
    said["modality"]["3"] = "T2w"
    (root / "dataset.json").write_text(json.dumps(said))
    with pytest.raises(DataError, match=r"holds 3 volume\(s\), and 't2' should be number 4"):
        load_case(read_cohort(root).cases[0], ["t2"])


def test_nnunet_needs_every_channel_and_a_table_of_classes(tmp_path):
    root = cohort("nnunet", tmp_path / "data", three())
    said = json.loads((root / "dataset.json").read_text())
    said["channel_names"] = {"0": "FLAIR", "1": "T1"}
    (root / "dataset.json").write_text(json.dumps(said))
    for name in ("a", "b"):
        data = (root / "imagesTr" / f"{name}_0000.nii.gz").read_bytes()
        (root / "imagesTr" / f"{name}_0001.nii.gz").write_bytes(data)
    found = read_cohort(root)
    assert found.channels == ("flair", "t1") and len(found.cases) == 2
    assert found.dropped[0].reason == "not all of its 2 channels are there"
    (root / "labels.csv").unlink()
    with pytest.raises(DataError, match="classes of patients come from a CSV"):
        read_cohort(root)


def test_dicom_folders_of_several_patients_are_left_out(tmp_path):
    root = cohort("dicom", tmp_path / "data", three())
    affine = np.diag([-1.0, -1, 3, 1])

    def another(name):
        values = RNG.integers(0, 99, (6, 6, 4)).astype(float)
        dicom(root / name / "other", values, affine, patient="x")

    another("a")
    found = read_cohort(root)
    assert [case.case for case in found.cases] == ["b", "c"]
    (left,) = found.dropped
    assert left.case == "a" and "holds series of 2 patients" in left.reason
    another("b")
    another("c")
    with pytest.raises(DataError, match=r"no folder there is a patient's: .*series of 2 patients"):
        read_cohort(root)


def test_dicom_scouts_are_passed_over_and_axial_series_taken(tmp_path):
    root = cohort("dicom", tmp_path / "data", three())
    values = 2.0 * RNG.integers(0, 99, (6, 6, 2))
    dicom(root / "a" / "scout", values, np.diag([-1.0, -1, 3, 1]), patient="a", name="scout")
    coronal = np.array([[-1.0, 0, 0, 0], [0, 0, 3, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    dicom(root / "a" / "cor", 2.0 * RNG.integers(0, 99, (6, 6, 12)), coronal, patient="a",
          name="FLAIR cor")  # fmt: skip
    found = read_cohort(root)
    assert found.channels == ("flair",)
    assert found.cases[0].images["flair"].parent.name == "series"


def test_pixels_of_one_size(tmp_path):
    sizes = (("a", "HGG", 20, 1.0), ("b", "LGG", 40, 0.5))
    cases = [
        truth(RNG, patient=name, label=label, shape=(n, n, 4), spacing=(pixel, pixel, 3))
        for name, label, n, pixel in sizes
    ]
    for t in cases:
        t.mask[:] = 0
        n = t.mask.shape[0]
        t.mask[n // 4 : n // 2, n // 4 : n // 2, 1] = 1
    found = read_cohort(cohort("rembrandt", tmp_path / "data", cases))
    cache_slices(found, tmp_path / "cut", size=16, pixel=1.0)
    cache = SliceCache.open(tmp_path / "cut")
    assert cache.meta["pixels"] == [1.0, 1.0] and cache.meta["pixel"] == 1.0
    assert cache.rows.groupby("case")["tumour"].sum().tolist() == [25, 25]
    cache_slices(found, tmp_path / "fit", size=16)
    assert SliceCache.open(tmp_path / "fit").meta["pixels"] == [1.25, 1.25]
