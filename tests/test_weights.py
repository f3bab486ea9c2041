"""Weights as trainers save them: wrapped, nested, old; taken by name, or refused in our words."""

import argparse
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rarecase.errors import DataError
from rarecase.features.sources.network import load_network
from rarecase.segmenter.foreign import read_pytorch
from rarecase.segmenter.unet import UNet

NET = "torch.nn:Sequential"


def small():
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Sequential(nn.Conv2d(3, 1, 1)))


@pytest.fixture
def net(monkeypatch, tmp_path):
    """A network with values of its own, and `made:net`, the same with others."""
    (tmp_path / "made.py").write_text(
        "import test_weights\n\n\ndef net():\n    return test_weights.small()\n\n\n"
        "def compiled():\n    import torch\n    return torch.compile(test_weights.small())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.delitem(__import__("sys").modules, "made", raising=False)
    found = small()
    with torch.no_grad():
        for values in found.parameters():
            values.normal_()
    found[1].running_mean.normal_()
    return found


def written(path, content):
    torch.save(content, path)
    return path


def wrapped(net, before):
    return {f"{before}{name}": values for name, values in net.state_dict().items()}


def check_same(loaded, net):
    theirs = {name.removeprefix("_orig_mod."): v for name, v in loaded.state_dict().items()}
    assert all(torch.equal(values, theirs[name]) for name, values in net.state_dict().items())


@pytest.mark.parametrize(
    "before",
    ["model.", "net.", "module.", "_orig_mod.", "module._orig_mod.", "model.net._orig_mod.module.",
     "my_backbone."],
)  # fmt: skip
def test_what_stands_before_every_name_is_taken_off(net, tmp_path, before):
    path = written(tmp_path / "w.pth", {"state_dict": wrapped(net, before)})
    check_same(load_network("made:net", weights=path), net)


def test_wrappers_within_names_are_taken_off(net, tmp_path):
    inner = {name.replace("2.", "2._orig_mod.module."): v for name, v in net.state_dict().items()}
    check_same(load_network("made:net", weights=written(tmp_path / "w.pth", inner)), net)


def test_a_network_that_is_wrapped_itself_takes_plain_names(net, tmp_path):
    path = written(tmp_path / "w.pth", wrapped(net, "model."))
    check_same(load_network("made:compiled", weights=path), net)


@pytest.mark.parametrize(
    "keys",
    ["network_weights", "net", "network", "weights", "params", "state_dict_ema", "params_ema",
     "model_state_dict", "ema.shadow", "model.state_dict", "encoder_of_mine"],
)  # fmt: skip
def test_a_state_dict_is_found_below_the_usual_names(net, tmp_path, keys):
    content = net.state_dict()
    for key in reversed(keys.split(".")):
        content = {
            key: content,
            "epoch": 7,
            "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}},
        }
    check_same(load_network("made:net", weights=written(tmp_path / "w.pth", content)), net)


def test_one_of_several_state_dicts_is_taken_and_said(net, tmp_path, caplog):
    other = {name: torch.zeros_like(values) for name, values in net.state_dict().items()}
    path = written(tmp_path / "w.pth", {"state_dict_ema": other, "state_dict": net.state_dict()})
    check_same(load_network("made:net", weights=path), net)
    assert "those under state_dict are taken" in caplog.text
    path = written(tmp_path / "two.pth", {"left": other, "right": net.state_dict()})
    with pytest.raises(DataError, match=r"two\.pth: holds tensors under left, right\. Save one"):
        load_network("made:net", weights=path)


def test_tensors_beside_the_network_are_left_out_and_said(net, tmp_path, caplog):
    content = {**wrapped(net, "model."), "criterion.weight": torch.ones(2)}
    check_same(load_network("made:net", weights=written(tmp_path / "w.pth", content)), net)
    assert "under 'model.' are taken, and 1 others left out (criterion.weight)" in caplog.text
    averaged = {**wrapped(net, "model."), **wrapped(small(), "ema_model.module.")}
    check_same(load_network("made:net", weights=written(tmp_path / "e.pth", averaged)), net)
    twice = {**wrapped(net, "student."), **wrapped(small(), "teacher.")}
    with pytest.raises(DataError, match=r"t\.pth: holds the network 2 times, under 'student\.', "):
        load_network("made:net", weights=written(tmp_path / "t.pth", twice))


def test_old_weights_count_no_batches(net, tmp_path):
    old = {n: v for n, v in wrapped(net, "module.").items() if "num_batches" not in n}
    check_same(load_network("made:net", weights=written(tmp_path / "w.pth", old)), net)


def test_a_file_is_what_its_content_says(net, tmp_path):
    save_file(net.state_dict(), tmp_path / "w.pth")
    check_same(load_network("made:net", weights=tmp_path / "w.pth"), net)


@pytest.mark.parametrize("batches", [True, False])
def test_import_reads_what_extract_reads(tmp_path, batches):
    net = UNet(in_channels=2, width=3, depth=2, norm="batch")
    state = {
        f"net._orig_mod.{name}": values
        for name, values in net.state_dict().items()
        if batches or "num_batches" not in name
    }
    path = written(tmp_path / "w.pth", {"network_weights": {**state, "loss.w": torch.ones(1)}})
    loaded = read_pytorch(path, norm="batch")
    check_same(loaded, net)
    bare = {name.removeprefix("net._orig_mod."): values for name, values in state.items()}
    flow = written(tmp_path / "flow.pth", bare)
    assert read_pytorch(flow, names={n: n for n in bare}, norm="batch").width == 3


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"w": torch.ones(1), "args": argparse.Namespace(lr=1)}, "argparse.Namespace"),
        ({"w": torch.ones(1), "best": np.float64(0.5)}, "numpy"),
        (small(), "torch.nn.modules.container.Sequential"),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_refusals_name_what_is_asked_for_in_our_words(tmp_path, content, named, old):
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=not old)
    with pytest.raises(DataError, match="refused unread") as error:
        load_network("torch.nn:Identity", weights=tmp_path / "w.pth")
    said = str(error.value)
    assert named in said
    assert said.isprintable()
    assert "weights_only" not in said and "two options" not in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>Sign in</html>", "a web page"),
        (b"PK\x03\x04 cut off", "damaged"),
        (b"\x80\x04}\x94.", "save the state dict"),
    ],
)
def test_what_is_no_file_of_weights_is_said(tmp_path, content, message):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(DataError, match=rf"w\.pth: not a PyTorch file of weights.*{message}"):
        load_network("torch.nn:Identity", weights=tmp_path / "w.pth")


def test_a_program_is_not_run(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"")
        archive.writestr("net/constants.pkl", b"")
    with pytest.raises(DataError, match=r"a program \(TorchScript\), which is not run"):
        load_network("torch.nn:Identity", weights=tmp_path / "w.pt")


def test_a_tensor_that_claims_more_than_its_file_is_refused(tmp_path):
    wide = torch.zeros(1).expand(10**6, 10**4)
    path = written(tmp_path / "w.pth", {"encoders.0.0.weight": wide})
    with pytest.raises(DataError, match=r"w\.pth: .* would unpack to 37\.3 GB"):
        read_pytorch(path)


def test_a_network_of_any_size_is_not_made_before_it_fits(tmp_path):
    path = written(
        tmp_path / "w.pth",
        {"encoders.0.0.weight": torch.zeros(10**6, 1, 1, 1), "upsamplings.0.weight": torch.ones(1)},
    )
    with pytest.raises(DataError, match="its tensors are not those of this U-Net"):
        read_pytorch(path)


def test_dictionaries_that_hold_each_other_end(tmp_path):
    inner = {"w": torch.ones(1)}
    for _ in range(3):
        inner = {f"k{i}": inner for i in range(300)}
    with pytest.raises(DataError, match=r"lacks|holds"):
        load_network(
            "torch.nn:Conv2d", weights=written(tmp_path / "w.pth", inner),
            arguments={"in_channels": 1, "out_channels": 1, "kernel_size": 1},
        )  # fmt: skip
