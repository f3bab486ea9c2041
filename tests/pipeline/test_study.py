"""The whole study on a tiny simulated cohort: run, resume, kill, change, refuse."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from rarecase.pipeline.study import Study

from rarecase.cli.main import main
from rarecase.cohort import read_cohort
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.features import FeatureStore
from rarecase.features.standardise import Space
from rarecase.generators.audit.fidelity import frechet_distance
from rarecase.segmenter import load_segmenter


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A finished run; tests that change something copy it first."""
    run = tmp_path_factory.mktemp("study") / "run"
    result = Study(out=run, settings=tiny).run()
    assert result.found == 0 and result.performed > 0
    return run


def copy(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    return run


def fill_the_disk(monkeypatch, *, at):
    """The disk is full when a store is written to for the `at`-th time."""
    real, written = FeatureStore.append, []

    def full_disk(self, batch):
        written.append(len(batch))
        if len(written) == at:
            raise OSError(28, "No space left on device", "features")
        real(self, batch)

    monkeypatch.setattr(FeatureStore, "append", full_disk)


def predictions(run):
    return pd.read_parquet(run / "predictions.parquet")


def test_every_test_patient_is_predicted_once_an_arm(finished):
    table = predictions(finished)
    arms = set(table[["arm", "amount"]].itertuples(index=False, name=None))
    # The amount that was fixed beforehand has a control: as many duplicates.
    assert arms == {("none", 0), ("acgan", 10), ("duplicates:acgan", 10), ("acgan", 15)}
    for _, part in table.groupby(["arm", "amount"]):
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
        generator = json.loads((place / "synthetic/acgan-seed0/generator.json").read_text())
        assert not set(generator["trained_on"]) & tested
        assert set(generator["trained_on"]) | tested == set(table["patient"])
        rows = pd.read_parquet(place / "segmenter/rows.parquet")
        assert set(rows.loc[rows["part"] == "test", "patient"]) == tested


def test_everything_on_disk_as_the_map_says(finished):
    there = {p.relative_to(finished).as_posix() for p in finished.rglob("*")}
    cell = "repeat-0/fold-1"
    for name in (
        "study.yaml", "predictions.parquet", "evidence.json", "report/index.html",
        "arms.parquet", "arms.json", "arms-checks.json", f"{cell}/arms/predictions.parquet",
        "cohort/cohort.csv", "cohort/cohort.json", "slices/images.npy",
        f"{cell}/segmenter/model.safetensors", f"{cell}/segmenter/volumes.csv",
        f"{cell}/features/step.json", f"{cell}/synthetic/acgan-seed0/shown.npz",
        f"{cell}/classified/acgan-seed0/history.csv", f"{cell}/fidelity/acgan-seed0/fidelity.csv",
    ):  # fmt: skip
        assert name in there, name
    there -= {"simulated/study.key"}  # says from which settings the cohort was simulated
    assert not [n for n in there if n.endswith((".partial", ".key", ".pkl", ".pt", ".pth"))]
    assert not [n for n in there if n.endswith(".zarr")]  # nothing needs them any more


def test_what_was_made_is_set_against_the_patients_that_are_tested(finished):
    measured = 0
    for fold in (0, 1):
        place = finished / f"repeat-0/fold-{fold}"
        found = pd.read_csv(place / "fidelity/acgan-seed0/fidelity.csv")
        slices = pd.read_parquet(place / "segmenter/rows.parquet")
        tested = slices["part"] == "test"
        kept = pd.read_csv(place / "synthetic/acgan-seed0/filter.csv").set_index("label")["kept"]
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


def test_a_finished_run_started_again_does_nothing(finished, tiny):
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("step.json")}
    result = Study(out=finished, settings=tiny).run()
    assert result.performed == 0 and result.found == len(before)
    assert {p: p.stat().st_mtime_ns for p in finished.rglob("step.json")} == before
    assert Study(out=finished).run().performed == 0  # by the folder alone


def test_study_yaml_repeats_the_run(finished, tmp_path):
    Study(out=tmp_path / "again", config=finished / "study.yaml").run(until="classify")
    pd.testing.assert_frame_equal(predictions(tmp_path / "again"), predictions(finished))


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"classifier.epochs": 1}, {"classified", "evidence", "report"}),
        ({"generator.keep": "all"}, {"fidelity", "classified", "evidence", "report"}),
        (
            {"generator.learning_rate": 0.001},
            {"synthetic", "fidelity", "classified", "evidence", "report"},
        ),
        ({"sweep.headline": "50%"}, {"classified", "evidence", "report"}),  # it has the control
        ({"compare.inner": 2}, {"arms", "evidence", "report"}),
        ({"compute.threads": 1}, set()),
    ],
)  # fmt: skip
def test_changed_settings_redo_only_what_depends_on_them(finished, tiny, change, redone):
    steps = Study(out=finished, settings={**tiny, **change}).plan()
    parts = [s.name.removesuffix("/acgan-seed0").split("/") for s in steps if not s.done()]
    names = {part[-1] for part in parts}
    assert names == redone


def test_stores_that_went_are_made_anew_when_something_needs_them(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    for extra in ({"features.keep": True}, {}):
        changed = {**tiny, **extra, "generator.keep": "all"}
        before = predictions(finished)
        result = Study(out=run, settings=changed).run(until="classify")
        stores = sorted(path.name for path in run.glob("repeat-0/fold-0/**/*.zarr"))
        assert stores == (["bottleneck.zarr", "samples.zarr"] if extra else [])
        assert not list(run.rglob("remade"))
    assert result.performed == 0  # only removed what nothing needs
    # The generator was not trained again, and its samples are the same: back to the filter.
    stamp = (run / "repeat-0/fold-0/synthetic/acgan-seed0/step.json").stat().st_mtime_ns
    Study(out=run, settings=tiny).run()
    assert (run / "repeat-0/fold-0/synthetic/acgan-seed0/step.json").stat().st_mtime_ns == stamp
    pd.testing.assert_frame_equal(predictions(run), before)


def test_a_kill_while_stores_are_made_anew_leaves_nothing(finished, tiny, tmp_path, monkeypatch):
    run = copy(finished, tmp_path)
    changed = {**tiny, "classifier.epochs": 1}
    fill_the_disk(monkeypatch, at=3)
    with pytest.raises(OSError, match="No space"):
        Study(out=run, settings=changed).run(until="classify")
    monkeypatch.undo()
    Study(out=run, settings=changed).run(until="classify")
    assert not list(run.rglob("*.zarr")) and not list(run.rglob("remade"))


def test_a_disk_that_is_too_small_is_said_before_anything_runs(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("rarecase.pipeline.disk.free_disk", lambda path: 1000)
    with pytest.raises(DataError, match=r"needs up to .* and 1000 B are free"):
        Study(out=tmp_path / "run", settings=tiny).run()
    assert not (tmp_path / "run/slices").exists()
    forced = {**tiny, "compute.ignore_disk": True}
    Study(out=tmp_path / "run", settings=forced).run(until="segment")


def test_several_widths_are_arms_beside_each_other(tiny, tmp_path):
    run = tmp_path / "run"
    result = Study(out=run, settings={**tiny, "generator.widths": [4, 8]}).run()
    table = predictions(run)
    copies = {"duplicates:acgan-4", "duplicates:acgan-8"}
    assert set(table["arm"]) == {"none", "acgan-4", "acgan-8", *copies}
    assert not table.duplicated(["arm", "amount", "generator_seed", "case", "slice"]).any()
    arms = [(row["arm"], row["amount"]) for row in result.evidence["rows"]]
    made = [(f"acgan-{w}", n) for w in (4, 8) for n in (10, 15)]
    assert arms == [("none", 0), *made, *((name, 10) for name in sorted(copies))]
    assert [v["arm"] for v in result.evidence["verdicts"]] == ["acgan-4", "acgan-8"]
    assert result.evidence["headline"]["arm"] == "acgan-8"
    assert all(row["patients"]["difference"] for row in result.evidence["rows"][1:])
    assert "ACGAN of width 4" in result.report.read_text()


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
        generator = json.loads((place / "synthetic/acgan-seed0/generator.json").read_text())
        assert not set(generator["trained_on"]) & tested
    evidence = result.evidence
    assert evidence["protocol"] == "faithful"
    made = [row for row in evidence["rows"] if row["arm"] == "acgan"]
    best = max(made, key=lambda row: row["slices"]["scores"]["balanced_accuracy"])
    assert evidence["headline"]["amount"] == best["amount"]
    page = result.report.read_text()
    assert "These numbers flatter" in page and "is the test set" in page
    for lie in ("nothing in their fold was fitted", "normalised inside the fold", "set aside."):
        assert lie not in page, lie
    sound = (finished / "report/index.html").read_text()
    assert "These numbers flatter" not in sound and "normalised inside the fold" in sound


def test_what_the_settings_no_longer_have_is_removed(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    left = run / "repeat-0/fold-0/segmenter.partial"  # by an earlier version
    left.mkdir()
    Study(out=run, settings={**tiny, "generator.seeds": 2}).run(until="classify")
    assert (run / "repeat-0/fold-0/classified/acgan-seed1").exists()
    assert not left.exists()
    assert set(predictions(run)["generator_seed"]) == {0, 1}
    Study(out=run, settings=tiny).run(until="classify")
    assert not (run / "repeat-0/fold-0/classified/acgan-seed1").exists()
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))


def test_a_run_stopped_while_it_writes_features_goes_on(finished, tiny, tmp_path, monkeypatch):
    run = copy(finished, tmp_path)
    shutil.rmtree(run / "repeat-0/fold-1/features")
    fill_the_disk(monkeypatch, at=2)
    with pytest.raises(OSError, match="No space"):
        Study(out=run, settings=tiny).run(until="classify")
    monkeypatch.undo()
    Study(out=run, settings=tiny).run(until="classify")
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))


def test_a_finished_step_that_was_not_moved_in_is_rescued(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    step = run / "repeat-0/fold-1/segmenter"
    stamp = (step / "step.json").stat().st_mtime_ns
    step.rename(step.with_name("segmenter.rarecase.partial"))
    step.with_name("segmenter.key").write_text(
        json.loads((step.with_name("segmenter.rarecase.partial") / "step.json").read_text())["key"]
    )
    Study(out=run, settings=tiny).run()
    assert (step / "step.json").stat().st_mtime_ns == stamp


def test_files_that_change_hands_are_noticed(finished, tmp_path):
    """The same files, but two cases swapped in the manifest: everything is done again."""
    rows = [
        {"case": c.name, "patient": c.name, "label": c.parent.name,
         "flair": next(c.glob("*_flair*")), "mask": next(c.glob("*_seg*"))}
        for c in sorted((finished / "simulated/study").glob("*/*"))
    ]  # fmt: skip
    table, keys = pd.DataFrame(rows), []
    for swapped in (False, True):
        if swapped:
            table.loc[[0, 1], "flair"] = table.loc[[1, 0], "flair"].to_numpy()
        table.to_csv(tmp_path / "manifest.csv", index=False)
        study = Study(tmp_path / "manifest.csv", label="label", out=tmp_path / "run", preset="demo")
        keys.append({step.name: step.key for step in study.plan()})
    assert keys[0]["slices"] != keys[1]["slices"]
    assert keys[0]["repeat-0/fold-0/segmenter"] != keys[1]["repeat-0/fold-0/segmenter"]
    assert keys[0]["pretrain"] == keys[1]["pretrain"]


def test_other_simulation_settings_make_another_cohort(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    other = {**tiny, "simulation.patients": {"HGG": 5, "LGG": 4}}
    Study(out=run, settings=other).run(until="classify")
    assert predictions(run)["patient"].nunique() == 9


def kill_sometime(run, tiny, after: float) -> bool:
    """Run in a process of its own and kill it hard after so many seconds; False if it finished."""
    call = f"Study(out={str(run)!r}, settings={tiny!r}).run(until='classify')"
    code = f"from rarecase import Study; {call}"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        process.wait(timeout=after)
        assert process.returncode == 0
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def test_three_kills_at_random_moments_change_nothing(finished, tiny, tmp_path):
    run, rng = tmp_path / "run", random.Random(0)
    start = time.perf_counter()
    kills = 0
    while kills < 3:
        # Imports take some seconds before the first step: the moments lie behind them.
        if not kill_sometime(run, tiny, after=rng.uniform(5, 9)):
            shutil.rmtree(run)  # finished before the kill: try again from nothing
        else:
            kills += 1
        assert time.perf_counter() - start < 300
    Study(out=run, settings=tiny).run()
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))
    old, new = (json.loads((r / "evidence.json").read_text()) for r in (finished, run))
    assert old == new


def test_tumour_vectors_go_the_same_way(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    small = {"generator.hidden_generator": 32, "generator.hidden_discriminator": 16}
    small |= {"features.block": "tumour", "features.keep": True}
    result = Study(out=run, settings={**tiny, **small}).run()
    store = FeatureStore.open(run / "repeat-0/fold-0/features/tumour.zarr")
    assert store.shape == (4 + 8 + 16 + 8 + 4,)
    assert result.evidence["headline"]["amount"] == 10
    assert "tumour" in result.report.read_text()


def test_pretraining_fine_tuning_and_repeated_flair(tiny, tmp_path):
    pre = {"pretrain.cohort": "simulated", "pretrain.patients": {"HGG": 3, "LGG": 3},
           "pretrain.epochs": 1}  # fmt: skip
    run = tmp_path / "run"
    Study(out=run, settings={**tiny, **pre}).run(until="segment")
    assert load_segmenter(run / "pretrain").channels == ("flair", "t1", "t1gd", "t2")
    tuned = load_segmenter(run / "repeat-0/fold-0/segmenter")
    assert tuned.net.in_channels == 4 and tuned.initialised_from == "pretrain"
    assert any(name.startswith("Pre") for name in tuned.trained_on)
    Study(out=run).run()
    first = load_segmenter(run / "pretrain").net.eval()
    with np.load(run / "pictures/shown.npz") as shown, torch.no_grad():
        repeated = torch.from_numpy(shown["images"])[:, None].repeat(1, 4, 1, 1)
        assert np.array_equal(shown["before"], (first(repeated)[:, 0] > 0).numpy())
    assert "after fine-tuning on the fold" in (run / "report/index.html").read_text()

    # A model that has seen test patients is refused, unless asked for by name.
    other = {**tiny, "segmenter.init": str(run / "repeat-0/fold-0/segmenter/model.safetensors")}
    with pytest.raises(LeakError, match="allow_seen"):
        Study(out=tmp_path / "leak", settings=other).run(until="segment")
    Study(out=tmp_path / "leak", settings={**other, "segmenter.allow_seen": True}).run(
        until="segment"
    )


def test_pretraining_on_the_studys_own_patients_is_refused_before_anything_runs(
    finished, tiny, tmp_path
):
    own = str(finished / "simulated/study")
    with pytest.raises(LeakError, match=r"10 of the patients.*Sim_HGG_001"):
        Study(own, out=tmp_path / "run", settings={**tiny, "pretrain.cohort": own}).plan()


def test_cases_without_a_mask_are_classified_but_do_not_train(finished, tiny, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(finished / "simulated/study", data)
    bare = sorted(data.glob("*/*"))[::4]
    for case in bare:
        next(case.glob("*_seg*")).unlink()
    result = Study(data, out=tmp_path / "run", settings=tiny).run()
    assert predictions(tmp_path / "run")["patient"].nunique() == 10
    volumes = pd.read_csv(tmp_path / "run/repeat-0/fold-0/segmenter/volumes.csv")
    assert len(volumes) == 10 - len(bare)
    assert result.report.exists()
    for case in data.glob("*/*"):
        for mask in case.glob("*_seg*"):
            mask.unlink()
    with pytest.raises(DataError, match=r"no training case has a mask.*segmenter\.init"):
        Study(data, out=tmp_path / "none", settings=tiny).run()


def test_two_repeats_and_leave_one_site_out_fold_numbers(tiny, tmp_path):
    study = Study(out=tmp_path / "run", settings={**tiny, "split.repeats": 2})
    names = {step.name for step in study.plan()}
    assert "repeat-1/fold-1/segmenter" in names
    steps = study.plan(until="segment")
    assert {s.stage for s in steps} == {"segment"}


def test_a_folder_that_is_not_a_run_is_left_alone(tiny, tmp_path):
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(DataError, match=r"not empty.*nothing in it was touched"):
        Study(out=tmp_path, settings=tiny)
    with pytest.raises(DataError, match="is a file"):
        Study(out=tmp_path / "thesis.doc", settings=tiny)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_run_on_other_data_is_not_overwritten(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    kept = (run / "predictions.parquet").read_bytes()
    with pytest.raises(DataError, match=r"a run on the simulated cohort; a run on .* would remove"):
        Study(finished / "simulated/study", out=run, settings=tiny)
    assert (run / "predictions.parquet").read_bytes() == kept


def test_damaged_predictions_of_a_run_are_named(finished, tmp_path, capsys):
    run = copy(finished, tmp_path)
    (run / "predictions.parquet").write_bytes(b"PAR1 and no more")
    assert main(["evaluate", str(run)]) == 1
    assert f"{run / 'predictions.parquet'}: not a valid Parquet file" in capsys.readouterr().err


def test_one_process_at_a_time(finished, tiny):
    code = (
        "import fcntl, sys, time\n"
        f"f = open({str(finished / '.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX)\n"
        "print('locked', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(DataError, match="another process"):
            Study(out=finished, settings=tiny).run()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_missing_data_and_stage_are_named(tiny, tmp_path):
    with pytest.raises(DataError, match=r"data: no such file or folder.*nowhere"):
        Study(tmp_path / "nowhere", out=tmp_path / "run", settings=tiny)
    with pytest.raises(SettingError, match="did you mean 'classify'"):
        Study(out=tmp_path / "run", settings=tiny).plan(until="classfy")


def test_the_rare_class_can_be_named(finished, tiny, tmp_path):
    run = copy(finished, tmp_path)
    Study(out=run, settings={**tiny, "cohort.rare": "HGG"}).run(until="classify")
    assert json.loads((run / "evidence.json").read_text())["rare"] == "HGG"
    with pytest.raises(SettingError, match="did you mean 'HGG'"):
        Study(out=run, settings={**tiny, "cohort.rare": "HGC"}).plan()


def test_settings_file_holds_absolute_paths_and_threads(finished, tiny, tmp_path):
    data = finished / "simulated/study"
    study = Study(data, out=tmp_path / "run", settings=tiny)
    study.run(until="segment")
    written = yaml.safe_load((tmp_path / "run/study.yaml").read_text())
    assert written["data"] == str(data.absolute()) and written["compute"]["threads"] >= 1
    assert len(read_cohort(data).cases) == 10


def test_images_are_made_too_and_seen_by_the_folds_network(tiny, tmp_path):
    run = tmp_path / "run"
    result = Study(
        out=run, settings={**tiny, "generator.images": True, "features.keep": True}
    ).run()
    arms = [(row["arm"], row["amount"]) for row in result.evidence["rows"]]
    assert ("acgan-images", 10) in arms and ("acgan", 10) in arms
    assert result.evidence["headline"]["arm"] == "acgan"
    place = run / "repeat-0/fold-0/synthetic"
    about = json.loads((place / "acgan-images-seed0/generator.json").read_text())
    assert about["shape"] == [1, 32, 32]  # whole slices of one channel
    made = FeatureStore.open(place / "acgan-images-seed0/samples.zarr")
    other = FeatureStore.open(place / "acgan-seed0/samples.zarr")
    assert made.shape == other.shape and len(made) == len(other)
    tested = set(pd.read_csv(run / "cohort/cohort.csv").query("test_fold_0 == 0")["patient"])
    assert tested and not tested & set(about["trained_on"])
    assert "acgan-images" in result.report.read_text()
    _check_fidelity(run / "repeat-0/fold-0", tested)


def _check_fidelity(place, tested):
    """Each generator's table by hand; that of images is of slices that show a tumour alone."""
    store = FeatureStore.open(place / "features/bottleneck.zarr")
    means = store.read_all().mean(axis=(2, 3), dtype=np.float64)
    shown = store.rows["predicted"] > 0
    with_tumour = set(store.rows.loc[shown, "patient"])
    shown |= ~store.rows["patient"].isin(with_tumour)
    test = store.rows["patient"].isin(tested)
    measured = 0
    for arm, looked_at in (("acgan", test | ~test), ("acgan-images", shown)):
        found = pd.read_csv(place / f"fidelity/{arm}-seed0/fidelity.csv")
        samples = FeatureStore.open(place / f"synthetic/{arm}-seed0/samples.zarr")
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


def test_region_vectors_are_learnt_within_the_fold(tiny, tmp_path):
    run = tmp_path / "run"
    small = {"generator.hidden_generator": 32, "generator.hidden_discriminator": 16}
    small |= {"features.block": "region", "features.keep": True}
    result = Study(out=run, settings={**tiny, **small}).run()
    place = run / "repeat-0/fold-0/features"
    store = FeatureStore.open(place / "region.zarr")
    assert store.shape == (32,) and (place / "region.safetensors").is_file()
    cohort = pd.read_csv(run / "cohort/cohort.csv")
    assert not store.seen & set(cohort.query("test_fold_0 == 0")["patient"])
    assert result.evidence["headline"]["amount"] == 10
