"""The whole study on a tiny simulated cohort: what it leaves, under every kind of setting."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from rarecase import Study
from rarecase.cohort import read_cohort
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.evidence.predictions import COLUMNS, KEY
from rarecase.features import FeatureStore
from rarecase.features.standardise import Space
from rarecase.generators.audit.fidelity import frechet_distance
from rarecase.pipeline.steps import segment
from rarecase.report import make_report
from rarecase.segmenter import load_segmenter
from support.studies import predictions


def test_every_test_patient_is_predicted_once_in_every_cell_of_one_table(finished):
    table = predictions(finished)
    assert [*table.columns] == [*COLUMNS, "p_HGG", "p_LGG"]
    assert set(table[KEY].itertuples(index=False, name=None)) == {
        ("bottleneck", "none", "cnn", "0"),
        ("bottleneck", "acgan", "cnn", "10"),
        # The amount that was fixed beforehand has a control: as many duplicates.
        ("bottleneck", "duplicates:acgan", "cnn", "10"),
        ("bottleneck", "acgan", "cnn", "15"),
        ("tumour", "none", "logistic", "0"),
        ("tumour", "duplicates", "logistic", "tuned"),
        ("tumour", "smote", "logistic", "tuned"),
        ("tumour", "auto", "logistic", "tuned"),
        ("tumour", "duplicates:smote", "logistic", "tuned"),
        ("outline_size", "none", "logistic", "0"),
    }
    assert table["splits"].nunique() == 1
    for _, part in table.groupby([*KEY, "seed"], dropna=False):
        assert not part.duplicated(["case", "slice"]).any()
        assert part["patient"].nunique() == 10
    np.testing.assert_allclose(table["p_HGG"] + table["p_LGG"], 1, atol=1e-6)


def test_nothing_is_fitted_on_a_patient_it_is_judged_on(finished):
    table = predictions(finished)
    for fold in (0, 1):
        tested = set(table.loc[table["fold"] == fold, "patient"])
        place = finished / "repeat-0" / f"fold-{fold}"
        segmenter = load_segmenter(place / "segmenter")
        assert tested and not segmenter.seen & tested
        about = json.loads((place / "synthetic/bottleneck-acgan-seed0/generator.json").read_text())
        assert not set(about["trained_on"]) & tested
        assert set(about["trained_on"]) | tested == set(table["patient"])
        rows = pd.read_parquet(place / "segmenter/rows.parquet")
        assert set(rows.loc[rows["part"] == "test", "patient"]) == tested


def test_everything_on_disk_as_the_map_says(finished):
    there = {p.relative_to(finished).as_posix() for p in finished.rglob("*")}
    cell = "repeat-0/fold-1"
    for name in (
        "study.yaml", "predictions.parquet", "evidence.json", "report/index.html",
        "cohort/cohort.csv", "cohort/cohort.json", "slices/images.npy",
        f"{cell}/segmenter/model.safetensors", f"{cell}/segmenter/volumes.csv",
        f"{cell}/features/bottleneck/step.json", f"{cell}/features/tumour/step.json",
        f"{cell}/synthetic/bottleneck-acgan-seed0/shown.npz",
        f"{cell}/fidelity/bottleneck-acgan-seed0/fidelity.csv",
        f"{cell}/cells/bottleneck-cnn-none/predictions.parquet",
        f"{cell}/cells/bottleneck-cnn-acgan/history.csv",
        f"{cell}/cells/tumour-logistic-arms/cells.csv",
        f"{cell}/cells/tumour-logistic-arms/checks.json",
        f"{cell}/cells/outline_size-logistic-arms/predictions.parquet",
    ):  # fmt: skip
        assert name in there, name
    there -= {"simulated/study.key"}  # says from which settings the cohort was simulated
    assert not [n for n in there if n.endswith((".partial", ".key", ".pkl", ".pt", ".pth"))]
    stores = {n.split("/")[-1] for n in there if n.endswith(".zarr")}
    assert stores == {"tumour.zarr", "outline_size.zarr"}  # nothing needs maps any more
    assert {n for n in there if "/" not in n and n.endswith(("json", "parquet"))} == {
        "predictions.parquet", "evidence.json", "features.json", "checksums.json",
    }  # fmt: skip


def test_the_evidence_says_all_of_it_with_its_checks(finished):
    evidence = json.loads((finished / "evidence.json").read_text())
    assert evidence["primary"] == {"features": "bottleneck", "classifier": "cnn", "arm": None}
    assert [(v["features"], v["arm"], v["amount"]) for v in evidence["verdicts"]] == [
        ("bottleneck", "acgan", "10"), ("tumour", "smote", "tuned"),
    ]  # fmt: skip
    assert [v["primary"] for v in evidence["verdicts"]] == [True, False]
    assert evidence["checks"]["permuted_mean"] is not None
    assert len(evidence["checks"]["shift_auc"]) == 2  # of each fold
    assert evidence["checks"]["leak"]


def test_masks_are_scored_as_those_judge_them_who_use_them(finished):
    table = pd.read_csv(finished / "masks.csv")
    assert {"repeat", "fold", "case", "site", "part", "dice", "hd95", "missed"} <= set(table)
    tested = table[table["part"] == "test"]
    assert sorted(tested["case"]) == sorted(pd.read_csv(finished / "cohort/cohort.csv")["case"])
    whole = json.loads((finished / "evidence.json").read_text())["masks"][0]
    assert whole["cases"] == len(tested)
    assert whole["dice"] == pytest.approx(tested["dice"].mean())
    assert whole["lesions"] == tested["lesions"].sum() >= len(tested)
    assert "Lesions missed" in make_report(finished).read_text()


def test_what_was_made_is_set_against_the_patients_that_are_tested(finished):
    measured = 0
    for fold in (0, 1):
        place = finished / f"repeat-0/fold-{fold}"
        found = pd.read_csv(place / "fidelity/bottleneck-acgan-seed0/fidelity.csv")
        slices = pd.read_parquet(place / "segmenter/rows.parquet")
        tested = slices["part"] == "test"
        kept = pd.read_csv(place / "synthetic/bottleneck-acgan-seed0/filter.csv")
        kept = kept.set_index("label")["kept"]
        for label, part in found.groupby("class"):
            made, real = (
                part[part["source"] == source].iloc[0] for source in ("synthetic", "real")
            )
            mine = slices["label"] == label
            assert made["held"] == real["held"] == (tested & mine).sum()
            assert made["train"] == (~tested & mine).sum() == real["train"] + real["samples"]
            assert made["samples"] == kept[label]
            for line in (made, real):
                enough = line[["train", "held", "samples"]].min() >= 6
                assert line[["precision", "coverage", "membership"]].notna().all() == enough
                measured += enough
    assert measured >= 4


def test_pictures_are_set_aside_for_the_report(finished):
    about = json.loads((finished / "pictures/shown.json").read_text())
    with np.load(finished / "pictures/shown.npz", allow_pickle=False) as arrays:
        shown = {name: arrays[name] for name in arrays}
    rows = pd.read_parquet(finished / "repeat-0/fold-0/segmenter/rows.parquet")
    masks = np.load(finished / "slices/masks.npy")
    assert [one["label"] for one in about["slices"]] == ["HGG", "LGG"]
    for place, one in enumerate(about["slices"]):
        mine = rows[(rows["case"] == one["case"]) & (rows["slice"] == one["slice"])].iloc[0]
        assert mine["part"] == "test"
        assert mine["tumour"] == rows.loc[rows["case"] == one["case"], "tumour"].max()
        assert np.array_equal(shown["true"][place], masks[mine["row"]])
        assert shown["after"][place].sum() == mine["predicted"]
    assert about["start"] is None and "before" not in shown  # random weights
    assert about["augmented"][0] == "original" and len(about["augmented"]) == 11
    assert np.array_equal(shown["augmented_0"], shown["images"][0])
    assert np.array_equal(shown["augmented_1"], shown["images"][0][:, ::-1])
    assert np.array_equal(shown["augmented_mask_2"], shown["true"][0][::-1])
    names = [name for name, _ in about["blocks"]]
    assert names == ["enc1", "enc2", "bottleneck", "dec2", "dec1"]
    assert shown["block_bottleneck"].shape == (8, 8, 8) and shown["block_dec1"].shape == (4, 32, 32)


def test_several_widths_are_arms_beside_each_other(tiny, tmp_path):
    run = tmp_path / "run"
    settings = {**tiny, "generator.widths": [4, 8], "experiment": tiny["experiment"][:1]}
    result = Study(out=run, settings=settings).run(until="classify")
    table = predictions(run)
    copies = {"duplicates:acgan-4", "duplicates:acgan-8"}
    assert set(table["arm"]) == {"none", "acgan-4", "acgan-8", *copies}
    assert not table.duplicated(["arm", "amount", "seed", "case", "slice"]).any()
    evidence = result.result.evidence
    arms = {(row["arm"], row["amount"]) for row in evidence["rows"]}
    made = {(f"acgan-{w}", n) for w in (4, 8) for n in ("10", "15")}
    assert arms == {("none", "0"), *made, *((name, "10") for name in copies)}
    assert [v["arm"] for v in evidence["verdicts"]] == ["acgan-4", "acgan-8"]


def test_the_papers_protocol_peeks_and_says_so(finished, tiny, tmp_path):
    run = tmp_path / "run"
    peeking = {**tiny, "protocol": "faithful", "slices.normalise": "cohort"}
    result = Study(out=run, settings=peeking).run()
    for fold in (0, 1):
        place = run / f"repeat-0/fold-{fold}"
        rows = pd.read_parquet(place / "segmenter/rows.parquet")
        tested = set(rows.loc[rows["part"] == "test", "patient"])
        segmenter = load_segmenter(place / "segmenter")
        assert set(segmenter.validated_on) == tested  # the epoch was chosen on them
        assert set(segmenter.trained_on) == set(rows["patient"]) - tested
        images = np.load(run / "slices/images.npy")
        np.testing.assert_allclose(segmenter.normaliser.mean, images.mean((0, 2, 3)), rtol=1e-4)
        about = json.loads((place / "synthetic/bottleneck-acgan-seed0/generator.json").read_text())
        assert not set(about["trained_on"]) & tested
    evidence = result.result.evidence
    assert evidence["protocol"] == "faithful" and evidence["verdicts"] == []
    made = [row for row in evidence["rows"] if row["arm"] == "acgan"]
    best = max(made, key=lambda row: row["slices"]["scores"]["balanced_accuracy"])
    assert evidence["paper"]["amount"] == best["amount"]
    page, sound = result.report.read_text(), (finished / "report/index.html").read_text()
    assert "These numbers flatter" in page and "These numbers flatter" not in sound


def test_images_are_generated_too_and_seen_by_the_folds_network(tiny, tmp_path):
    run = tmp_path / "run"
    settings = {**tiny, "features.keep": True, "experiment": tiny["experiment"][:1]}
    study = Study(out=run, settings=settings, short={"arms": ["acgan", "acgan-images"]})
    evidence = study.run(until="classify").result.evidence
    assert {v["arm"] for v in evidence["verdicts"]} == {"acgan", "acgan-images"}
    place = run / "repeat-0/fold-0/synthetic"
    about = json.loads((place / "bottleneck-acgan-images-seed0/generator.json").read_text())
    assert about["shape"] == [1, 32, 32]  # whole slices of one channel
    made = FeatureStore.open(place / "bottleneck-acgan-images-seed0/samples.zarr")
    other = FeatureStore.open(place / "bottleneck-acgan-seed0/samples.zarr")
    assert made.shape == other.shape and len(made) == len(other)
    tested = set(pd.read_csv(run / "cohort/cohort.csv").query("test_fold_0 == 0")["patient"])
    assert tested and not tested & set(about["trained_on"])
    _check_fidelity(run / "repeat-0/fold-0", tested)


def _check_fidelity(place, tested):
    """Each generator's table by hand; that of images is of slices that show a tumour alone."""
    store = FeatureStore.open(place / "features/bottleneck/bottleneck.zarr")
    means = store.read_all().mean(axis=(2, 3), dtype=np.float64)
    shown = store.rows["predicted"] > 0
    with_tumour = set(store.rows.loc[shown, "patient"])
    shown |= ~store.rows["patient"].isin(with_tumour)
    test = store.rows["patient"].isin(tested)
    measured = 0
    for arm, looked_at in (("acgan", test | ~test), ("acgan-images", shown)):
        found = pd.read_csv(place / f"fidelity/bottleneck-{arm}-seed0/fidelity.csv")
        samples = FeatureStore.open(place / f"synthetic/bottleneck-{arm}-seed0/samples.zarr")
        train = looked_at & ~test
        space = Space.fit(means[train])
        for _, line in found[found["source"] == "synthetic"].iterrows():
            mine = looked_at & (store.rows["label"] == line["class"])
            kept = samples.rows["agrees"] & (samples.rows["label"] == line["class"])
            made = samples.read_all()[kept][: int(line["samples"])].mean((2, 3), dtype=np.float64)
            held = means[mine & test]
            assert [line["train"], line["held"]] == [(mine & ~test).sum(), len(held)]
            if not np.isnan(line["frechet"]):
                assert line["frechet"] == pytest.approx(frechet_distance(space(held), space(made)))
                measured += 1
    assert measured >= 2


def test_the_cohorts_table_says_where_labels_come_from(finished):
    cohort = pd.read_csv(finished / "cohort/cohort.csv")
    assert set(cohort["label_from"]) == {"the folders"}
    said = json.loads((finished / "cohort/cohort.json").read_text())["labels_from"]
    assert said == {"the folders": len(cohort)}


def test_region_vectors_are_learnt_within_the_fold(tiny, tmp_path):
    run = tmp_path / "run"
    short = {"features": ["region"], "arms": ["smote"]}
    settings = {**tiny, "features.keep": True}
    result = Study(out=run, settings=settings, short=short).run(until="classify")
    place = run / "repeat-0/fold-0/features/region"
    store = FeatureStore.open(place / "region.zarr")
    assert store.shape == (32,) and (place / "region.safetensors").is_file()
    cohort = pd.read_csv(run / "cohort/cohort.csv")
    assert not store.seen & set(cohort.query("test_fold_0 == 0")["patient"])
    assert [v["features"] for v in result.result.evidence["verdicts"]] == ["region"]


def test_cases_without_a_mask_are_classified_but_do_not_train(finished, tiny, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(finished / "simulated/study", data)
    bare = sorted(data.glob("*/*"))[::4]
    for case in bare:
        next(case.glob("*_seg*")).unlink()
    settings = {**tiny, "experiment": tiny["experiment"][2:]}
    result = Study(data, out=tmp_path / "run", settings=settings).run()
    assert predictions(tmp_path / "run")["patient"].nunique() == 10
    volumes = pd.read_csv(tmp_path / "run/repeat-0/fold-0/segmenter/volumes.csv")
    assert len(volumes) == 10 - len(bare)
    assert result.report.exists()
    for case in data.glob("*/*"):
        for mask in case.glob("*_seg*"):
            mask.unlink()
    with pytest.raises(DataError, match=r"no training case has a mask.*segmenter\.init"):
        Study(data, out=tmp_path / "none", settings=tiny).run()


def test_masks_of_training_patients_come_from_networks_that_have_not_seen_them(
    tiny, tmp_path, monkeypatch
):
    seen, really = [], segment.predict_volumes

    def look(context, fold, looks, *, folder):
        seen.append((fold, looks))
        return really(context, fold, looks, folder=folder)

    monkeypatch.setattr(segment, "predict_volumes", look)
    run = tmp_path / "run"
    Study(out=run, settings=tiny | {"segmenter.cross_fit": 2}).run(until="segment")
    assert len(seen) == 2
    for fold, looks in seen:
        own, *others = looks
        assert len(others) == 2 and set(own.segmenter.trained_on) == set(fold.fitting)
        patient, found = fold.cache.rows["patient"].to_numpy(), []
        for each in looks:
            mine = set(patient[each.rows])
            assert not mine & each.segmenter.seen
            found += sorted(mine)
        assert sorted(found) == sorted(set(patient))
        for each in others:
            assert each.segmenter.seen | set(patient[each.rows]) == set(fold.training)
    assert not list(run.glob("**/cross-fit-*"))


def test_pretraining_fine_tuning_and_repeated_flair(tiny, tmp_path):
    pre = {"pretrain.cohort": "simulated", "pretrain.patients": {"HGG": 3, "LGG": 3},
           "pretrain.epochs": 1, "experiment": tiny["experiment"][2:]}  # fmt: skip
    run = tmp_path / "run"
    Study(out=run, settings={**tiny, **pre}).run(until="segment")
    assert load_segmenter(run / "pretrain").channels == ("flair", "t1", "t1gd", "t2")
    tuned = load_segmenter(run / "repeat-0/fold-0/segmenter")
    assert tuned.net.in_channels == 4 and tuned.initialised_from == "pretrain"
    assert any(name.startswith("Pre") for name in tuned.trained_on)
    first = load_segmenter(run / "pretrain").net.eval()
    with np.load(run / "pictures/shown.npz") as shown, torch.no_grad():
        repeated = torch.from_numpy(shown["images"])[:, None].repeat(1, 4, 1, 1)
        assert np.array_equal(shown["before"], (first(repeated)[:, 0] > 0).numpy())

    # A model that has seen test patients is refused, unless asked for by name.
    other = {**tiny, "segmenter.init": str(run / "repeat-0/fold-0/segmenter/model.safetensors")}
    with pytest.raises(LeakError, match="allow_seen"):
        Study(out=tmp_path / "leak", settings=other).run(until="segment")
    Study(out=tmp_path / "leak", settings={**other, "segmenter.allow_seen": True}).run(
        until="segment"
    )


def test_the_rare_class_can_be_named(tiny, tmp_path):
    settings = {**tiny, "cohort.rare": "HGG", "experiment": tiny["experiment"][2:]}
    result = Study(out=tmp_path / "run", settings=settings).run(until="classify")
    assert result.result.evidence["rare"] == "HGG"
    with pytest.raises(SettingError, match="did you mean 'HGG'"):
        Study(out=tmp_path / "run", settings={**settings, "cohort.rare": "HGC"}).plan()


def manifest(data, path, **columns):
    """A manifest of a BraTS-like cohort, with more columns: case number → value."""
    rows = [
        {"case": case.name, "patient": case.name, "label": case.parent.name,
         "flair": next(case.glob("*_flair*")), "mask": next(case.glob("*_seg*")),
         **{name: value(number) for name, value in columns.items()}}
        for number, case in enumerate(sorted(data.glob("*/*")))
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("kind", "column"), [("given", "fold"), ("site", "site")])
def test_folds_that_come_with_the_data(finished, tiny, tmp_path, kind, column):
    def place(number):
        return number % 2 + 3 if kind == "given" else f"clinic {number % 2}"

    data = finished / "simulated/study"
    table = manifest(data, tmp_path / "manifest.csv", **{column: place})
    settings = {**tiny, "split.kind": kind, "experiment": tiny["experiment"][1:]}
    Study(table, label="label", out=tmp_path / "run", settings=settings).run(until="classify")
    found = predictions(tmp_path / "run")
    expected = pd.read_csv(table, dtype=str).set_index("patient")[column]
    of = found.groupby("patient")["fold"].first()
    if kind == "given":
        assert (of.astype(str) == expected[of.index]).all()
    else:
        assert found.groupby("fold")["site"].nunique().tolist() == [1, 1]
        assert (found["site"] == expected[found["patient"]].to_numpy()).all()
    assert len(read_cohort(table, label="label").cases) == 10
