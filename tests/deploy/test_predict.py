"""A run's model on new scans: carried back to their own grids, exported, and doubtful of others."""

import copy
import dataclasses
import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from lightning_fabric import Fabric
from nibabel.orientations import axcodes2ornt, ornt_transform
from PIL import Image

from rarecase import Study, load_model, predict_images, read_cohort, simulate_cohort
from rarecase.checksums import record_files
from rarecase.cli.main import main
from rarecase.cohort import SliceCache
from rarecase.cohort.case import Case
from rarecase.cohort.fitting import Fitted
from rarecase.deploy.card import model_card
from rarecase.deploy.inputs import cases_named, with_clinical
from rarecase.errors import DataError, SettingError
from rarecase.features.joining import Vectors, side_by_side
from rarecase.features.sources.one_case import case_data
from rarecase.imaging import read_mask_volume
from rarecase.pipeline.models import export_model
from rarecase.segmenter import PackedMasks
from support.pages import page_words
from support.studies import copied
from support.written import dicom


@pytest.fixture(scope="module")
def run(outlining, tmp_path_factory):
    return copied(outlining, tmp_path_factory.mktemp("predicting"))


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """FLAIR files of new patients."""
    folder = simulate_cohort(
        tmp_path_factory.mktemp("new") / "cohort", patients={"HGG": 2, "LGG": 1}, size=32,
        slices=6, seed=9, prefix="New",
    )  # fmt: skip
    return [case.images["flair"] for case in read_cohort(folder).cases]


@pytest.fixture(scope="module")
def model(run):
    return load_model(run)


def predict(model, out, *images):
    return list(predict_images(model, [str(image) for image in images], out=out))


def test_the_model_is_made_once_and_knows_its_worth(run, model):
    card = json.loads((run / "model" / "classifier" / "model.json").read_text())
    assert card["arm"] in {"none", "smote"} and card["chosen"]["C"] in (0.1, 1.0, 10.0, 100.0)
    assert card["evidence"]["features"] == "tumour" and 0 <= card["threshold"] <= 1
    assert card["learnt_from"]["patients"] == {"HGG": 8, "LGG": 6}
    assert card["evidence"]["scores"]["auc_rare"]["value"] is not None
    assert 0.2 < card["evidence"]["dice"] <= 1  # a U-Net that outlines nothing would test nothing
    trained = model.segmenter.trained_on + model.segmenter.validated_on
    assert len(set(trained)) == 14
    before = {p: p.stat().st_mtime_ns for p in (run / "model").rglob("step.json")}
    load_model(run)
    assert {p: p.stat().st_mtime_ns for p in (run / "model").rglob("step.json")} == before
    Study(out=run).run()  # a study that goes on leaves the model where it is
    assert (run / "model" / "classifier" / "model.json").is_file()


def test_the_classifier_learns_from_what_a_prediction_computes(run, model, tmp_path):
    """Also where the study computed in bfloat16, in which a silent channel is another one."""
    half = tmp_path / "half"
    shutil.copytree(run, half)
    shutil.rmtree(half / "model" / "classifier")
    said = (half / "study.yaml").read_text()
    settings = yaml.safe_load(said)
    settings["compute"] = settings.get("compute", {}) | {"precision": "bf16-mixed"}
    (half / "study.yaml").write_text(yaml.safe_dump(settings))
    record_files(half, ["study.yaml"], by_hand=True)
    made = load_model(half)
    cache, fabric = SliceCache.open(half / "slices"), Fabric(accelerator="cpu", devices=1)
    rows = pd.read_parquet(half / "model" / "segmenter" / "rows.parquet")
    masks = PackedMasks(half / "model/segmenter/predicted.npy", width=cache.masks.shape[-1])
    means = []
    for _, part in rows.groupby("patient"):
        images = np.asarray(cache.images[part["row"].to_numpy()])
        drawn = masks.read(part["row"].to_numpy()) > 0
        fitted = Fitted(images, drawn, [(i, False, 0) for i in range(len(images))], 0)
        data = case_data(
            Case("new", "new"), [], fitted, drawn, segmenter=made.segmenter,
            channels=made.channels, fabric=fabric, about=made.card,
        )  # fmt: skip
        means.append(side_by_side([Vectors.taken(each, data) for each in made.sources]).X[0])
    centre = made.final.space.mean
    np.testing.assert_allclose(centre, np.mean(means, axis=0), rtol=2e-3, atol=1e-4)


def test_everything_is_written_on_the_scans_own_grid(model, scans, tmp_path):
    found = predict(model, tmp_path / "out", *scans)
    assert [each.problem for each in found] == [None] * 3
    for each, scan in zip(found, scans, strict=True):
        mask, image = nib.load(each.mask), nib.load(scan)
        assert mask.shape == image.shape[:3]
        np.testing.assert_allclose(mask.affine, image.affine)
        assert sum(each.p.values()) == pytest.approx(1)
        assert each.overlay.read_bytes().startswith(b"\x89PNG")
        drawn = np.asarray(mask.dataobj)
        assert set(np.unique(drawn)) <= {0, 1}
        size = np.abs(np.linalg.det(image.affine[:3, :3])) / 1000
        assert each.tumour_ml == pytest.approx(drawn.sum() * size, abs=0.01)
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["case"].tolist() == [each.case for each in found]
    said = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert "research" in said["note"] and said["model"]["evidence"]["verdicts"]


def test_overlays_go_from_end_to_end_of_the_tumour(model, scans, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("rarecase.deploy.predict.SHOWN", 3)
    monkeypatch.setattr("rarecase.deploy.predict.overlay_figure", shown.append)
    monkeypatch.setattr("rarecase.deploy.predict.png", lambda _: b"")
    (found,) = predict(model, tmp_path / "out", scans[0])
    drawn = np.asarray(nib.load(found.mask).dataobj).any(axis=(0, 1)).nonzero()[0]
    (slices,) = shown
    titles = [each.title for each in slices]
    assert len(titles) == min(3, len(drawn)) and all("flair" in title for title in titles)
    assert titles[0].startswith(f"slice {drawn[0]},") and titles[-1].startswith(
        f"slice {drawn[-1]},"
    )
    assert sum("largest" in title for title in titles) == 1


def test_a_path_that_is_not_there_stops_no_other(run, model, scans, tmp_path, capsys):
    words = ["predict", str(run), str(scans[0]), str(tmp_path / "gone.nii.gz"), "--out"]
    assert main([*words, str(tmp_path / "out"), "-q"]) == 1
    said = capsys.readouterr().out
    assert "gone.nii.gz: no such file or folder" in said
    assert str(tmp_path) not in said.replace(str(tmp_path / "out"), "")
    assert str(tmp_path) not in (tmp_path / "out" / "predictions.csv").read_text()
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert len(table) == 2 and table["call"].notna().sum() == 1
    assert main([*words[:2], str(tmp_path / "gone.nii.gz"), "--out", str(tmp_path / "o2")]) == 1
    assert "gone.nii.gz: no such file" in capsys.readouterr().err


def test_turned_and_flipped_copies_get_the_same_mask(model, scans, tmp_path):
    image = nib.load(scans[0])
    files = [scans[0]]
    for codes in ("LPS", "PIR", "SAL"):
        turn = ornt_transform(axcodes2ornt(nib.aff2axcodes(image.affine)), axcodes2ornt(codes))
        nib.save(image.as_reoriented(turn), tmp_path / f"{codes}.nii.gz")
        files.append(tmp_path / f"{codes}.nii.gz")
    first, *others = predict(model, tmp_path / "out", *files)
    truth = read_mask_volume(first.mask).data
    assert truth.any()
    for each, file in zip(others, files[1:], strict=True):
        assert nib.aff2axcodes(nib.load(each.mask).affine) == nib.aff2axcodes(nib.load(file).affine)
        np.testing.assert_array_equal(read_mask_volume(each.mask).data, truth)
        assert each.p == pytest.approx(first.p)


def test_a_wider_field_of_view_changes_nothing(model, scans, tmp_path):
    """Fitted as it is, the head would shrink; its pixels are brought to the usual size instead."""
    image = nib.load(scans[0])
    wide = np.pad(np.asarray(image.dataobj), ((8, 8), (8, 8), (0, 0)))
    affine = image.affine @ nib.affines.from_matvec(np.eye(3), [-8, -8, 0])
    nib.save(nib.Nifti1Image(wide, affine), tmp_path / "wide.nii.gz")
    first, second = predict(model, tmp_path / "out", scans[0], tmp_path / "wide.nii.gz")
    mask = np.asarray(nib.load(first.mask).dataobj)
    assert mask.any() and second.p == pytest.approx(first.p, abs=1e-5)
    np.testing.assert_array_equal(
        np.asarray(nib.load(second.mask).dataobj), np.pad(mask, ((8, 8), (8, 8), (0, 0)))
    )


def test_finer_voxels_get_about_the_same_mask(model, scans, tmp_path):
    image = nib.load(scans[0])
    data = np.asarray(image.dataobj)
    fine = np.repeat(np.repeat(data, 2, axis=0), 2, axis=1)
    affine = image.affine @ nib.affines.from_matvec(np.diag([0.5, 0.5, 1]), [-0.25, -0.25, 0])
    nib.save(nib.Nifti1Image(fine, affine), tmp_path / "fine.nii.gz")
    first, second = predict(model, tmp_path / "out", scans[0], tmp_path / "fine.nii.gz")
    assert nib.load(second.mask).shape == fine.shape
    # Shrinking blurs, and a slice has 32 pixels here.
    assert first.tumour_ml > 0
    assert second.tumour_ml == pytest.approx(first.tumour_ml, rel=0.5)


def test_dicom_in_dicom_seg_out(model, scans, tmp_path):
    image = nib.load(scans[0])
    series = dicom(tmp_path / "series", np.asarray(image.dataobj, dtype=np.float32), image.affine)
    (found,) = predict(model, tmp_path / "out", series)
    mask = read_mask_volume(found.mask)
    seg = read_mask_volume(tmp_path / "out" / f"{found.case}_seg.dcm")
    step = np.round(np.linalg.solve(mask.grid.affine, seg.grid.affine)[:3, 3]).astype(int)
    x, y, z = (slice(a, a + n) for a, n in zip(step, seg.data.shape, strict=True))
    np.testing.assert_array_equal(mask.data[x, y, z], seg.data > 0)
    assert (seg.data > 0).sum() == mask.data.sum() > 0


def test_pictures_get_masks_of_their_size(tiny, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    lines = ["image,mask,patient,label"]
    for i in range(10):
        for j in range(3):
            picture, mask = rng.integers(0, 90, (40, 36)).astype(np.uint8), np.zeros((40, 36), "u1")
            mask[10:24, 8:20] = 255
            picture[mask > 0] += 120
            name = f"p{i}_{j}"
            (data / "files").mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(data / "files" / f"{name}.png")
            Image.fromarray(mask).save(data / "files" / f"{name}_m.png")
            label = "a" if i % 2 else "b"
            lines.append(f"files/{name}.png,files/{name}_m.png,p{i},{label}")
    (data / "slices.csv").write_text("\n".join(lines) + "\n")
    settings = {k: v for k, v in tiny.items() if not k.startswith("simulation")}
    settings |= {"cohort.channels": None, "experiment": tiny["experiment"][1:2]}
    Study(data, out=tmp_path / "run", settings=settings).run(until="classify")
    new = tmp_path / "case"
    new.mkdir()
    for j in range(3):
        shutil.copy(data / "files" / f"p0_{j}.png", new / f"new_{j}.png")
    (found,) = predict(load_model(tmp_path / "run"), tmp_path / "out", new)
    masks = sorted(found.mask.iterdir())
    assert [m.name for m in masks] == [f"000{j}_new_{j}_mask.png" for j in range(3)]
    assert Image.open(masks[0]).size == (36, 40)
    assert found.tumour_ml is None and found.problem is None


def test_a_scan_of_another_kind_is_flagged(model, scans, tmp_path):
    image = nib.load(scans[0])
    rng = np.random.default_rng(0)
    ct = rng.normal(40, 15, image.shape)
    ct[np.asarray(image.dataobj) == 0] = -1000
    nib.save(nib.Nifti1Image(ct.astype(np.float32), image.affine), tmp_path / "ct.nii.gz")
    thick = image.affine @ np.diag([1, 1, 4.0, 1])
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), thick), tmp_path / "thick.nii.gz")
    plain, odd, far = predict(
        model, tmp_path / "out", scans[1], tmp_path / "ct.nii.gz", tmp_path / "thick.nii.gz"
    )
    assert plain.unlike == ()
    assert any("Hounsfield" in reason for reason in odd.unlike)
    assert any("slices lie" in reason for reason in far.unlike)


def test_a_patient_that_was_learnt_from_is_said(run, model, tmp_path):
    known = read_cohort(run / "simulated").cases[0]
    (found,) = predict(model, tmp_path / "out", f"flair={known.images['flair']}")
    assert found.case != known.case  # a file's name; a cohort's cases keep theirs
    assert "has learnt from this patient" in found.unlike[-1]
    (found, *_) = predict(model, tmp_path / "out2", run / "simulated")
    assert "has learnt from this patient" in found.unlike[-1]


def test_what_cannot_be_read_does_not_stop_the_others(model, scans, tmp_path, capsys, run):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(scans[0].read_bytes()[:500])
    code = main(["predict", str(run), str(broken), str(scans[0]), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert code == 1 and "broken.nii.gz" in said and "research" in said
    assert "is called from a probability of" in said and "Learnt from 8 HGG, 6 LGG" in said
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["problem"].notna().tolist() == [True, False]
    page = tmp_path / "out" / "report" / "index.html"
    assert said.splitlines()[-1] == f"Page: {page}"
    shown = page_words(page, above=tmp_path)
    assert "What is predicted of 2 cases?" in shown and "1 case could not be read." in shown
    assert "is called from a probability of" in shown and "may decide on a patient" in shown
    assert table["case"][1] in shown and page.read_text().count("data:image/jpeg;base64,") == 1
    page.unlink()
    assert main(["report", str(tmp_path / "out")]) == 0
    assert page_words(page, above=tmp_path) == shown
    with pytest.raises(DataError, match="not an empty folder and was not touched"):
        predict(model, tmp_path / "out", scans[0])
    with pytest.raises(DataError, match=r"nowhere\.nii: no such file"):
        predict(model, tmp_path / "out3", tmp_path / "nowhere.nii")


def test_a_file_without_a_header_is_one_of_many_and_no_folder_above_is_named(
    model, scans, tmp_path
):
    bad = tmp_path / "dr_miller" / "bad.nii.gz"
    bad.parent.mkdir()
    bad.write_bytes(b"no header at all" * 30)
    found = predict(model, tmp_path / "out", bad, scans[0])
    assert [each.problem is None for each in found] == [False, True]
    assert found[0].problem.startswith("bad.nii.gz: not a NIfTI file")
    assert found[1].source == scans[0].name
    for file in ("predictions.csv", "predictions.json"):
        text = (tmp_path / "out" / file).read_text()
        assert "dr_miller" not in text and str(scans[0].parent) not in text


def test_a_folder_of_scans_is_every_scan_in_it(model, scans, tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, scan in enumerate(scans[:2]):
        shutil.copy(scan, folder / f"{number}.nii.gz")
    np.save(folder / "bare.npy", np.asarray(nib.load(scans[2]).dataobj))
    (folder / "notes.txt").write_text("none of them")
    found = predict(model, tmp_path / "out", folder)
    assert [each.case for each in found] == ["0", "1", "bare"]
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert "1 mm" in table["notes"][2] and table["notes"][:2].isna().all()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no scan in this folder"):
        predict(model, tmp_path / "none", tmp_path / "empty")


def test_folders_called_like_files_are_the_volumes_of_one_case(tmp_path):
    for kind in ("flair", "seg"):
        folder = tmp_path / "p1" / f"p1_{kind}.nii"
        folder.mkdir(parents=True)
        nib.save(nib.Nifti1Image(np.eye(4)[None], np.eye(4)), folder / f"0001_{kind}.nii")
    cases, dropped = cases_named([str(tmp_path / "p1")], ["flair"])
    assert [(case.case, case.mask) for case in cases] == [("p1", None)] and not dropped
    assert cases[0].images["flair"].name == "p1_flair.nii"


def test_masks_and_other_sequences_of_a_folder_are_left_alone(model, scans, tmp_path, caplog):
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a", "a_seg", "b_flair", "b_t1", "a-mask", "lesion"):
        shutil.copy(scans[0], folder / f"{name}.nii.gz")
    found = predict(model, tmp_path / "out", folder)
    assert [each.case for each in found] == ["a", "b_flair"]
    assert "left alone" in caplog.text and "b_t1.nii.gz" in caplog.text
    assert found[0].source == "a.nii.gz"
    for name in ("c_0000", "c_0001"):
        shutil.copy(scans[0], folder / f"{name}.nii.gz")
    with pytest.raises(DataError, match=r"several channels of its cases by number \(0000, 0001\)"):
        predict(model, tmp_path / "none", folder)


def test_the_series_of_one_patients_study_are_one_case(model, scans, tmp_path):
    image = nib.load(scans[0])
    values = np.asarray(image.dataobj, dtype=np.float32)
    study = tmp_path / "PAT1"
    for folder, name in (("s1", "T2 FLAIR"), ("s2", "T1 post")):
        dicom(study / folder, values, image.affine, patient="x", name=name)
    shutil.copy(scans[1], study / "loose.nii.gz")
    found = predict(model, tmp_path / "out", study)
    assert [each.case for each in found] == ["loose", "PAT1"]
    assert "s1" in found[1].source
    shutil.rmtree(study / "s1")
    with pytest.raises(DataError, match="no series is called flair, which the model takes"):
        predict(model, tmp_path / "none", study)


def test_patients_of_a_dicom_cohort_stay_apart(model, scans, tmp_path):
    image = nib.load(scans[0])
    values = np.asarray(image.dataobj, dtype=np.float32)
    for patient in ("x", "y"):
        dicom(tmp_path / "all" / patient, values, image.affine, patient=patient)
    found = predict(model, tmp_path / "out", tmp_path / "all")
    assert [each.case for each in found] == ["x", "y"]


def test_volumes_beside_their_manifest_are_taken_once(model, scans, tmp_path):
    rows = ["case,patient,label,flair"]
    for name in ("a", "b"):
        shutil.copy(scans[0], tmp_path / f"{name}.nii.gz")
        rows.append(f"{name},{name},x,{name}.nii.gz")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    cases, _ = cases_named([str(tmp_path)], model.channels)
    assert [case.case for case in cases] == ["a", "b"]


def test_volumes_along_the_fourth_axis_are_the_models_channels(tmp_path):
    file = tmp_path / "four.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 3, 2), np.float32), np.eye(4)), file)
    (case,), _ = cases_named([str(file)], ["flair", "t1"])
    assert case.parts == {"flair": 0, "t1": 1} and case.case == "four"
    with pytest.raises(DataError, match="name a file for each"):
        cases_named([str(file)], ["flair", "t1", "t2"])


def test_with_few_cases_the_missing_check_is_said(model, scans, tmp_path):
    blind = dataclasses.replace(model, familiar={})
    (found,) = predict(blind, tmp_path / "out", scans[0])
    assert "cannot be told: that takes 8 cases" in found.unlike[-1]
    assert "but not another look" in model_card(model.card | {"looks": False})


def test_the_card_of_a_model_of_volumes(model):
    assert "in every axial slice with a 2-D U-Net" in model_card(model.card)
    solid = model_card(model.card | {"dimensions": 3})
    assert "3-D U-Net" in solid and "axial slice" not in solid


def test_nothing_outlined_is_said(model, scans, tmp_path):
    segmenter = copy.deepcopy(model.segmenter)
    with torch.no_grad():
        segmenter.net.head.weight.zero_()
        segmenter.net.head.bias.fill_(-20.0)
    blank = dataclasses.replace(model, segmenter=segmenter)
    (found,) = predict(blank, tmp_path / "out", scans[0])
    assert found.tumour_slices == 0
    assert any("the predicted mask is empty" in reason for reason in found.unlike)
    (other,) = predict(model, tmp_path / "other", scans[0])
    assert other.tumour_slices > 0
    assert not any("the predicted mask is empty" in reason for reason in other.unlike)


def test_grey_pictures_in_a_table_are_what_the_model_wants(model, tmp_path):
    (tmp_path / "s").mkdir()
    rows = []
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 255, (32, 32)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / "s" / f"{number}.png")
        rows.append({"image": f"{number}.png", "patient": "p", "label": "x"})
    pd.DataFrame(rows).to_csv(tmp_path / "s" / "slices.csv", index=False)
    (found,) = predict(model, tmp_path / "out", tmp_path / "s")
    assert found.case == "p" and found.problem is None


def test_an_exported_model_needs_no_run_and_names_no_patient(run, model, scans, tmp_path, capsys):
    assert main(["export", str(run), "--out", str(tmp_path / "model")]) == 0
    capsys.readouterr()
    text = "".join(
        file.read_text() for file in (tmp_path / "model").rglob("*")
        if file.suffix in (".json", ".md", ".py")
    )  # fmt: skip
    assert not any(name in text for name in model.segmenter.seen)
    assert str(run.parent) not in text
    card = (tmp_path / "model" / "model_card.md").read_text()
    assert "For research alone" in card and "8 HGG, 6 LGG" in card
    assert "measured on 14 patients (8 HGG, 6 LGG)" in card and "no certainty" in card
    assert "`logistic` on the features `tumour`" in card
    (tmp_path / "plain").touch()
    plain = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    for file in (tmp_path / "model").rglob("*.*"):  # also those of safetensors, for others to read
        assert stat.S_IMODE(file.stat().st_mode) == plain
    (mine,) = predict(model, tmp_path / "a", scans[0])
    (theirs,) = predict(load_model(tmp_path / "model"), tmp_path / "b", scans[0])
    assert theirs.p == mine.p
    done = subprocess.run(
        [sys.executable, str(tmp_path / "model" / "predict.py"), str(scans[0])],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert "Predicted(case=" in done.stdout and (tmp_path / "predictions").is_dir()
    with pytest.raises(DataError, match="exists and was not touched"):
        export_model(run, tmp_path / "model")
    with pytest.raises(DataError, match="an exported model already"):
        export_model(tmp_path / "model", tmp_path / "again")


def test_a_folder_that_is_no_run(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(DataError, match="neither a run folder"):
        load_model(tmp_path / "x")
    with pytest.raises(DataError, match="neither a run folder"):
        load_model(Path(tmp_path / "missing"))


def test_a_run_without_what_can_be_deployed_says_so(run, tmp_path):
    other = copied(run, tmp_path)
    said = yaml.safe_load((other / "study.yaml").read_text())
    said["experiment"] = [each for each in said["experiment"] if each["features"] == "outline_size"]
    (other / "study.yaml").write_text(yaml.safe_dump(said))
    record_files(other, ["study.yaml"], by_hand=True)
    with pytest.raises(SettingError, match=r"no part is on vectors.*--features"):
        load_model(other)


def test_what_is_known_of_patients_comes_from_a_cohorts_own_table_or_one_that_is_named(
    tmp_path, model, scans
):
    folder = simulate_cohort(
        tmp_path / "new", patients={"HGG": 1, "LGG": 1}, size=32, slices=6, seed=9, prefix="New"
    )
    names = sorted(case.case for case in read_cohort(folder).cases)
    about = pd.DataFrame({"case": names, "Age": [61, 44], "marker": ["x", "NA"], "death": [1, 0]})
    about.to_csv(folder / "about.csv", index=False)
    cases, _ = cases_named([str(folder)], ["flair"], clinical=["Age", "marker", "elsewhere"])
    found = {case.case: dict(case.clinical) for case in cases}
    assert found == {
        names[0]: {"Age": "61", "marker": "x"},
        names[1]: {"Age": "44", "marker": None},
    }
    files, _ = cases_named([str(case.images["flair"]) for case in cases], ["flair"])
    stems = pd.DataFrame({"file": [case.case for case in files], "marker": ["y", "x"]})
    stems.to_csv(tmp_path / "stems.csv", index=False)
    given = with_clinical(files, tmp_path / "stems.csv", ["Age", "marker"])
    assert [dict(case.clinical) for case in given] == [{"marker": "y"}, {"marker": "x"}]
    with pytest.raises(DataError, match="has none of the columns Age"):
        with_clinical(files, tmp_path / "stems.csv", ["Age"])
    stems.assign(file=["a", "b"]).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(DataError, match="no column names the cases"):
        with_clinical(files, tmp_path / "other.csv", ["marker"])
    one = [Case("scan_54", "scan_54", clinical={"marker": "z"})]
    pd.DataFrame({"id": ["P17"], "age": [54], "marker": ["x"]}).to_csv(tmp_path / "ages.csv")
    with pytest.raises(DataError, match="no column names the cases"):  # an age is no name
        with_clinical(one, tmp_path / "ages.csv", ["marker"])
    dated = [Case("P17_2001", "P17_2001"), Case("P1_2002", "P1_2002")]
    (late, early) = with_clinical(dated, tmp_path / "ages.csv", ["marker"])
    assert dict(late.clinical) == {"marker": "x"} and not early.clinical
    named = pd.DataFrame({"id": ["scan_54", "P17"], "age": [54, 60], "marker": [None, "x"]})
    named.to_csv(tmp_path / "named.csv", index=False)
    (known,) = with_clinical(one, tmp_path / "named.csv", ["age", "marker"])
    assert dict(known.clinical) == {"age": "54", "marker": "z"}  # what was known stays
    with pytest.raises(SettingError, match="learnt from images alone"):
        predict_images(model, scans, out=tmp_path / "out", clinical=tmp_path / "stems.csv")
