"""Errors, files, seeds and progress: what every room stands on."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import rarecase
from rarecase import progress
from rarecase.errors import DataError, LeakError, RarecaseError, SettingError
from rarecase.files import read_json, replacing_directory, replacing_file, write_json
from rarecase.seeds import numpy_rng, torch_rng, torch_seeded


def test_files_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    with pytest.raises(RuntimeError), replacing_file(target) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with replacing_file(target) as beside:
        beside.write_text("whole")
    assert target.read_text() == "whole"


def test_directories_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "d"
    for keep in (False, True):
        with pytest.raises(RuntimeError), replacing_directory(target, keep_partial=keep) as beside:
            (beside / "x").touch()
            raise RuntimeError
        assert not target.exists() and beside.exists() is keep
    with replacing_directory(target, keep_partial=True) as beside:
        assert (beside / "x").exists()
    with replacing_directory(target) as beside:
        (beside / "y").touch()
    assert [p.name for p in target.iterdir()] == ["y"]


def test_what_a_user_calls_partial_is_left_alone(tmp_path):
    theirs = tmp_path / "d.partial"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    (tmp_path / "a.txt.partial").write_text("mine")
    with replacing_directory(tmp_path / "d") as beside:
        (beside / "y").touch()
    with replacing_file(tmp_path / "a.txt") as beside:
        beside.write_text("whole")
    assert (theirs / "notes.txt").read_text() == "mine"
    assert (tmp_path / "a.txt.partial").read_text() == "mine"
    kinds = {"a.txt", "a.txt.partial", "d", "d.partial"}
    assert {path.name for path in tmp_path.iterdir()} == kinds


def test_json_errors_name_the_file(tmp_path):
    write_json(tmp_path / "a.json", {"ä": 1})
    assert read_json(tmp_path / "a.json") == {"ä": 1}
    with pytest.raises(ValueError, match="nan"):
        write_json(tmp_path / "a.json", float("nan"))
    assert read_json(tmp_path / "a.json") == {"ä": 1}
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(DataError, match=r"b\.json: not valid JSON"):
        read_json(tmp_path / "b.json")


def test_seeds_hang_on_every_name():
    assert numpy_rng(0, "a").random() == numpy_rng(0, "a").random()
    assert numpy_rng(0, "a").random() != numpy_rng(1, "a").random()
    assert numpy_rng(0, "a", 1).random() != numpy_rng(0, "a1").random()
    assert torch.equal(torch.rand(3, generator=torch_rng(0, "a")),
                       torch.rand(3, generator=torch_rng(0, "a")))  # fmt: skip
    before = torch.random.get_rng_state()
    with torch_seeded(0, "w"):
        first = torch.rand(2)
    with torch_seeded(0, "w"):
        assert torch.equal(torch.rand(2), first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_progress_is_silent_until_somebody_listens():
    with progress.task("nobody", total=3) as bar:
        bar.advance()
    said = []

    class Reporter:
        def task(self, name, *, total):
            said.append((name, total))
            return progress._Silent().task(name, total=total)

    with progress.use(Reporter()), progress.task("somebody", total=2) as bar:
        bar.advance(2, note="x")
    assert said == [("somebody", 2)]


def test_every_error_of_a_user_has_one_base():
    assert all(issubclass(e, RarecaseError) for e in (DataError, SettingError, LeakError))
    assert issubclass(RarecaseError, ValueError)


def test_public_names_are_there_and_others_are_not():
    for name in rarecase.__all__:
        assert getattr(rarecase, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rarecase.nothing


@pytest.mark.parametrize(
    "code", ["import rarecase", "from rarecase.cli.main import build_parser; build_parser()"]
)
def test_importing_loads_no_heavy_library(code):
    heavy = "torch numpy pandas sklearn zarr matplotlib nibabel nilearn pydantic rich"
    check = f"{code}; import sys; print([m for m in {heavy.split()!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_reproducible_across_versions():
    """The derivation is part of what a seed means; changing it changes every result."""
    assert np.round(numpy_rng(0, "rarecase", 1).random(), 6) == 0.794283
