"""What a pre-trained network is shown, and that its features are those of its weights."""

import lightning_fabric
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rarecase.cohort import SliceCache
from rarecase.cohort.load import CaseArrays
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.features import SourceData, load_source
from rarecase.features.feature_set import WHOLE
from rarecase.features.sources import networks
from rarecase.features.sources.networks import Network, available, network_named
from rarecase.features.sources.pretrained import MOST, Pretrained, loaded, make
from rarecase.features.sources.views import around, cut_square, slice_views, volume_views
from rarecase.imaging.slices import fit_square
from rarecase.pipeline.compute import settled
from rarecase.pipeline.resolve import validate
from rarecase.segmenter import PackedMasks, Segmenter, UNet
from support.networks import NETWORKS, Tiny

SIDE = 32


def data_of(tmp_path, *, cases=3, per=4, channels=1, spacing=None, shown=None):
    """Noisy slices of heads with a bright square of tumour; `shown`: on which there is one."""
    rng = np.random.default_rng(0)
    n = cases * per
    masks = np.zeros((n, SIDE, SIDE), np.uint8)
    masks[:, 8:14, 10:20] = 1 if shown is None else np.asarray(shown)[:, None, None]
    images = np.zeros((n, channels, SIDE, SIDE), np.float32)
    images[:, :, 4:28, 4:28] = rng.normal(100, 10, (n, channels, 24, 24))
    images += 60 * masks[:, None]
    names = np.repeat([f"p{i}" for i in range(cases)], per)
    rows = pd.DataFrame({
        "row": range(n), "case": names, "patient": names, "label": "a",
        "slice": np.tile(np.arange(per), cases), "has_mask": True,
        "tumour": masks.sum((1, 2)), "predicted": masks.sum((1, 2)), "part": "train",
    })  # fmt: skip
    bits = PackedMasks.create(tmp_path / "bits.npy", samples=n, height=SIDE, width=SIDE)
    bits[:] = np.packbits(masks, axis=-1)
    bits.flush()
    each = [slice(i * per, (i + 1) * per) for i in range(cases)]
    numbers, known = np.arange(per), np.ones(per, bool)
    loaded_cases = {
        f"p{i}": [CaseArrays(images[at], masks[at], known, numbers, spacing)]
        for i, at in enumerate(each)
    }
    return SourceData(
        cache=SliceCache(images, masks, rows, tuple("abcd"[:channels]), {}), rows=rows,
        segmenter=Segmenter(net=UNet(in_channels=1, width=4, depth=2), channels=("a",)),
        predicted=PackedMasks(tmp_path / "bits.npy", width=SIDE), planes=4, loaded=loaded_cases,
        fabric=lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true"),
    )  # fmt: skip


def changed(data, **values):
    return SourceData(**{**vars(data), **values})


def tiny(**values):
    return Pretrained("network:n", {"n": Network(make="support.networks:tiny", size=32, **values)})


def features(source, data):
    return np.concatenate(list(source.batches(data)))


def with_weights(tmp_path, tensors, name="w.safetensors", **values):
    save_file(tensors, tmp_path / name)
    return tiny(weights=str(tmp_path / name), **values)


def test_a_crop_holds_the_mask_with_its_margin_and_the_whole_slice_everything():
    mask = np.zeros((60, 80), bool)
    mask[10:30, 50:70] = True
    seen = cut_square(mask[None].astype(np.float32), around(mask), size=56)[0]
    assert seen[9:47, 9:47].min() == 1 and seen.sum() == pytest.approx(40 * 40, rel=1e-3)
    image = np.random.default_rng(0).random((1, 2, 60, 80), dtype=np.float32)
    whole = cut_square(image[0], around(np.zeros_like(mask)), size=40)
    np.testing.assert_array_equal(whole, fit_square(image, 40)[0])
    mask[:] = False
    mask[0, 79] = True  # a pixel in the corner: a crop of a fifteenth of the slice
    assert around(mask) == (0.5, 79.5, 80 / 15)


def test_sixteen_bits_keep_their_levels():
    ramp = np.arange(4096, dtype=np.uint16).reshape(1, 1, 64, 64).astype(np.float32)
    group = CaseArrays(ramp, None, np.zeros(1, bool), np.arange(1), None)
    whole = slice_views([group], [np.zeros((1, 64, 64), bool)], [0], size=64)[0, 1]
    assert np.unique(whole).size > 3500 and whole.min() == 0 and whole.max() <= 1
    levels = np.unique(np.round(whole * 255))  # as many as an 8-bit network could tell apart
    assert (ramp[0, 0][whole[0] == whole.max()] > 4000).all() and levels.size > 100


def test_the_mean_of_a_tissue_is_the_same_in_every_unit():
    rng = np.random.default_rng(0)
    image = np.zeros((1, 1, 40, 40), np.float32)
    image[..., 5:35, 5:35] = 22  # the edge, half air
    image[..., 8:32, 8:32] = rng.normal(50, 5, (24, 24))
    for raw in (image, 300 * image + 7000):
        group = CaseArrays(raw, None, np.zeros(1, bool), np.arange(1), None)
        seen = slice_views([group], [np.zeros((1, 40, 40), bool)], [0], size=40)[0, 1, 0]
        assert seen[8:32, 8:32].mean() == pytest.approx(1 / 3, rel=5e-3) and seen[0, 0] == 0


def test_three_equal_channels_are_one_with_summed_stem_weights(tmp_path):
    data = data_of(tmp_path)
    three = Tiny(3, 2).state_dict()
    one = three | {"stem.weight": three["stem.weight"].sum(dim=1, keepdim=True)}
    each = [
        features(with_weights(tmp_path, tensors, f"{n}.safetensors", arguments={"inputs": n}), data)
        for n, tensors in ((3, three), (1, one))
    ]
    assert each[0].shape == (12, 12) and each[0].std(axis=0).max() > 1e-3
    np.testing.assert_allclose(each[0], each[1], atol=1e-5)


def test_channels_go_in_together_where_the_network_takes_as_many_or_one_by_one(tmp_path):
    data = data_of(tmp_path, channels=2)
    both = tiny(arguments={"inputs": 2})
    assert both.columns(data).names == (*(f"crop_{i}" for i in range(6)),
                                        *(f"slice_{i}" for i in range(6)))  # fmt: skip
    third = tiny()
    names = third.columns(data).names
    assert len(names) == 24 and names[6] == "a_slice_0" and names[12] == "b_crop_0"
    only = {
        case: [CaseArrays(g.images[:, 1:], g.masks, g.has_mask, g.numbers, None) for g in groups]
        for case, groups in data.loaded.items()
    }
    cache = SliceCache(data.cache.images[:, 1:], data.cache.masks, data.rows, ("b",), {})
    alone = features(third, changed(data, cache=cache, loaded=only))
    np.testing.assert_array_equal(features(third, data)[:, 12:], alone)


def test_mean_and_deviation_are_of_intensities_from_0_to_1(tmp_path):
    data, weights = data_of(tmp_path), Tiny(3, 2).state_dict()
    plain = with_weights(tmp_path, weights)
    moved = with_weights(tmp_path, weights, mean=[0.0, 0.25, 0.5], std=[0.5])
    views = slice_views(data.loaded["p0"], data.masks_on("p0", data.loaded["p0"]), [2], size=32)
    images = torch.from_numpy(views[0][:, [0, 0, 0]])
    for source, ready in (
        (plain, images), (moved, (images - torch.tensor([0, 0.25, 0.5])[:, None, None]) / 0.5)
    ):  # fmt: skip
        with torch.no_grad():
            expected = source.net(ready).flatten().numpy()
        np.testing.assert_allclose(features(source, data)[2], expected, atol=1e-6)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), None])
def test_of_a_volume_so_many_slices_that_show_it_are_taken_of_pictures_all(spacing, tmp_path):
    shown = np.tile(np.arange(40) >= 3, 3)
    shown[:40] = False  # p0 has no mask at all
    data = data_of(tmp_path, per=40, shown=shown, spacing=spacing)
    data.cache.images[5] = 0  # of p0, without tissue
    rows = tiny().rows(data)
    mine = {case: each["slice"].tolist() for case, each in rows.groupby("case")}
    if spacing is None:
        assert mine == {"p0": [*range(5), *range(6, 40)], "p1": [*range(3, 40)]} | {
            "p2": [*range(3, 40)]
        }
    else:
        assert len(mine["p0"]) == MOST and 5 not in mine["p0"]
        assert mine["p1"][0] == 3 and mine["p1"][-1] == 39 and len(mine["p1"]) == MOST
        assert set(np.diff(mine["p1"])) == {2, 3}
    found = features(tiny(), data)[(rows["case"] == "p0").to_numpy()]
    np.testing.assert_array_equal(found[:, :6], found[:, 6:])  # the crop is the whole slice
    none = tiny().rows(changed(data, masks="whole"))
    assert set(none.loc[none["case"] == "p1", "slice"]) >= {0, 39}


def test_features_of_a_case_do_not_depend_on_who_else_is_there(tmp_path):
    data = data_of(tmp_path)
    alone = changed(data, rows=data.rows[data.rows["case"] == "p1"])
    np.testing.assert_array_equal(features(tiny(), data)[4:8], features(tiny(), alone))


def test_weights_are_known_by_what_is_in_them_and_kept_with_what_was_fitted(tmp_path):
    data, tensors = data_of(tmp_path), Tiny(3, 2).state_dict()
    here, there = (with_weights(tmp_path, tensors, f"{n}.safetensors") for n in "ab")
    other = with_weights(tmp_path, tensors | {"last.bias": torch.ones(6)}, "c.safetensors")
    assert here.facts(None) == there.facts(None) != other.facts(None)
    assert here.facts(None) != with_weights(tmp_path, tensors, mean=[0.5]).facts(None)
    assert str(tmp_path) not in str(here.facts(None))
    there.save(tmp_path / "kept")
    before = features(there, data)
    (tmp_path / "b.safetensors").unlink()
    np.testing.assert_array_equal(
        before, features(load_source(tmp_path / "kept", networks=NETWORKS), data)
    )
    with pytest.raises(DataError, match="code that a file names is not run"):
        load_source(tmp_path / "kept")


def test_weights_that_nothing_is_said_of_are_the_same_in_two_fresh_runs(tmp_path, caplog):
    network = NETWORKS["tiny"]
    found = []
    for seed in range(2):
        torch.manual_seed(seed)
        found.append(make(network).state_dict()["stem.weight"])
    assert torch.equal(*found)
    loaded(network.model_copy(update={"size": 40}))
    assert "they are random" in caplog.text


def test_a_network_of_volumes_makes_a_sample_of_a_case(tmp_path):
    data = data_of(tmp_path, per=8, spacing=(1.0, 1.0, 1.0), shown=np.tile(np.arange(8) > 3, 3))
    source = tiny(arguments={"dims": 3, "inputs": 1}, depth=6)
    rows = source.rows(data)
    assert rows["case"].tolist() == ["p0", "p1", "p2"] and set(rows["slice"]) == {WHOLE}
    assert features(source, data).shape == (3, 12) and len(source.columns(data).names) == 12
    group = data.loaded["p0"][0]
    numbered = np.broadcast_to(np.arange(8, dtype=np.float32)[:, None, None, None], (8, 1, 32, 32))
    images = group.images + 1000 * numbered
    masks = data.masks_on("p0", [group])
    crop, whole = volume_views(
        [CaseArrays(images, None, group.has_mask, group.numbers, None)], masks, size=32, depth=8
    )[0]
    planes = whole[0].mean(axis=(1, 2))
    assert (np.diff(planes) > 0).all()
    assert crop[0, 0].mean() > planes[2] and crop.shape == (1, 8, 32, 32)
    with pytest.raises(SettingError, match="set its depth"):
        make(Network(make="support.networks:tiny", arguments={"dims": 3}))


def test_settings_name_networks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file(Tiny(3, 2).state_dict(), tmp_path / "w.safetensors")
    mine = {"make": "support.networks:tiny", "weights": "w.safetensors"}
    settings = settled(validate({"networks": {"mine": mine}}), tmp_path / "study.yaml")
    assert settings.networks["mine"].weights == str(tmp_path / "w.safetensors")
    assert Pretrained("network:mine", settings.networks).net(torch.zeros(1, 3, 32, 32)).numel() == 6
    with pytest.raises(SettingError, match=r"networks\.mine\.blok"):
        validate({"networks": {"mine": mine | {"blok": "a"}}})


def test_whom_the_network_has_learnt_from_is_not_tested(tmp_path):
    data = data_of(tmp_path)
    source = tiny(seen=["p1"])
    assert source.fit(data, seed=0).seen(data) == {"p1"}
    part = np.where(data.rows["case"] == "p1", "test", "train")
    with pytest.raises(LeakError, match=r"learnt from 1 of the patients .* \(p1\)"):
        source.fit(changed(data, rows=data.rows.assign(part=part)), seed=0)


def test_refuses(monkeypatch):
    with pytest.raises(SettingError, match="did you mean 'lite0'"):
        network_named("lite1")
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    assert not available("lite0") and available("tiny", NETWORKS)
    assert "are not installed" in Pretrained("network:lite0").lacking(None)
    assert Pretrained("network:tiny", NETWORKS).lacking(None) is None
    with pytest.raises(SettingError, match=r"pip install 'rarecase\[imagenet\]'"):
        network_named("lite0")
    with pytest.raises(SettingError, match="mean has 2 numbers for 3 input"):
        make(NETWORKS["tiny"].model_copy(update={"mean": [0.0, 1.0]}))


def test_lite0_gives_the_features_of_its_last_block(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    data = data_of(tmp_path, cases=1, per=1)
    source = Pretrained("network:lite0")
    found = features(source, data)[0]
    views = slice_views(data.loaded["p0"], data.masks_on("p0", data.loaded["p0"]), [0], size=224)
    images = torch.from_numpy(views[0][:, [0, 0, 0]]) * 255
    with torch.no_grad():
        maps = source.net.extract_features((images - 127) / 128)
        assert isinstance(source.net.get_submodule("_fc"), nn.Linear)
    np.testing.assert_allclose(found, maps.mean(dim=(2, 3)).flatten().numpy(), atol=1e-5)
    assert source.columns(data).names[1280] == "slice_0" and found.std() > 0.1
