"""A study that goes on: after it was done, killed, changed, damaged."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from rarecase import Study
from rarecase.cohort import read_cohort
from rarecase.errors import DataError
from support.studies import copied, fill_the_disk, predictions, redone, stamps

SMALL = {"tumour.zarr", "outline_size.zarr"}  # stores that are small, and stay


def of_maps(tiny, **changes):
    """The tiny study with the part on maps changed."""
    first, *rest = tiny["experiment"]
    return {**tiny, "experiment": [{**first, **changes}, *rest]}


def test_a_finished_run_started_again_does_nothing(finished, tiny):
    before = stamps(finished)
    result = Study(out=finished, settings=tiny).run()
    assert result.performed == 0 and result.found == len(before)
    assert stamps(finished) == before
    assert Study(out=finished).run().performed == 0  # by the folder alone


def test_study_yaml_repeats_the_run(finished, tmp_path):
    Study(out=tmp_path / "again", config=finished / "study.yaml").run(until="classify")
    pd.testing.assert_frame_equal(predictions(tmp_path / "again"), predictions(finished))


GENERATED = {"synthetic", "fidelity", "cells bottleneck-cnn-acgan", "evidence", "report"}
MAPS = {"cells bottleneck-cnn-none", "cells bottleneck-cnn-acgan", "evidence", "report"}
VECTORS = {"cells tumour-logistic-arms", "cells outline_size-logistic-arms", "evidence", "report"}


@pytest.mark.parametrize(
    ("change", "of_part", "expected"),
    [
        ({"classifier.epochs": 1}, {}, MAPS),
        ({"generator.learning_rate": 0.001}, {}, GENERATED),
        ({}, {"planned": "50%"}, MAPS),  # it has the control
        ({"seed": 1}, {"features": "enc1"}, None),
        ({"tuning.inner": 2}, {}, VECTORS | MAPS),
        ({"compute.threads": 3}, {}, set()),
    ],
)
def test_changed_settings_redo_only_what_depends_on_them(finished, tiny, change, of_part, expected):
    steps = Study(out=finished, settings={**of_maps(tiny, **of_part), **change}).plan()
    names = {
        step.name.removeprefix("steps/") if "fold" not in step.name
        else " ".join(step.name.split("/")[2:][: 2 if "cells" in step.name else 1])
        for step in steps if not step.done()
    }  # fmt: skip
    if expected is None:
        assert {"segmenter", "cells enc1-cnn-none"} <= names and "slices" in names
    else:
        assert names == expected


def test_the_cells_of_one_task_gone_are_done_again_and_nothing_else(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    gone = "repeat-0/fold-1/cells/tumour-logistic-arms"
    shutil.rmtree(run / gone)
    before = stamps(run)
    result = Study(out=run, settings=tiny).run(until="classify")
    assert redone(run, before) == {gone} and result.performed == 1
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))


def test_an_arm_more_leaves_the_others_where_they_are(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    before = stamps(run)
    study = Study(out=run, settings=of_maps(tiny, arms=["acgan", "gaussian"]))
    found = study.run(until="classify").result
    new = redone(run, before)
    assert {n.split("/")[-1] for n in new if "cells" in n} == {"bottleneck-cnn-gaussian"}
    assert not [n for n in new if n.endswith(("segmenter", "bottleneck", "acgan-seed0"))]
    assert {v["arm"] for v in found.evidence["verdicts"]} == {"acgan", "gaussian", "smote"}
    table = predictions(run)
    old = table[table["arm"] != "gaussian"].query("control_of != 'gaussian'")
    pd.testing.assert_frame_equal(
        old.sort_values([*old.columns[:20]]).reset_index(drop=True),
        predictions(finished).sort_values([*old.columns[:20]]).reset_index(drop=True),
    )


def test_stores_that_went_are_made_anew_when_something_needs_them(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    changed = {**tiny, "classifier.epochs": 1}
    for extra in ({"features.keep": True}, {}):
        result = Study(out=run, settings={**changed, **extra}).run(until="classify")
        stores = {path.name for path in run.glob("repeat-0/fold-0/**/*.zarr")} - SMALL
        assert stores == ({"bottleneck.zarr", "samples.zarr"} if extra else set())
        assert not list(run.rglob("remade"))
    assert result.performed == 0  # only removed what nothing needs
    # The generator was not trained again, and its samples are the same: back to the old epochs.
    before = stamps(run)
    Study(out=run, settings=tiny).run(until="classify")
    assert not [name for name in redone(run, before) if "synthetic" in name]
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))


def test_a_kill_while_stores_are_made_anew_leaves_nothing(finished, tiny, tmp_path, monkeypatch):
    run = copied(finished, tmp_path)
    changed = {**tiny, "classifier.epochs": 1}
    fill_the_disk(monkeypatch, at=3)
    with pytest.raises(OSError, match="No space"):
        Study(out=run, settings=changed).run(until="classify")
    monkeypatch.undo()
    Study(out=run, settings=changed).run(until="classify")
    assert {path.name for path in run.rglob("*.zarr")} == SMALL
    assert not list(run.rglob("remade"))


def test_what_the_settings_no_longer_have_is_removed(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    place = run / "repeat-0/fold-0/synthetic/bottleneck-acgan-seed1"
    Study(out=run, settings={**tiny, "generator.seeds": 2}).run(until="classify")
    assert place.exists()
    assert set(predictions(run).query("arm == 'acgan'")["seed"]) == {0, 1}
    Study(out=run, settings=tiny).run(until="classify")
    assert not place.exists()
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))


def test_a_run_stopped_while_it_writes_features_goes_on(finished, tiny, tmp_path, monkeypatch):
    run = copied(finished, tmp_path)
    shutil.rmtree(run / "repeat-0/fold-1/features")
    shutil.rmtree(run / "repeat-0/fold-1/cells")
    fill_the_disk(monkeypatch, at=2)
    with pytest.raises(OSError, match="No space"):
        Study(out=run, settings=tiny).run(until="classify")
    monkeypatch.undo()
    Study(out=run, settings=tiny).run(until="classify")
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))


def test_a_finished_step_that_was_not_moved_in_is_rescued(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    step = run / "repeat-0/fold-1/segmenter"
    stamp = (step / "step.json").stat().st_mtime_ns
    step.rename(step.with_name("segmenter.rarecase.partial"))
    (mine,) = (s for s in Study(out=run, settings=tiny).plan() if s.output == step)
    step.with_name("segmenter.key").write_text(mine.intent())
    Study(out=run, settings=tiny).run(until="classify")
    assert (step / "step.json").stat().st_mtime_ns == stamp


def manifest(cohort, *, swapped=False):
    """A manifest of a simulated cohort; `swapped`: two cases have each other's files."""
    rows = [
        {"case": c.name, "patient": c.name, "label": c.parent.name,
         "flair": next(c.glob("*_flair*")), "mask": next(c.glob("*_seg*"))}
        for c in sorted(cohort.glob("*/*"))
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    if swapped:
        table.loc[[0, 1], ["flair", "mask"]] = table.loc[[1, 0], ["flair", "mask"]].to_numpy()
    table.to_csv(cohort / "manifest.csv", index=False)
    return cohort / "manifest.csv"


def test_files_that_moved_are_read_again_and_files_that_changed_are_noticed(
    finished, tiny, tmp_path
):
    """Networks are trained again only where what is read has changed."""
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(finished / "simulated/study", data)
    settings = {**tiny, "cohort.channels": ["flair"]}

    def again(place, **how):
        before = stamps(run)
        study = Study(manifest(place, **how), label="label", out=run, settings=settings)
        study.run(until="classify")
        return redone(run, before)

    assert len(again(data)) > 5
    for file in data.rglob("*.nii.gz"):
        os.utime(file)  # as after a copy that keeps no times
    assert again(data) == {"slices"}
    data = data.rename(tmp_path / "moved")
    said = (run / "study.yaml").read_text()
    (run / "study.yaml").write_text(said.replace(f"{tmp_path}/data/", f"{data}/"))
    assert again(data) == {"slices"}
    assert again(data) == set()
    assert {"slices", "cohort", "repeat-0/fold-0/segmenter"} < again(data, swapped=True)


def test_other_simulation_settings_make_another_cohort(finished, tiny, tmp_path):
    run = copied(finished, tmp_path)
    other = {**tiny, "simulation.patients": {"HGG": 5, "LGG": 4}}
    Study(out=run, settings=other).run(until="segment")
    assert len(pd.read_csv(run / "cohort/cohort.csv")) == 9
    assert not (run / "predictions.parquet").exists()  # nothing pairs old numbers with new settings


def kill_sometime(run, tiny, after: float) -> bool:
    """Run in a process of its own and kill it hard after so many seconds; False if it finished."""
    call = f"Study(out={str(run)!r}, settings={tiny!r}).run(until='classify')"
    process = subprocess.Popen([sys.executable, "-c", f"from rarecase import Study; {call}"])
    try:
        process.wait(timeout=after)
        assert process.returncode == 0
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def test_kills_at_random_moments_change_nothing(finished, tiny, tmp_path):
    run, rng = tmp_path / "run", random.Random(0)
    start = time.perf_counter()
    kills = 0
    while kills < 2:
        # Imports take some seconds before the first step: the moments lie behind them.
        if not kill_sometime(run, tiny, after=rng.uniform(5, 9)):
            shutil.rmtree(run)  # finished before the kill: try again from nothing
        else:
            kills += 1
        assert time.perf_counter() - start < 300
    Study(out=run, settings=tiny).run(until="classify")
    pd.testing.assert_frame_equal(predictions(run), predictions(finished))
    old, new = (json.loads((r / "evidence.json").read_text()) for r in (finished, run))
    assert old == new


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


def test_settings_file_holds_absolute_paths_and_threads(finished, tiny, tmp_path):
    data = finished / "simulated/study"
    study = Study(data, out=tmp_path / "run", settings=tiny)
    study.run(until="segment")
    written = yaml.safe_load((tmp_path / "run/study.yaml").read_text())
    assert written["data"] == str(data.absolute()) and written["compute"]["threads"] >= 1
    assert len(read_cohort(data).cases) == 10
    assert np.load(tmp_path / "run/slices/images.npy").shape[0] == 60
