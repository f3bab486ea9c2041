"""Tasks: the same bits in any executor, kept on disk, refused where they are another's."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.experiment import Arm, Sampler, Tuned, make_design, tasks
from rarecase.experiment.splits import draw_splits
from rarecase.experiment.tasks import read_result, run_tasks, tasks_of, write_result
from rarecase.generators import Smote
from support.features import Broken, vector_set

KEY = "one"


@pytest.fixture(scope="module")
def todo():
    features = vector_set((30, 12))
    broken = Arm("broken", Sampler(Broken()), Tuned(), synthetic=True)
    design = make_design(["smote", broken], inner=2, seeds=1)
    return tasks_of(features, design, draw_splits(features, folds=3, repeats=2), checks=True)


@pytest.fixture(scope="module")
def results(todo):
    return run_tasks(todo)


def same(found, other):
    for mine, theirs in zip(found, other, strict=True):
        pd.testing.assert_frame_equal(mine.predictions, theirs.predictions)
        about = ["features", "arm", "classifier", "repeat", "fold", "status"]
        pd.testing.assert_frame_equal(mine.cells[about], theirs.cells[about])
        assert mine.checks == theirs.checks
    return True


def test_a_task_a_fold_and_checks_with_the_first_repeat_alone(todo, results):
    assert [(t.place.repeat, t.place.fold) for t in todo] == [
        (r, f) for r in (0, 1) for f in (0, 1, 2)
    ]
    assert [found.checks is not None for found in results] == [True] * 3 + [False] * 3
    assert len({task.folder for task in todo}) == len(todo)


def test_a_network_has_a_task_of_its_own():
    features = vector_set((30, 12))
    design = make_design(["smote", "cvae"], seeds=1)
    found = tasks_of(features, design, draw_splits(features, folds=2, repeats=1))
    assert [(task.name, len(task.arms)) for task in found] == 2 * [("arms", 4), ("cvae", 1)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ThreadPoolExecutor(2),
        lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
    ],
    ids=["threads", "processes"],
)
def test_an_executor_changes_no_bit(todo, results, make):
    with make() as executor:
        assert same(run_tasks(todo, executor=executor), results)


def test_an_error_in_an_executor_comes_through(todo):
    wrong = [replace(task, design=make_design(["none"], classifier="cnn")) for task in todo[:2]]
    with ThreadPoolExecutor(1) as executor, pytest.raises(SettingError, match="takes maps"):
        run_tasks(wrong, executor=executor)


def test_what_is_done_is_found_again_and_the_rest_is_computed(todo, results, tmp_path, monkeypatch):
    assert same(run_tasks(todo, folder=tmp_path, key=KEY), results)
    kept = [tmp_path / task.folder for task in todo]
    assert all((each / "predictions.parquet").is_file() for each in kept)
    (kept[2] / "predictions.parquet").write_bytes(b"PAR1 broken")
    for each in kept[4].iterdir():
        each.unlink()
    kept[4].rmdir()
    made = []
    real = tasks.fit_fold
    monkeypatch.setattr(
        tasks, "fit_fold",
        lambda features, design, place, **more: (
            made.append((place.repeat, place.fold)) or real(features, design, place, **more)
        ),
    )  # fmt: skip
    assert same(run_tasks(todo, folder=tmp_path, key=KEY), results)
    assert made == [(0, 2), (1, 1)]
    made.clear()
    assert same(run_tasks(todo, folder=tmp_path, key=KEY), results) and made == []


def test_a_folder_of_another_experiment_is_refused(todo, tmp_path):
    run_tasks(todo[:1], folder=tmp_path, key=KEY)
    with pytest.raises(DataError, match="cells of another comparison"):
        run_tasks(todo[:1], folder=tmp_path, key="two")
    with pytest.raises(SettingError, match="one of your own has no parameters to tell it by"):
        run_tasks(todo[:1], folder=tmp_path, key=None)


def test_a_failed_arm_is_a_row_that_is_kept(results, tmp_path):
    cells = results[0].cells.set_index("arm")
    assert cells.loc["broken", "status"] == "failed" and cells.loc["broken", "reason"]
    assert not results[0].predictions["arm"].str.contains("broken").any()
    write_result(tmp_path, results[0])
    again = read_result(tmp_path)
    pd.testing.assert_frame_equal(again.predictions, results[0].predictions)
    pd.testing.assert_frame_equal(again.cells, results[0].cells)
    assert again.checks == results[0].checks


def test_a_task_whose_every_arm_failed_is_kept_too(todo, tmp_path):
    (broken,) = (arm for arm in todo[0].arms if arm.name == "broken")
    (found,) = run_tasks([replace(todo[0], arms=(broken,))], folder=tmp_path, key=KEY)
    assert len(found.predictions) == 0
    (again,) = run_tasks([replace(todo[0], arms=(broken,))], folder=tmp_path, key=KEY)
    assert len(again.predictions) == 0 and again.cells["status"].tolist() == ["failed"]


def test_an_own_sampler_is_told_by_its_parameters():
    digests = {
        make_design([Arm("own", Sampler(Smote(neighbours=k)), synthetic=True)]).digest
        for k in (3, 4, 3)
    }
    assert len(digests) == 2
