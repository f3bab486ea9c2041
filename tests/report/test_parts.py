"""The pieces of the page against independent computations."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.decomposition import PCA
from sklearn.feature_selection import f_classif
from sklearn.metrics import f1_score

from rarecase.evidence.text import DASH
from rarecase.features.about import FEATURES, about_columns
from rarecase.features.columns import Columns
from rarecase.features.gallery import telling_channel
from rarecase.features.leaks import Suspicion
from rarecase.features.store import FeatureStore
from rarecase.files import write_json
from rarecase.report import make_report
from rarecase.report.blocks import Cell
from rarecase.report.cautions import grave_cautions, other_cautions
from rarecase.report.figures_features import mosaic, principal_plane
from rarecase.report.overlays import SliceReader, choose_cases, dice
from rarecase.report.run_files import RunFiles
from rarecase.report.section_method import differences, names_alone
from rarecase.report.set_aside import read_pair
from rarecase.report.tables_fidelity import fidelity_table, unlike_new_patients
from support.fake_run import fake_run


def volumes(dice_values, label="A"):
    n = len(dice_values)
    return pd.DataFrame(
        {
            "case": [f"{label}{i}" for i in range(n)],
            "label": label,
            "dice": dice_values,
            "repeat": 0,
            "fold": 0,
        }
    )


def test_settings_are_shown_without_the_folders_of_a_machine():
    said = (
        "data: /home/me/my data/tcga\npreset: quick\nsegmenter:\n  init: 'C:\\w\\u.safetensors'\n"
    )
    shown = names_alone(said + "  ratio: 1/2\n")
    assert shown == (
        "data: …/tcga\npreset: quick\nsegmenter:\n  init: …/u.safetensors\n  ratio: 1/2\n"
    )


def test_best_median_and_worst_are_chosen_by_rank():
    table = pd.concat([volumes([0.1, 0.9, 0.5, 0.7, 0.3]), volumes([0.2, 0.4], "B")])
    chosen = choose_cases(table).set_index(["label", "rank"])["dice"]
    assert chosen["A"].to_dict() == {
        "best": 0.9, "median": 0.5, "lower quartile": 0.3, "worst": 0.1}  # fmt: skip
    assert chosen["B"].to_dict() == {"best": 0.4, "worst": 0.2}


def test_three_classes_show_three_each_and_a_single_volume_is_called_the_only_one():
    table = pd.concat([volumes([0.1, 0.9, 0.5], c) for c in "ABC"])
    assert choose_cases(table).groupby("label").size().tolist() == [3, 3, 3]
    assert choose_cases(volumes([0.5]))["rank"].tolist() == ["only"]
    assert choose_cases(volumes([np.nan, np.nan])).empty


def test_dice_is_the_f1_of_pixels():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 20, 20)).astype(np.uint8)
    assert dice(a, b) == pytest.approx(f1_score(a.ravel(), b.ravel()))
    assert dice(a * 0, b * 0) == 1.0


def test_channel_in_which_classes_differ_most():
    rng = np.random.default_rng(0)
    means = {c: rng.normal(0, 1, (30, 12)) + i * rng.normal(0, 1, 12) for i, c in enumerate("ABC")}
    for block in means.values():
        block[:, 3] = 1.0  # never varies
    x = np.concatenate(list(means.values()))
    x[:, 3] += rng.normal(0, 1e-9, len(x))
    y = np.repeat([0, 1, 2], 30)
    f = f_classif(x, y)[0]
    f[3] = 0
    assert telling_channel(means) == int(np.argmax(f))


def test_plane_is_that_of_pca():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8))
    x[:, 5] = 2.0
    centre, scale, axes, share = principal_plane(x)
    z = (x - centre) / scale
    reference = PCA(2, svd_solver="full").fit(z)
    assert share == pytest.approx(reference.explained_variance_ratio_)
    assert np.abs(z @ axes.T) == pytest.approx(np.abs(reference.transform(z)))


def test_mosaic_keeps_maps_apart_and_in_order():
    maps = np.arange(3, dtype=np.float32).reshape(3, 1, 1) * np.ones((1, 30, 30), np.float32)
    picture = mosaic(maps, side=2)
    assert picture[0, 0] == 0
    assert picture[0, -1] == 1
    assert picture[-1, 0] == 2
    assert np.isnan(picture[-1, -1])
    assert np.isnan(picture[30, :]).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fake_run(tmp_path_factory.mktemp("parts"))


def test_an_overlay_shows_the_slice_with_the_largest_tumour(run):
    files = RunFiles(run)
    reader = SliceReader(files)
    assert reader.channel == 1  # flair stands second
    overlay = reader.overlay("HGG-00-a", run / "repeat-0" / "fold-0", title="t", score=0.5)
    rows = pd.read_parquet(run / "slices" / "rows.parquet")
    row = int(rows.loc[rows[rows["case"] == "HGG-00-a"]["tumour"].idxmax(), "row"])
    truth = np.load(run / "slices" / "masks.npy")[row]
    assert np.array_equal(overlay.true, truth)
    assert np.array_equal(overlay.predicted, np.roll(truth, 2, axis=1))
    assert np.array_equal(overlay.image, np.load(run / "slices" / "images.npy")[row, 1])
    assert overlay.slice_dice == pytest.approx(
        f1_score(truth.ravel(), np.roll(truth, 2, axis=1).ravel())
    )


def test_synthetic_features_are_shown_beside_other_real_patients(run):
    table = fidelity_table(RunFiles(run))
    assert [tuple(row[:3]) for row in table.rows] == [
        ("acgan", "HGG", "synthetic"), ("acgan", "HGG", "other real patients"),
        ("acgan", "LGG", "synthetic"), ("acgan", "LGG", "other real patients"),
    ]  # fmt: skip
    place = table.columns.index("Two-sample AUC")
    assert table.rows[0][place] == Cell("0.18", "0.13 to 0.23")  # of two folds
    assert table.rows[1][place] == Cell("0.48", "0.43 to 0.53")
    assert table.rows[2][place] == DASH
    assert table.caption in make_report(run).read_text()


def test_classes_may_be_numbers_and_nothing_may_be_measured(tmp_path):
    made = fake_run(tmp_path / "run", classes=("1", "NA"))
    table = fidelity_table(RunFiles(made))
    assert [row[1] for row in table.rows] == ["1", "1", "NA", "NA"]
    assert table.rows[0][3] == Cell("0.15", "0.10 to 0.20")
    for place in made.glob("repeat-0/fold-*/fidelity"):
        shutil.rmtree(place)
    assert fidelity_table(RunFiles(made)) is None and not unlike_new_patients(RunFiles(made))
    assert "Synthetic features against" not in make_report(made).read_text()


def test_columns_and_every_warning_about_one_are_on_the_page(tmp_path):
    made = fake_run(tmp_path / "run")
    assert "Columns to look at" not in make_report(made).read_text()
    said = [
        Suspicion("stage", "outcome", "is named like an outcome", True),
        Suspicion("<marker>", "empty", "is empty in the training part of fold 1", False),
    ]
    columns = {"clinical": Columns.of(2, names=["stage", "<marker>"])}
    write_json(made / FEATURES, about_columns(columns, said, accept=["stage"]))
    page = make_report(made).read_text()
    assert "Features: 2 (stage, &lt;marker&gt;)" in page and "accepted by name" in page
    assert "is empty in the training part of fold 1" in page and "<marker>" not in page


def test_samples_that_cover_nothing_are_warned_of(tmp_path):
    made = fake_run(tmp_path / "run")
    assert not unlike_new_patients(RunFiles(made))
    path = made / "repeat-0/fold-0/fidelity/bottleneck-acgan-seed0/fidelity.csv"
    found = pd.read_csv(path)
    found.loc[found["source"] == "synthetic", "coverage"] = 0.01  # of one fold
    found.to_csv(path, index=False)
    (said,) = unlike_new_patients(RunFiles(made))
    assert said.startswith("Synthetic samples of class HGG (acgan) are not like")
    assert "cover 0.12 of the test patients' variety, other real patients 0.47" in said
    assert said in other_cautions(RunFiles(made))
    found.loc[found["source"] == "synthetic", "samples"] = 7  # as the filter left them
    found.to_csv(path, index=False)
    assert not unlike_new_patients(RunFiles(made))


def test_a_run_in_which_nothing_was_measured_has_no_such_table(tmp_path):
    made = fake_run(tmp_path / "run", generator=False, features=False)
    assert fidelity_table(RunFiles(made)) is None


def test_real_samples_come_from_training_patients_and_synthetic_ones_were_kept(run):
    folder = RunFiles(run).generators[0].path
    pair = read_pair(folder)
    real = FeatureStore.open(folder.parents[1] / "features" / "bottleneck" / "bottleneck.zarr")
    made = FeatureStore.open(folder / "samples.zarr")
    usable = {
        "real": (real, pair.real, real.rows["part"] != "test"),
        "made": (made, pair.synthetic, made.rows["agrees"]),
    }
    for store, shown, allowed in usable.values():
        maps = store.read_all()
        for name, samples in shown.items():
            own = maps[(allowed & (store.rows["label"] == name)).to_numpy()]
            assert len(samples.means) == len(own)  # fewer than 300 of a class here
            expected = own.mean(axis=(2, 3))
            order = np.lexsort(expected.T), np.lexsort(samples.means.T)
            assert samples.means[order[1]] == pytest.approx(expected[order[0]], abs=1e-5)
            assert len(samples.maps) == min(25, len(own))
            assert samples.maps.mean(axis=(1, 2)) == pytest.approx(
                samples.means[: len(samples.maps), pair.channel], abs=1e-3
            )
    assert pair.unfiltered == ()


def change_evidence(run, change):
    path = run / "evidence.json"
    evidence = json.loads(path.read_text())
    change(evidence)
    path.write_text(json.dumps(evidence))


def cautions(run):
    files = RunFiles(run)
    return " | ".join([*grave_cautions(files), *other_cautions(files)])


@pytest.fixture
def small(tmp_path):
    return fake_run(tmp_path, generator=False, features=False, pretrain=False)


def test_caution_few_rare_patients(small):
    assert "too few to say" not in cautions(small)
    change_evidence(small, lambda e: e["counts"]["patients"].update(LGG=9))
    assert "Only 9 patients of the rare class LGG" in cautions(small)


def test_caution_folds_without_rare_patients(small):
    change_evidence(small, lambda e: e["folds"][0]["patients"].update(LGG=0))
    assert "1 of 2 test folds without a patient of class LGG" in cautions(small)


def test_caution_a_class_never_called(small):
    score = {"value": 0.0, "low": 0.0, "high": 0.0}
    assert "is called right" not in cautions(small)
    change_evidence(small, lambda e: e["rows"][0]["patients"]["scores"].update(recall_LGG=score))
    assert "No patient of class LGG is called right by none (bottleneck, cnn)" in cautions(small)


def test_caution_last_epoch_was_the_best(small):
    assert "last epoch" not in cautions(small)
    for card in small.glob("repeat-*/fold-*/segmenter/model.json"):
        card.write_text(json.dumps(json.loads(card.read_text()) | {"best_epoch": 6}))
    assert "In 2 of 2 folds the last epoch" in cautions(small)


def test_caution_leak_that_was_asked_for(small):
    settings = small / "study.yaml"
    settings.write_text(settings.read_text().replace("init: null", "allow_seen: true"))
    assert "may have seen test patients" in cautions(small)


def test_a_dice_on_simulated_patients_is_in_domain_for_the_packages_network(small):
    assert "in-domain" not in cautions(small)
    for card in small.glob("repeat-*/fold-*/segmenter/model.json"):
        about = json.loads(card.read_text()) | {"initialised_from": "pretrained"}
        card.write_text(json.dumps(about))
    text = " ".join(differences(RunFiles(small)))
    assert "starts from the U-Net of the package" in text and "random weights" not in text
    simulated = (small / "study.yaml").read_text().replace("data: cohort", "data: null")
    (small / "study.yaml").write_text(simulated)
    assert "in-domain" in cautions(small)


def test_differences_follow_the_settings(small):
    text = " ".join(differences(RunFiles(small)))
    assert "starts from random weights" in text
    assert "Slices are 32 pixels" in text
    settings = small / "study.yaml"
    settings.write_text(
        settings.read_text().replace("size: 32", "size: 240") + "differences:\n- Mine, too.\n"
    )
    text = " ".join(differences(RunFiles(small)))
    assert "pixels" not in text
    assert "Mine, too." in text


def test_from_random_weights_the_report_says_how_they_were_trained(small):
    """Not how a pre-trained network would have been tuned."""
    settings = small / "study.yaml"
    about = yaml.safe_load(settings.read_text())
    about["segmenter"] |= {"epochs": 3, "scratch": {"epochs": 17, "coarse": 0.5}}
    settings.write_text(yaml.safe_dump(about))
    assert "trained for 17 epochs" in " ".join(differences(RunFiles(small)))
    assert "In the first 50%" in " ".join(differences(RunFiles(small)))


def test_masks_that_trained_nobody_are_not_said_to_have(small):
    def page():
        return make_report(small).read_text(encoding="utf-8")

    assert "U-Net was trained to outline" in page() and "No mask of these patients" not in page()
    change_evidence(small, lambda e: e.update(untuned=True))
    assert "the pre-trained U-Net outlined the tumour" in page()
    assert "No mask of these patients was used" in page()
