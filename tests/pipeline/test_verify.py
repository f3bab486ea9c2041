"""Damage of every kind in a finished run: found by verify, refused when used, made anew."""

import random
import re
import shutil

import pandas as pd
import pytest

from rarecase.cli.main import main
from rarecase.errors import DataError
from rarecase.report import make_report
from rarecase.study import Study
from rarecase.verify import repair, verify_folder

STUDY = {
    "preset": "demo", "seed": 3, "simulation.patients": {"HGG": 8, "LGG": 6},
    "simulation.slices": 6, "slices.size": 32, "split.folds": 2, "pretrain.cohort": None,
    "segmenter.width": 4, "segmenter.depth": 2, "segmenter.epochs": 4, "features.keep": True,
    "generator.widths": [4], "generator.seeds": 1, "generator.max_steps": 20,
    "classifier.epochs": 2, "classifier.channels": [8, 8], "classifier.dense": 16,
    "tuning.shares": [1.0], "tuning.seeds": 1, "tuning.checks": False, "compute.device": "cpu",
    "compute.precision": "32-true", "compute.threads": 1, "compute.processes": 1,
    "experiment": [
        {"features": "bottleneck", "classifier": "cnn", "arms": ["acgan"], "amounts": ["50%"],
         "planned": "50%"},
        {"features": "tumour", "classifier": "logistic", "arms": ["smote"]},
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("study") / "run"
    Study(out=run, settings=STUDY).run()
    return run


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def kinds(folder):
    """One file of every kind: names without numbers of folds, patients and figures."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.name.startswith("."):
            found.setdefault(re.sub(r"\d+", "#", name), name)
    return sorted(found.values())


def flip(path, at):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1 << random.Random(at).randrange(8)
    path.write_bytes(raw)


def test_a_whole_run_is_as_it_was_written(finished, capsys):
    assert verify_folder(finished) == []
    assert main(["verify", str(finished)]) == 0


def test_one_flipped_bit_or_a_cut_end_in_every_kind_of_file_is_found(run):
    for name in kinds(run):
        path = run / name
        whole = path.read_bytes()
        for at in {0, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
            flip(path, at)
            assert [each.path for each in verify_folder(run)] == [path], (name, at)
            path.write_bytes(whole)
        for keep in (len(whole) - 1, len(whole) // 2, 0):
            path.write_bytes(whole[:keep])
            assert [each.path for each in verify_folder(run)] == [path], (name, keep)
            path.write_bytes(whole)
    assert verify_folder(run) == []


def test_missing_and_foreign_files_are_named(run, capsys):
    (run / "cohort/cohort.csv").unlink()
    (run / "cohort/mine.txt").touch()
    (run / "study.yaml").write_text((run / "study.yaml").read_text() + "\n")
    found = {(each.path.relative_to(run).as_posix(), each.kind) for each in verify_folder(run)}
    assert found == {
        ("cohort/cohort.csv", "missing"), ("cohort/mine.txt", "foreign"), ("study.yaml", "changed")
    }  # fmt: skip
    assert main(["verify", str(run), "--json"]) == 1


def test_a_cut_file_of_a_step_is_no_nothing_to_do(run):
    for name in kinds(run):
        path, whole = run / name, (run / name).read_bytes()
        if name.startswith("simulated") or name == "study.yaml":
            continue  # simulated anew; the user's
        path.write_bytes(whole[:-1])
        with pytest.raises(DataError, match="--repair"):
            Study(out=run).run()
        path.write_bytes(whole)


def test_a_damaged_file_is_refused_by_the_report(run):
    for name in ("cohort/cohort.csv", "evidence.json", "pictures/shown.npz", "study.yaml",
                 "repeat-0/fold-0/segmenter/volumes.csv", "slices/images.npy",
                 "repeat-0/fold-0/segmenter/predicted.npy"):  # fmt: skip
        whole = (run / name).read_bytes()
        flip(run / name, len(whole) // 2)
        with pytest.raises(DataError, match=name):
            make_report(run)
        (run / name).write_bytes(whole)


def test_a_damaged_file_is_refused_by_a_step_that_reads_it(run):
    for name in ("repeat-0/fold-0/features/tumour/tumour.zarr/features/c/0/0",
                 "repeat-0/fold-0/features/tumour/tumour.zarr/rows.parquet",
                 "repeat-0/fold-0/features/tumour/tumour.zarr/features/zarr.json",
                 "slices/masks.npy", "cohort/cohort.json"):  # fmt: skip
        whole = (run / name).read_bytes()
        flip(run / name, len(whole) // 2)
        with pytest.raises(DataError, match=name):
            Study(out=run, settings={"tuning.shares": [0.5]}).run(until="classify")
        (run / name).write_bytes(whole)


@pytest.mark.parametrize(
    "name",
    ["repeat-0/fold-0/features/tumour/tumour.zarr/rows.parquet", "evidence.json",
     "cohort/step.json", "repeat-0/fold-1/segmenter/model.safetensors", "checksums.json"],
)  # fmt: skip
def test_repaired_and_run_again_it_predicts_the_same(run, finished, name):
    flip(run / name, 40)
    assert repair(verify_folder(run))
    done = Study(out=run).run()
    assert 0 < done.performed < 4
    assert verify_folder(run) == []
    both = [pd.read_parquet(folder / "predictions.parquet") for folder in (run, finished)]
    pd.testing.assert_frame_equal(*both, check_exact=True)


def test_bulky_parts_that_went_are_not_missing_and_come_back(run):
    parts = list(run.glob("repeat-*/fold-*/features/bottleneck/*.zarr"))
    before = {
        path: path.read_bytes() for part in parts for path in part.rglob("*") if path.is_file()
    }
    for part in parts:
        shutil.rmtree(part)
    assert verify_folder(run) == []
    first, *rest = Study(out=run).settings.model_dump()["experiment"]
    more = [first | {"arms": ["acgan", "gaussian"]}, *rest]
    Study(out=run, settings={"experiment": more, "features.keep": True}).run()
    assert verify_folder(run) == []
    again = {path: path.read_bytes() for path in before}
    assert again == before
