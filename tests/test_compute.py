"""Precision is what is measured to be faster."""

import shutil

import pytest
import torch

from rarecase import compute
from rarecase.errors import SettingError
from rarecase.segmenter.unet import UNet


@pytest.mark.parametrize(("ratio", "expected"), [(3.0, "bf16-mixed"), (0.5, "32-true")])
def test_auto_is_the_faster_one(monkeypatch, ratio, expected):
    monkeypatch.setattr(compute, "half_speed", lambda: ratio)
    assert compute.settle_precision(device="cpu") == expected
    assert compute.make_fabric(device="cpu")._precision.precision == expected


def test_volumes_are_computed_in_full_on_a_cpu(monkeypatch):
    monkeypatch.setattr(compute, "half_speed", lambda: 9.0)
    assert compute.settle_precision(device="cpu", dimensions=3) == "32-true"


def test_a_given_precision_is_kept(monkeypatch):
    monkeypatch.setattr(compute, "half_speed", lambda: 9.0)
    assert compute.settle_precision(device="cpu", precision="32-true") == "32-true"


def test_the_measurement_is_a_ratio_and_draws_nothing():
    before = torch.random.get_rng_state()
    assert 0.05 < compute.half_speed.__wrapped__() < 50
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(SettingError, match=r"compute\.device=mps"):
        compute.make_fabric(device="mps")


@pytest.mark.skipif(not (shutil.which("c++") or shutil.which("g++")), reason="no C++ compiler")
def test_a_compiled_network_gives_the_same_and_keeps_its_names():
    plain, compiled = (UNet(in_channels=1, width=4, depth=1) for _ in range(2))
    compiled.load_state_dict(plain.state_dict())
    images = torch.rand(2, 1, 16, 16)
    adam = torch.optim.Adam(compiled.parameters())
    fabric = compute.make_fabric(device="cpu", precision="32-true", compile=True)
    fast, _ = fabric.setup(compiled, adam)
    assert compiled._compiled_call_impl is not None
    with torch.no_grad():
        torch.testing.assert_close(fast(images), plain(images), rtol=1e-4, atol=1e-5)
    assert list(compiled.state_dict()) == list(plain.state_dict())


def test_compiling_without_a_compiler_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(compute.shutil, "which", lambda name: None)
    with pytest.raises(SettingError, match="needs a C\\+\\+ compiler"):
        compute.make_fabric(device="cpu", compile=True)
