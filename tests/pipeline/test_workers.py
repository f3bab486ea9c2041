"""Folds side by side: the same bits, the same errors, and nobody left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from rarecase.pipeline.study import Study
from rarecase.pipeline.workers import perform_side_by_side

from rarecase import progress
from rarecase.errors import DataError, RarecaseError
from rarecase.files import PARTIAL
from rarecase.pipeline.compute import fitting_processes, total_memory
from rarecase.pipeline.executor import ProcessExecutor, Wave, branch_of, fold_of, waves
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.settings import ComputeSettings, Settings
from rarecase.pipeline.step import Context, Step


def test_waves_follow_from_the_study_alone():
    five = [f"repeat-0/fold-{n}" for n in range(5)]
    assert [len(w.folds) for w in waves(five, processes=2, threads=2)] == [2, 2, 1]
    assert [w.threads for w in waves(five, processes=2, threads=2)] == [1, 1, 2]
    assert waves(five, processes=8, threads=8) == [Wave(tuple(five), 1)]
    assert waves(five[:1], processes=4, threads=4) == [Wave((five[0],), 4)]
    assert waves([], processes=2, threads=2) == []


def write(context: Context, folder) -> None:
    with progress.task("writing", total=1) as bar:
        (folder / "pid").write_text(str(os.getpid()))
        bar.advance()


def fail(context: Context, folder) -> None:
    raise DataError(f"{folder.name}: a mask is missing")


def crash(context: Context, folder) -> None:
    raise KeyError("a bug")


def vanish(context: Context, folder) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(context: Context, folder) -> None:
    time.sleep(60)


def lanes(tmp_path, *works):
    here = Context(run=tmp_path, settings=Settings())
    return [
        [Step(f"repeat-0/fold-{fold}/{place}", "segment", "k", work, here)
         for place, work in enumerate(lane)]
        for fold, lane in enumerate(works)
    ]  # fmt: skip


class Heard:
    def __init__(self):
        self.names = []

    def task(self, name, *, total):
        self.names.append(name)
        return contextlib.nullcontext(self)

    def advance(self, steps=1, *, note=""):
        pass


def test_each_lane_is_a_process_in_order_and_is_heard(tmp_path):
    done, heard = [], Heard()
    with progress.use(heard):
        perform_side_by_side(
            lanes(tmp_path, [write, write], [write]), after=lambda step: done.append(step.name)
        )
    assert sorted(done) == ["repeat-0/fold-0/0", "repeat-0/fold-0/1", "repeat-0/fold-1/0"]
    assert done.index("repeat-0/fold-0/0") < done.index("repeat-0/fold-0/1")
    pids = [(tmp_path / name / "pid").read_text() for name in sorted(done)]
    assert pids[0] == pids[1] != pids[2] and str(os.getpid()) not in pids
    assert heard.names == ["repeat 0, fold 0: writing"] * 3
    assert fold_of(lanes(tmp_path, [write])[0][0]) == "repeat-0/fold-0"


@pytest.mark.parametrize(
    ("work", "error", "words"),
    [
        (fail, DataError, "a mask is missing"),
        (crash, KeyError, "a bug"),
        (vanish, RarecaseError, "ended from outside .exit code -9.*compute.processes=1"),
    ],
)
def test_an_error_in_a_process_is_raised_here_and_ends_the_others(tmp_path, work, error, words):
    began = time.perf_counter()
    with pytest.raises(error, match=words):
        perform_side_by_side(lanes(tmp_path, [wait], [work]), after=lambda step: None)
    assert time.perf_counter() - began < 40


def test_two_processes_give_the_bits_of_one_with_as_many_threads(tiny, tmp_path):
    beside = {**tiny, "compute.processes": 2, "compute.threads": 2}
    alone = {**tiny, "compute.processes": 1, "compute.threads": 1}
    runs = [
        Study(out=tmp_path / name, settings=settings).run(until="classify").run
        for name, settings in (("beside", beside), ("alone", alone))
    ]
    for file in ("predictions.parquet", "arms.parquet"):
        one, other = (pd.read_parquet(run / file) for run in runs)
        pd.testing.assert_frame_equal(one, other)
    assert Study(out=runs[0]).run(until="classify").performed == 0


def test_generators_share_the_processes_that_their_fold_can_have(tmp_path):
    here = Context(run=tmp_path, settings=Settings())
    parts = ["segmenter", "arms", "features"]
    parts += [f"{kind}/{arm}-seed0" for arm in "abc" for kind in ("synthetic", "classified")]
    steps = [Step(f"repeat-0/fold-0/{part}", "segment", "k", write, here) for part in parts]
    assert [branch_of(step) for step in steps[:4]] == [None, "arms", None, "a-seed0"]

    def lanes_for(processes, some=steps):
        executor = ProcessExecutor(steps, ComputeSettings(processes=processes, threads=4))
        found = executor._lanes(executor.waves[0], some)
        return [([[s.name.split("/", 2)[2] for s in lane] for lane in lanes], n)
                for lanes, n in found]  # fmt: skip

    assert lanes_for(1) == [([parts], 4)]
    first, then = lanes_for(2)
    assert first == ([["segmenter", "features"]], 4)
    assert then[1] == 2
    assert then[0] == [
        ["arms", "synthetic/b-seed0", "classified/b-seed0"],
        ["synthetic/a-seed0", "classified/a-seed0", "synthetic/c-seed0", "classified/c-seed0"],
    ]
    assert len(lanes_for(9)[1][0]) == 4
    # What is done already changes nothing for the others.
    left = lanes_for(2, steps[-2:])[1]
    assert left == ([[], ["synthetic/c-seed0", "classified/c-seed0"]], 2)


def test_generators_side_by_side_give_the_bits_of_one_after_another(tiny, tmp_path):
    shape = {**tiny, "split.kind": "holdout", "generator.widths": [4, 8], "compute.threads": 1}
    runs = [
        Study(out=tmp_path / str(many), settings={**shape, "compute.processes": many})
        .run(until="classify")
        .run
        for many in (2, 1)
    ]
    for file in ("predictions.parquet", "arms.parquet"):
        one, other = (pd.read_parquet(run / file) for run in runs)
        pd.testing.assert_frame_equal(one, other)


def test_a_killed_study_leaves_no_process_behind(tiny, tmp_path):
    run = tmp_path / "run"
    settings = {**tiny, "compute.processes": 2, "compute.threads": 2, "segmenter.epochs": 400}
    code = "from rarecase.pipeline.study import Study; "  # a script that guards nothing
    code += f"Study(out={str(run)!r}, settings={settings}).run()"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    deadline = time.monotonic() + 120
    started = f"segmenter{PARTIAL}/checkpoints/training.safetensors"
    while not list(run.glob(f"repeat-0/*/{started}")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    process.kill()
    process.wait()
    while _members(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    result = Study(out=run, settings={**settings, "segmenter.epochs": 2}).run()
    assert result.evidence is not None


def _members(session: int) -> list[int]:
    """Processes of a session that are still there."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # gone meanwhile
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if os.getsid(int(entry.name)) == session and state != "Z":
                found.append(int(entry.name))
    return found


def test_as_many_processes_as_threads_and_memory_allow(monkeypatch):
    quick = resolve(preset="quick", overrides={"compute.device": "cpu"})
    paper = resolve(preset="paper", overrides={"compute.device": "cpu"})
    monkeypatch.setattr("rarecase.pipeline.compute.total_memory", lambda: 24 * 2**30)
    assert fitting_processes(quick, threads=2) == 2
    assert fitting_processes(quick, threads=16) == 9
    assert fitting_processes(paper, threads=16) == 1
    gpu = resolve(preset="quick", overrides={"compute.device": "cuda"})
    assert fitting_processes(gpu, threads=16) == 1
    assert total_memory() > 2**30
