"""The script behind the U-Net of the package (tools/pretrain.py), in small, and what it shipped."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rarecase.segmenter import load_segmenter
from rarecase.segmenter.initial import WEIGHTS
from rarecase.simulate.contrast import CHANNELS

TOOL = Path(__file__).parents[1] / "tools/pretrain.py"
SMALL = ("--heads", "2", "--epochs", "2", "--width", "4", "--jobs", "1", "--threads", "1")


@pytest.fixture(scope="module")
def tool():
    spec = spec_from_file_location("pretrain_tool", TOOL)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_from_one_command_to_a_network_and_on_from_where_it_was(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pretrain.py", str(tmp_path / "work"), *SMALL])
    tool.main()
    model = tmp_path / "work/model"
    made = load_segmenter(model)
    assert made.channels == ("flair", "t1", "t1gd", "t2") and made.missing == "zero"
    assert not made.seen and made.net.width == 4
    history = pd.read_csv(model / "history.csv")
    assert list(history["epoch"]) == [1, 2] and np.isfinite(history["loss"]).all()
    before = (model / "model.safetensors").read_bytes()
    files = {p: p.stat().st_mtime_ns for p in tmp_path.glob("work/heads-*.npz")}
    tool.main()
    assert (model / "model.safetensors").read_bytes() == before
    assert files == {p: p.stat().st_mtime_ns for p in files}  # nothing is simulated twice


def test_a_sample_is_a_slice_with_some_of_its_sequences(tool):
    rng = np.random.default_rng(0)
    images = rng.uniform(0.5, 1.5, (64, 4, 16, 16)).astype(np.float16)
    labels = rng.integers(0, 5, (64, 16, 16)).astype(np.uint8)
    slices = tool.VariedSlices(images, labels, range(4), seed=1, vary=False)
    made, wanted = slices.batch(np.arange(64))
    again, _ = slices.batch(np.arange(64))
    assert torch.equal(made, again)
    kinds = set()
    for image, mask, source, label in zip(made, wanted, images, labels, strict=True):
        there = [bool(plane.any()) for plane in image]
        alike = [torch.equal(image[0], plane) for plane in image]
        if all(there) and all(alike):  # one sequence without its name
            which = [np.array_equal(image[0], plane.astype(np.float32)) for plane in source]
            assert sum(which) == 1
            there = which
        named = {name for name, given in zip(CHANNELS, there, strict=True) if given}
        whole = bool(named & {"flair", "t2"})
        assert np.array_equal(mask[0], label > 0 if whole else np.isin(label, (1, 4)))
        kinds.add((len(named), whole, all(alike)))
    assert {1, 2, 3} <= {count for count, _, _ in kinds}
    assert {True, False} == {whole for _, whole, _ in kinds} == {alone for _, _, alone in kinds}


def test_what_is_shipped_is_small_and_has_seen_nobody():
    files = sorted(WEIGHTS.iterdir())
    assert {"model.json", "model.safetensors"} <= {path.name for path in files}
    assert sum(path.stat().st_size for path in files) < 6e6
    shipped = load_segmenter(WEIGHTS)
    assert not shipped.seen and shipped.missing == "zero"
    assert shipped.net.width == 16 and next(shipped.net.parameters()).dtype == torch.float32
