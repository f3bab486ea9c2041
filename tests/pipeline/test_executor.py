"""Who performs the steps: in order, heard, and nobody left behind."""

import contextlib
import inspect
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rarecase import progress
from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.files import locked
from rarecase.pipeline.compute import fitting_processes, settled, total_memory
from rarecase.pipeline.executor import pool, run_steps
from rarecase.pipeline.resolve import resolve
from support.toys import Heard, crash, fail, toy_step, vanish, wait, write

ROOT = Path(__file__).parents[2]


def diamond(run):
    """Four steps: the last needs two that need the first."""
    first = toy_step(run, "first", write)
    left = toy_step(run, "left", write, inputs=(first,))
    right = toy_step(run, "right", write, reads=(first.name,))
    return [first, left, right, toy_step(run, "last", write, inputs=(left, right))]


@pytest.mark.parametrize("threads", [None, 1, 4])
def test_steps_come_behind_those_they_need(tmp_path, threads):
    done = []
    with contextlib.nullcontext() if threads is None else ThreadPoolExecutor(threads) as executor:
        run_steps(diamond(tmp_path), executor=executor, after=lambda s: done.append(s.name[16:]))
    assert done[0] == "first" and done[-1] == "last" and sorted(done[1:3]) == ["left", "right"]
    folder = tmp_path / "repeat-0/fold-1"
    assert sorted(p.name for p in folder.iterdir()) == ["first", "last", "left", "right"]


def test_no_more_steps_at_a_time_than_there_is_room_for_and_earlier_ones_first(tmp_path):
    """Else every fold would be segmented before one is finished, and the disk hold all of them."""
    begun = []

    def note(context, folder):
        begun.append(folder.name.split(".")[0])

    def fold(name):
        start = toy_step(tmp_path, f"{name}-start", note)
        return [start, toy_step(tmp_path, f"{name}-end", note, inputs=(start,))]

    with ThreadPoolExecutor(1) as executor:
        run_steps([*fold("a"), *fold("b")], executor=executor, after=lambda step: None)
    assert begun == ["a-start", "a-end", "b-start", "b-end"]


def test_the_first_error_cancels_the_rest(tmp_path):
    steps = [toy_step(tmp_path, "bad", fail), *diamond(tmp_path)]
    with ThreadPoolExecutor(1) as executor, pytest.raises(DataError, match="a mask is missing"):
        run_steps(steps, executor=executor, after=lambda step: None)
    assert not any(step.done() for step in steps)


def test_what_processes_say_is_shown_here(tmp_path, caplog):
    done, heard = [], Heard()
    with progress.use(heard), pool(2) as executor:
        run_steps(diamond(tmp_path), executor=executor, after=lambda step: done.append(step))
    assert len(done) == 4
    pids = {(step.output / "pid").read_text() for step in done}
    assert str(os.getpid()) not in pids and len(pids) <= 2
    assert heard.opened == heard.closed == ["repeat 0, fold 1: writing"] * 4
    assert sorted(caplog.messages) == [
        f"{n} is written" for n in ("first", "last", "left", "right")
    ]


@pytest.mark.parametrize(
    ("work", "error", "words"),
    [
        (fail, DataError, "a mask is missing"),
        (crash, KeyError, "a bug"),
        (vanish, RarecaseError, "ended from outside.*same command goes on.*compute.processes"),
    ],
)
def test_an_error_in_a_process_is_raised_here_and_ends_the_others(tmp_path, work, error, words):
    began = time.monotonic()
    with pytest.raises(error, match=words), pool(2) as executor:
        run_steps(
            [toy_step(tmp_path, "long", wait), toy_step(tmp_path, "bad", work)],
            executor=executor, after=lambda step: None,
        )  # fmt: skip
    assert time.monotonic() - began < 40


SCRIPT = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
with open(sys.argv[2], "a") as file:
    file.write("run\\n")
from support.toys import toy_step, wait, write
from rarecase.pipeline.executor import pool, run_steps
run = Path(sys.argv[1])
steps = [toy_step(run, "one", write), toy_step(run, "two", write), toy_step(run, "long", wait)]
with pool(2) as executor:
    run_steps(steps, executor=executor, after=lambda step: None)
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_script_that_guards_nothing_runs_once_and_takes_its_processes_with_it(tmp_path, end):
    script, run = tmp_path / "script.py", tmp_path / "run"
    script.write_text(SCRIPT)
    run.mkdir()
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(run), str(tmp_path / "runs")], start_new_session=True,
        env=os.environ | {"PYTHONPATH": paths}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    begun = run / "repeat-0/fold-1/long.key"
    while not begun.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    if end == signal.SIGINT:
        os.killpg(process.pid, end)  # as a terminal does it, to everybody
    else:
        process.kill()
    process.wait(timeout=40)  # less than the step that was interrupted takes
    deadline = time.monotonic() + 20
    while _members(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (tmp_path / "runs").read_text() == "run\n"
    with locked(begun.with_suffix(".lock"), wait=False):  # the dead let go
        pass


def _members(session):
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


def test_a_lock_is_one_process_s_at_a_time_and_leaves_nothing(tmp_path):
    place = tmp_path / "step.lock"
    with locked(place), pytest.raises(BlockingIOError), locked(place, wait=False):
        pass
    assert not place.exists()


def test_numbers_of_processes(monkeypatch):
    with pool(1) as executor:
        assert executor is None
    for wrong in (0, -2):
        with pytest.raises(SettingError, match="expected 1 or more, or -1"), pool(wrong):
            pass
    monkeypatch.setattr("rarecase.pipeline.executor.usable_cpus", lambda: 1)
    with pool(-1) as executor:
        assert executor is None


def test_as_many_processes_as_cpus_memory_and_folds_allow(monkeypatch):
    monkeypatch.setattr("rarecase.pipeline.compute.total_memory", lambda: 24 * 2**30)
    cpu = {"compute.device": "cpu"}
    quick = resolve(preset="quick", overrides=cpu)
    assert fitting_processes(quick, cpus=2) == 2
    assert fitting_processes(quick, cpus=16) == 5  # its folds
    twice = resolve(preset="quick", overrides={**cpu, "split.repeats": 2})
    assert fitting_processes(twice, cpus=16) == 9  # memory
    assert fitting_processes(resolve(preset="paper", overrides=cpu), cpus=16) == 1
    gpu = resolve(preset="quick", overrides={"compute.device": "cuda"})
    assert fitting_processes(gpu, cpus=16) == 1
    monkeypatch.undo()
    assert total_memory() > 2**30


def test_threads_are_settled_once(monkeypatch, tmp_path):
    """Bits depend on how many threads a step has, so a run that goes on keeps them."""
    monkeypatch.setattr("rarecase.pipeline.compute.usable_cpus", lambda: 12)
    monkeypatch.setattr("rarecase.pipeline.compute.total_memory", lambda: 2**40)
    said = {"compute.device": "cpu", "compute.precision": "32-true"}
    none = tmp_path / "study.yaml"
    quick = settled(resolve(preset="quick", overrides=said), none).compute
    assert (quick.processes, quick.threads) == (5, 2)
    four = settled(resolve(preset="quick", overrides={**said, "compute.processes": 4}), none)
    assert (four.compute.processes, four.compute.threads) == (4, 3)
    none.write_text("compute: {device: cpu, precision: 32-true, threads: 6, processes: 2}")
    again = settled(resolve(preset="quick", overrides=said), none).compute
    assert (again.processes, again.threads) == (2, 6)


def test_modules_can_be_inspected_beside_processes(monkeypatch):
    """PyTorch does where it is imported, once the main module was known by its file."""
    main, here = sys.modules["__main__"], compile("", "<nowhere>", "exec")
    monkeypatch.setattr(main, "__file__", __file__, raising=False)
    inspect.getmodule(here, "<nowhere>")
    with pool(2) as executor:
        assert executor.submit(os.getpid).result() != os.getpid()
        inspect.getmodule(here, "<nowhere>")
    assert main.__file__ == __file__
