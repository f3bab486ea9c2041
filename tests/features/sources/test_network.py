"""Features of any network: hooks against the network cut by hand, 2-D and 3-D, from the shell."""

import json

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet
from safetensors.torch import save_file
from torch import nn

from rarecase import FeatureStore, simulate_cohort
from rarecase.cli.main import main
from rarecase.cohort import SliceCache, cache_slices, read_cohort
from rarecase.errors import DataError, SettingError
from rarecase.features.sources.extract_network import extract_from_network
from rarecase.features.sources.network import Tap, check_depth, list_layers, load_network, pooled
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.settings import ComputeSettings


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network") / "cohort"
    return simulate_cohort(folder, patients={"HGG": 3, "LGG": 2}, size=32, slices=6, seed=0)


@pytest.fixture(scope="module")
def cache(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("network") / "slices"
    cache_slices(read_cohort(data, channels=["flair", "t1"]), out, size=32)
    return SliceCache.open(out)


def monai(dims: int) -> UNet:
    torch.manual_seed(0)
    return UNet(spatial_dims=dims, in_channels=2, out_channels=1, channels=(4, 8, 16),
                strides=(2, 2)).eval()  # fmt: skip


def fabric():
    return make_fabric(ComputeSettings(device="cpu", threads=1, precision="32-true"))


def test_a_tap_gives_what_the_layer_gives_and_stops_there():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten()).eval()
    images = torch.randn(2, 1, 8, 8)
    expected = net[2](net[1](net[0](images)))
    after = []
    net[3].register_forward_hook(lambda *_: after.append(1))
    torch.testing.assert_close(Tap(net, "2")(images), expected)
    assert not after
    layers = list_layers(net, images)
    assert layers["layer"].tolist() == ["0", "1", "2", "3"]
    assert layers["shape"].tolist()[2] == (2, 4, 4) and layers["parameters"].tolist()[0] == 40


def test_a_slice_a_sample_or_a_case_a_sample(cache, tmp_path):
    flat = extract_from_network(monai(2), cache, block="model.1.submodule.0",
                                out=tmp_path / "a.zarr", fabric=fabric(), batch=4)  # fmt: skip
    assert len(flat) == 30 and flat.shape == (8, 8, 8)
    with torch.no_grad():
        images = torch.from_numpy(np.array(cache.images[[7]]))
        net = monai(2)
        expected = net.model[1].submodule[0](net.model[0](images))
    np.testing.assert_allclose(flat.read([7]), expected.numpy(), atol=2e-3)
    deep = extract_from_network(monai(3), cache, block="model.1.submodule.0", depth=8,
                                out=tmp_path / "b.zarr", fabric=fabric(),
                                seen=["somebody"])  # fmt: skip
    assert len(deep) == 5 and deep.shape == (8, 2, 8, 8)
    assert deep.rows["case"].is_unique and deep.seen == {"somebody"}
    mean = extract_from_network(monai(3), cache, block="model.1.submodule.0", depth=8, pool="mean",
                                out=tmp_path / "c.zarr", fabric=fabric())  # fmt: skip
    np.testing.assert_allclose(mean.read_all(), deep.read_all().mean(axis=(2, 3, 4)), atol=2e-3)


def test_pooling_under_a_mask():
    maps = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, 0, 2:4, 4:8] = 1
    found = pooled(maps, masks)
    torch.testing.assert_close(found[0], maps[0, :, 1, 2:4].mean(dim=1))
    torch.testing.assert_close(found[1], maps[1].mean(dim=(1, 2)))


def test_from_the_shell_and_on_to_compare(data, tmp_path, capsys, monkeypatch):
    (tmp_path / "my_nets.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def make(width=3):\n"
        "    return nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    torch.manual_seed(3)
    net = load_network("my_nets:make", arguments={"width": 6})
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    words = ["extract", str(data), "--channels", "flair", "--network", "my_nets:make",
             "--network-args", "width: 6", "--weights", str(tmp_path / "w.safetensors"),
             "--slices.size", "32", "--slices.skip_empty", "false", "--json"]  # fmt: skip
    assert main([*words, "--list-blocks"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["layer"] for each in listed] == ["0", "1", "2"]
    assert main([*words, "--block", "2", "--pool", "mask", "--out", "f.zarr"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["samples"] == 30 and said["shape"] == [6]
    store = FeatureStore.open(tmp_path / "f.zarr")
    assert set(store.rows["label"]) == {"HGG", "LGG"}
    code = main(
        ["compare", "f.zarr", "--arms", "smote", "--folds", "2", "--repeats", "1", "--json"]
    )
    assert code == 0
    assert main([*words, "--block", "2", "--out", "f.zarr"]) == 1
    assert "exists and was not touched" in capsys.readouterr().err
    (tmp_path / "seen.txt").write_text("nobody\n", encoding="utf-16")
    (tmp_path / "c.yaml").write_text("slices: {normalise: z-score}\n")
    more = [*words, "--block", "2", "--pool", "mean", "--out", "g.zarr"]
    for extra, said in (
        (["--seen-patients", "seen.txt"], "names no patient of this cohort"),
        (["--seen-patients", "none.txt"], "no such file"),
        (["--depth", "0"], "expected one slice or more"),
        (["--dry-run"], "--dry-run is for studies"),
        (["--config", "c.yaml"], "slices.normalise"),
        (["--slices.normalise", "cohort"], "needs a study"),
    ):
        assert main([*more, *extra]) in (1, 2)
        assert said in capsys.readouterr().err
    assert not (tmp_path / "g.zarr").exists()
    (tmp_path / "c.yaml").write_text("slices: {normalise: cohort}\n")
    assert main([*words, "--list-blocks"]) == 0
    assert "tissue is taken" not in capsys.readouterr().err
    assert main([*words, "--list-blocks", "--config", "c.yaml"]) == 0
    assert "tissue is taken" in capsys.readouterr().err
    place = words.index("--weights")
    random = [*words[:place], *words[place + 2 :], "--block", "2", "--pool", "mean", "--out"]
    for name in ("r1.zarr", "r2.zarr"):
        assert main([*random, name]) == 0
        assert "its weights are random" in capsys.readouterr().err
    one, other = (FeatureStore.open(tmp_path / f"r{i}.zarr").read_all() for i in (1, 2))
    np.testing.assert_array_equal(one, other)


def test_a_module_that_fails_when_imported_is_named(tmp_path, monkeypatch):
    (tmp_path / "torn_nets.py").write_text("import torch\nraise RuntimeError('no operator here')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = r"importing torn_nets failed in .*torn_nets.py, line 2 \(RuntimeError: no operator"
    with pytest.raises(SettingError, match=said):
        load_network("torn_nets:make")


def test_a_function_that_fails_is_named(tmp_path, monkeypatch):
    (tmp_path / "weak_nets.py").write_text("def make():\n    raise RuntimeError('no luck')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SettingError, match=r"cannot be made \(RuntimeError: no luck\)"):
        load_network("weak_nets:make")


def test_weights_of_a_network_that_trained_on_several_gpus(tmp_path):
    net = nn.Conv2d(1, 2, 3)
    wrapped = {f"module.{name}": values for name, values in net.state_dict().items()}
    torch.save(wrapped, tmp_path / "w.pth")
    sides = {"in_channels": 1, "out_channels": 2, "kernel_size": 3}
    loaded = load_network("torch.nn:Conv2d", weights=tmp_path / "w.pth", arguments=sides)
    assert torch.equal(loaded.weight, net.weight)


def test_a_network_of_volumes_needs_a_depth():
    with pytest.raises(SettingError, match=r"takes volumes .* give --depth N"):
        check_depth(nn.Sequential(nn.Conv3d(1, 2, 3)), None)
    check_depth(nn.Sequential(nn.Conv3d(1, 2, 3)), 8)
    check_depth(nn.Sequential(nn.Conv2d(1, 2, 3)), None)


class Tiring(nn.Module):
    """A network whose memory ends at the third batch."""

    def __init__(self):
        super().__init__()
        self.conv, self.seen = nn.Conv2d(2, 2, 3), 0

    def forward(self, images):
        self.seen += 1
        if self.seen > 2:
            raise RuntimeError("out of memory")
        return self.conv(images)


def test_nothing_is_left_of_features_that_failed(cache, tmp_path):
    out = tmp_path / "x.zarr"
    with pytest.raises(DataError, match="out of memory"):
        extract_from_network(Tiring(), cache, block="conv", out=out, fabric=fabric(), batch=1)
    assert not out.exists()


def test_what_does_not_fit_is_said(cache, tmp_path):
    with pytest.raises(SettingError, match="expected MODULE:NAME"):
        load_network("torch.nn")
    with pytest.raises(SettingError, match="No module named 'no_such_thing'"):
        load_network("no_such_thing:net")
    with pytest.raises(SettingError, match="no 'Conv22d' there; did you mean"):
        load_network("torch.nn:Conv22d")
    with pytest.raises(SettingError, match="cannot be made"):
        load_network("torch.nn:Conv2d")
    with pytest.raises(SettingError, match="gave a dict"):
        load_network("builtins:dict")
    net = nn.Conv2d(1, 2, 3)
    save_file(
        {"weight": torch.zeros(2, 1, 5, 5), "more": torch.zeros(1)}, tmp_path / "w.safetensors"
    )
    with pytest.raises(DataError, match=r"lacks bias; has besides more; shapes differ: weight"):
        load_network("torch.nn:Conv2d", weights=tmp_path / "w.safetensors",
                     arguments={"in_channels": 1, "out_channels": 2, "kernel_size": 3})  # fmt: skip
    with pytest.raises(SettingError, match="block 'b': no such layer"):
        Tap(nn.Sequential(net), "b")
    with pytest.raises(DataError, match=r"the network takes 3 channel\(s\), the cohort has 2"):
        extract_from_network(nn.Sequential(nn.Conv2d(3, 2, 3)), cache, block="0",
                             out=tmp_path / "x.zarr", fabric=fabric())  # fmt: skip
    with pytest.raises(DataError, match=r"failed on a batch of shape \(1, 1, 4, 4\)"):
        list_layers(nn.Sequential(nn.Conv2d(1, 2, 9)), torch.zeros(1, 1, 4, 4))
