"""Precision is what is measured to be faster, and stays what it was for a run that goes on."""

import shutil

import pytest
import torch

from rarecase import Study
from rarecase.errors import SettingError
from rarecase.pipeline import compute
from rarecase.pipeline.settings import ComputeSettings
from rarecase.segmenter.unet import UNet


@pytest.mark.parametrize(("ratio", "expected"), [(3.0, "bf16-mixed"), (0.5, "32-true")])
def test_auto_is_the_faster_one(monkeypatch, ratio, expected):
    monkeypatch.setattr(compute, "half_speed", lambda: ratio)
    assert compute.settle_precision(ComputeSettings(device="cpu")) == expected
    assert compute.make_fabric(ComputeSettings(device="cpu"))._precision.precision == expected


def test_volumes_are_computed_in_full_on_a_cpu(monkeypatch):
    monkeypatch.setattr(compute, "half_speed", lambda: 9.0)
    assert compute.settle_precision(ComputeSettings(device="cpu"), dimensions=3) == "32-true"


def test_a_given_precision_is_kept(monkeypatch):
    monkeypatch.setattr(compute, "half_speed", lambda: 9.0)
    chosen = ComputeSettings(device="cpu", precision="32-true")
    assert compute.settle_precision(chosen) == "32-true"


def test_the_measurement_is_a_ratio_and_draws_nothing():
    before = torch.random.get_rng_state()
    assert 0.05 < compute.half_speed.__wrapped__() < 50
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_run_that_goes_on_keeps_its_precision(monkeypatch, tiny, tmp_path):
    monkeypatch.setattr(compute, "half_speed", lambda: 9.0)
    tiny = {**tiny, "compute.precision": "auto"}
    study = Study(out=tmp_path / "run", settings=tiny)
    assert study.settings.compute.precision == "bf16-mixed"
    study.run(until="segment")
    monkeypatch.setattr(compute, "half_speed", lambda: 0.1)
    again = Study(out=tmp_path / "run", settings=tiny)
    assert again.settings.compute.precision == "bf16-mixed"
    assert all(step.done() for step in again.plan(until="segment"))
    other = Study(out=tmp_path / "run", settings={**tiny, "compute.precision": "32-true"})
    assert other.settings.compute.precision == "32-true"


@pytest.mark.skipif(not (shutil.which("c++") or shutil.which("g++")), reason="no C++ compiler")
def test_a_compiled_network_gives_the_same_and_keeps_its_names():
    plain, compiled = (UNet(in_channels=1, width=4, depth=1) for _ in range(2))
    compiled.load_state_dict(plain.state_dict())
    images = torch.rand(2, 1, 16, 16)
    settings = ComputeSettings(device="cpu", precision="32-true", compile=True)
    adam = torch.optim.Adam(compiled.parameters())
    fast, _ = compute.make_fabric(settings).setup(compiled, adam)
    assert compiled._compiled_call_impl is not None
    with torch.no_grad():
        torch.testing.assert_close(fast(images), plain(images), rtol=1e-4, atol=1e-5)
    assert list(compiled.state_dict()) == list(plain.state_dict())


def test_compiling_without_a_compiler_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(compute.shutil, "which", lambda name: None)
    with pytest.raises(SettingError, match="needs a C\\+\\+ compiler"):
        compute.make_fabric(ComputeSettings(device="cpu", compile=True))
