"""The same bits on one process, on two, and on a cluster of which a worker is killed."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from rarecase import Study, compare, progress
from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.pipeline.executor import pool, run_steps
from support.features import vectors
from support.toys import Heard, fail, toy_step, vanish, vanish_once, write

distributed = pytest.importorskip("distributed")

TINY = {
    "preset": "demo", "simulation.patients": {"HGG": 6, "LGG": 4}, "simulation.slices": 6,
    "slices.size": 32, "split.folds": 2, "pretrain.cohort": None, "segmenter.width": 4,
    "segmenter.depth": 2, "segmenter.epochs": 3, "generator.widths": [4],
    "generator.max_steps": 20, "classifier.epochs": 1, "classifier.channels": [8, 8],
    "classifier.dense": 16, "tuning.shares": [1.0], "tuning.seeds": 1, "tuning.checks": False,
    "compute.device": "cpu", "compute.precision": "32-true", "compute.threads": 1,
    "experiment": [
        {"features": "bottleneck", "classifier": "cnn", "arms": ["acgan"], "amounts": ["50%"]},
        {"features": "tumour", "classifier": "logistic", "arms": ["smote"]},
    ],
}  # fmt: skip
SHORT = {"arms": ["smote"], "folds": 3, "repeats": 2, "inner": 2, "amounts": [1.0],
         "generator_seeds": 1, "checks": False, "draws": 20}  # fmt: skip


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes; a task may lose one of them."""
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=None
        ) as found,
    ):
        yield found


def tiny_study(run, *, processes):
    return Study(out=run, settings={**TINY, "compute.processes": processes})


def holder(lock: Path) -> int:
    """The process that holds a lock file."""
    inode = str(lock.stat().st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
            return int(words[4])
    raise LookupError(lock)


class Killer(Heard):
    """Kills the worker that has begun to train the U-Net of a fold; once."""

    def __init__(self, run):
        super().__init__()
        self.run, self.killed = run, []

    def task(self, name, *, total):
        if name.startswith("U-Net") and not self.killed:
            fold = name.rsplit(" ", 1)[1]
            self.killed.append(holder(self.run / f"repeat-0/fold-{fold}/segmenter.lock"))
            os.kill(self.killed[0], signal.SIGKILL)
        return super().task(name, total=total)


def test_a_study_gives_the_same_bits_whoever_computes(cluster, tmp_path):
    one = tiny_study(tmp_path / "one", processes=1).run(until="classify")
    two = tiny_study(tmp_path / "two", processes=2).run(until="classify")
    reporter = Killer(tmp_path / "dask")
    with progress.use(reporter):
        dask = tiny_study(tmp_path / "dask", processes=1).run(
            until="classify", cluster=cluster.scheduler_address
        )
    assert reporter.killed and sum(name.startswith("U-Net") for name in reporter.opened) == 3
    assert one.performed == two.performed == dask.performed
    for other in (two, dask):
        assert other.result.evidence == one.result.evidence
        pd.testing.assert_frame_equal(
            other.result.predictions, one.result.predictions, check_exact=True
        )
    left = [p.name for p in dask.run.rglob("*") if p.name.endswith((".lock", ".partial", ".key"))]
    assert set(left) <= {"study.key"}


def test_a_comparison_gives_the_same_bits_though_a_worker_is_killed(cluster, tmp_path):
    X, y, groups = vectors(rows=2)
    one = compare(X, y, groups=groups, **SHORT)
    with pool(2) as executor:
        two = compare(X, y, groups=groups, executor=executor, **SHORT)
    killed = threading.Event()

    def kill():
        while not list(tmp_path.rglob("predictions.parquet")):
            time.sleep(0.01)
        (first, *_) = [p for p in multiprocessing.active_children() if "Dask" in p.name]
        os.kill(first.pid, signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    with pool(1, cluster=cluster.scheduler_address) as executor:
        cells = tmp_path / "cells"
        dask = compare(X, y, groups=groups, executor=executor, cells=cells, **SHORT)
    assert killed.is_set()
    for other in (two, dask):
        assert other.evidence == one.evidence
        pd.testing.assert_frame_equal(other.predictions, one.predictions, check_exact=True)


def test_a_cluster_is_heard_and_a_lost_step_is_done_anew(cluster, tmp_path, caplog):
    heard = Heard()
    steps = [toy_step(tmp_path, "lost", vanish_once), toy_step(tmp_path, "other", write)]
    with progress.use(heard), pool(1, cluster=cluster.scheduler_address) as executor:
        run_steps(steps, executor=executor, after=lambda step: None)
    assert all(step.done() for step in steps)
    assert sorted(p.name for p in steps[0].output.iterdir()) == ["pid", "step.json"]
    assert heard.opened == heard.closed == ["repeat 0, fold 1: writing"] * 2
    assert {"lost is written", "other is written"} <= set(caplog.messages)


@pytest.mark.parametrize(
    ("work", "error", "words"),
    [(fail, DataError, "a mask is missing"), (vanish, RarecaseError, "ended again and again")],
)
def test_errors_of_a_cluster_are_raised_here(cluster, tmp_path, work, error, words):
    step = toy_step(tmp_path, "bad", work)
    with pytest.raises(error, match=words), pool(1, cluster=cluster.scheduler_address) as executor:
        run_steps([step], executor=executor, after=lambda step: None)


def test_any_executor_of_ones_own(cluster, tmp_path):
    with distributed.Client(cluster) as client:
        steps = [toy_step(tmp_path, "one", write)]
        run_steps(steps, executor=client.get_executor(), after=lambda step: None)
    assert steps[0].done()


def test_a_folder_that_a_machine_does_not_see(cluster, tmp_path):
    step = toy_step(tmp_path / "elsewhere", "one", write)
    with (
        pytest.raises(DataError, match="all of its machines see"),
        pool(1, cluster=cluster.scheduler_address) as executor,
    ):
        run_steps([step], executor=executor, after=lambda step: None)


def test_a_cluster_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr("rarecase.pipeline.workers.CONNECT", 0.5)
    for where, words in {
        "dask": "expected local, an address",
        "tcp://127.0.0.1:9": "no Dask scheduler answers",
        "nonsense://x": "no Dask scheduler answers",
    }.items():
        with pytest.raises(SettingError, match=words), pool(1, cluster=where):
            pass
    study = tiny_study(tmp_path / "run", processes=1)
    with pytest.raises(SettingError, match="not both"):
        study.run(cluster="local", executor=ThreadPoolExecutor())
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingError, match=r"rarecase\[cluster\]"), pool(1, cluster="local"):
        pass


def test_workers_of_this_machine(tmp_path):
    steps = [toy_step(tmp_path, name, write) for name in ("one", "two")]
    with pool(2, cluster="local") as executor:
        run_steps(steps, executor=executor, after=lambda step: None)
    assert str(os.getpid()) not in {(step.output / "pid").read_text() for step in steps}
