"""Any arms on any features with any classifier, in one run."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rarecase import Study
from rarecase.cli.main import main
from rarecase.features import FeatureStore
from rarecase.generators.filters import recognised
from rarecase.generators.gaussian import Gaussian
from rarecase.generators.registry import KINDS
from rarecase.pipeline.run_folder import source_store
from support.studies import copied, flags, predictions

ARMS = ["duplicates", "gaussian", "acgan", "adcgan"]
PARTS = [
    {"features": "bottleneck", "classifier": "cnn", "arms": ARMS, "amounts": [10, 20],
     "planned": 10},
    {"features": "tumour", "classifier": "logistic", "arms": ["smote", "gaussian", "adcgan"]},
]  # fmt: skip
CELL = ["features", "arm", "classifier", "amount", "repeat", "fold", "seed"]


@pytest.fixture(scope="module", autouse=True)
def _small():
    """An ADC-GAN of a second, and Gaussians with an independent filter."""
    with pytest.MonkeyPatch.context() as patched:
        small = (("hidden", (16,)), ("steps", 20))
        patched.setitem(KINDS, "adcgan", replace(KINDS["adcgan"], settings=small))
        patched.setitem(KINDS, "gaussian", replace(KINDS["gaussian"], filter="recognised"))
        yield


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    """Both parts in one run, from the command line, and its grid before."""
    folder = tmp_path_factory.mktemp("arms") / "run"
    settings = {**tiny, "experiment": PARTS, "tuning.checks": False, "features.keep": True}
    study = Study(out=folder, settings=settings)
    before = study.grid.to_frame()
    folder.mkdir(exist_ok=True)
    (folder / "before.csv").write_text(before.to_csv(index=False))
    study.run(until="classify")
    return folder


def test_one_verdict_for_every_synthetic_arm_of_every_features_and_classifier(run):
    evidence = json.loads((run / "evidence.json").read_text())
    found = {(v["features"], v["classifier"], v["arm"]) for v in evidence["verdicts"]}
    assert found == {
        ("bottleneck", "cnn", "gaussian"), ("bottleneck", "cnn", "acgan"),
        ("bottleneck", "cnn", "adcgan"), ("tumour", "logistic", "smote"),
        ("tumour", "logistic", "gaussian"), ("tumour", "logistic", "adcgan"),
    }  # fmt: skip
    assert len(evidence["verdicts"]) == len(found)
    controls = {(r["features"], r["control_of"]) for r in evidence["rows"] if r["control_of"]}
    assert controls == {(features, arm) for features, _, arm in found}
    assert all(v["primary"] == (v["features"] == "bottleneck") for v in evidence["verdicts"])


def test_a_filter_that_asks_real_samples_alone_goes_with_arms_on_maps(run):
    place = run / "repeat-0/fold-0"
    real = FeatureStore.open(source_store(place, "bottleneck"))
    made = FeatureStore.open(place / "synthetic/bottleneck-gaussian-seed0/samples.zarr")
    learnt = (pd.read_parquet(place / "segmenter/rows.parquet")["part"] != "test").to_numpy()
    (X, y), (Z, asked) = (
        (s.read_all().mean(axis=(2, 3), dtype=float), s.rows["label"].to_numpy(str))
        for s in (real, made)
    )
    who = real.rows["patient"].to_numpy(str)[learnt]
    expected = recognised(X[learnt], y[learnt], Z, asked, groups=who)
    said = pd.read_csv(made.path.parent / "kept.csv")
    assert said["label"].tolist() == asked.tolist() and 0 < expected.sum() < len(expected)
    np.testing.assert_array_equal(said["kept"], expected)
    counts = pd.read_csv(made.path.parent / "filter.csv").set_index("label")["kept"]
    assert counts.to_dict() == said.groupby("label")["kept"].sum().to_dict()


def test_arms_are_judged_on_the_same_patients_and_controls_are_matched(run):
    table = predictions(run)
    assert table["splits"].nunique() == 1
    for _, cell in table.groupby(["features", "arm", "amount", "seed"], dropna=False):
        assert cell["patient"].nunique() == 10
    added = table.groupby(["features", "arm", "amount", "fold"])["added"].first()
    for features, arm, amount in (("bottleneck", "adcgan", "10"), ("tumour", "smote", "tuned")):
        one, control = (added.loc[features, name, amount] for name in (arm, f"duplicates:{arm}"))
        assert (one == control).all() and (one > 0).all()


def test_the_grid_says_before_what_there_will_be_and_after_what_became_of_it(run):
    before, after = pd.read_csv(run / "before.csv"), Study(out=run).grid.to_frame()
    assert set(before["status"]) == {"planned"} and before["seconds"].isna().all()
    assert set(after["status"]) == {"done"} and (after["seconds"] >= 0).all()
    assert not after.duplicated(CELL).any() and len(before) == len(after)
    table = predictions(run)
    done = table[table["control_of"].isna()][CELL].drop_duplicates()
    key = [name for name in CELL if name != "seed"]
    assert set(done[key].astype(str).itertuples(index=False, name=None)) == set(
        after[key].astype(str).itertuples(index=False, name=None)
    )


def test_the_same_line_again_finds_everything_done(run, capsys):
    assert main(["run", "--out", str(run), "--until", "classify", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["performed"] == 0


def test_what_is_said_in_short_is_the_experiment(tiny, tmp_path):
    short = {"features": ["tumour", "enc2"], "arms": ["mixup"], "amounts": ["25%", 7]}
    study = Study(out=tmp_path / "run", settings=tiny, short=short)
    parts = [part.model_dump() for part in study.settings.experiment]
    assert [(p["features"], p["classifier"]) for p in parts] == [
        ("tumour", "logistic"), ("enc2", "cnn"),
    ]  # fmt: skip
    assert [p["amounts"] for p in parts] == [[], ["25%", 7]] and parts[1]["planned"] == "25%"
    assert set(study.grid.to_frame()["arm"]) == {"none", "duplicates", "mixup", "auto"}


def test_the_command_line_says_it_in_short(tiny, tmp_path, capsys):
    words = ["run", *flags(tiny), "--features", "bottleneck", "--classifier", "cnn", "--arms",
             "none,gaussian", "--amounts", "8", "--out", str(tmp_path / "run"), "--until",
             "classify", "--json", "-q"]  # fmt: skip
    assert main(words) == 0, capsys.readouterr().err
    said = json.loads(capsys.readouterr().out)["evidence"]
    assert [(v["arm"], v["amount"]) for v in said["verdicts"]] == [("gaussian", "8")]
    assert said["primary"] == {"features": "bottleneck", "classifier": "cnn", "arm": None}


def test_a_failed_or_skipped_arm_is_in_the_grid_with_its_reason(
    finished, tiny, tmp_path, monkeypatch
):
    def never(self, X, y, **more):
        raise ValueError("this one never fits")

    monkeypatch.setattr(Gaussian, "fit", never)
    first, second, third = tiny["experiment"]
    maps = {**first, "arms": ["acgan", "threshold"]}  # the cnn tunes no threshold
    settings = {**tiny, "experiment": [maps, {**second, "arms": ["smote", "gaussian"]}, third]}
    run = copied(finished, tmp_path)
    study = Study(out=run, settings=settings)
    evidence = study.run(until="classify").result.evidence
    grid = study.grid.to_frame()
    failed, skipped = grid[grid["arm"] == "gaussian"], grid[grid["arm"] == "threshold"]
    assert set(failed["status"]) == {"failed"}
    assert failed["reason"].str.contains("this one never fits").all()
    assert set(skipped["status"]) == {"skipped"}
    assert skipped["reason"].str.contains("threshold").all()
    others = grid[~grid["arm"].isin(["gaussian", "threshold"])]
    assert set(others["status"]) == {"done"} and others["reason"].isna().all()
    assert "smote" in {v["arm"] for v in evidence["verdicts"]}
    assert "gaussian" not in {r["arm"] for r in evidence["rows"]}


def test_a_generator_that_fails_stops_nothing_else(finished, tiny, tmp_path, monkeypatch):
    def never(self, X, y, **more):
        raise ValueError("this one never fits")

    monkeypatch.setattr(Gaussian, "fit", never)
    first, *rest = tiny["experiment"]
    settings = {**tiny, "experiment": [{**first, "arms": ["acgan", "gaussian"]}, *rest]}
    study = Study(out=copied(finished, tmp_path), settings=settings)
    evidence = study.run(until="classify").result.evidence
    assert {v["arm"] for v in evidence["verdicts"]} == {"acgan", "smote"}
    grid = study.grid.to_frame()
    failed = grid[grid["arm"] == "gaussian"]
    assert set(failed["status"]) == {"failed"}
    assert failed["reason"].str.contains("this one never fits").all()


def test_counts_of_vectors_are_of_real_training_samples(tiny, tmp_path):
    part = {**tiny["experiment"][1], "amounts": ["50%", 3], "planned": "50%"}
    study = Study(out=tmp_path / "run", settings={**tiny, "experiment": [part]})
    grid = study.grid.to_frame()
    assert set(grid.query("arm == 'smote'")["amount"]) == {"3", "15"}
    evidence = study.run(until="classify").result.evidence
    assert [(v["arm"], v["amount"]) for v in evidence["verdicts"]] == [("smote", "15")]
    assert np.isfinite(predictions(tmp_path / "run")["p_LGG"]).all()
