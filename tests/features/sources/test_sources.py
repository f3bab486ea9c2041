"""What every source of features keeps to."""

from dataclasses import replace
from itertools import combinations

import lightning_fabric
import numpy as np
import pandas as pd
import pytest
import torch

from rarecase.cohort import SliceCache
from rarecase.cohort.case import Case
from rarecase.cohort.load import CaseArrays
from rarecase.errors import DataError, SettingError
from rarecase.features import SourceData, load_source, source_of
from rarecase.features.augmented import augmented
from rarecase.features.feature_set import WHOLE
from rarecase.features.joining import Vectors, joined_vectors
from rarecase.features.sources.contract import CARD
from rarecase.features.sources.networks import available
from rarecase.features.sources.registry import SOURCES
from rarecase.imaging.normalise import apply_scale, fit_scale
from rarecase.segmenter import PackedMasks, Segmenter, UNet
from rarecase.segmenter.predict import HeldMasks
from support.networks import NETWORKS

LITE0 = pytest.mark.skipif(not available("lite0"), reason="needs rarecase[imagenet]")
NAMES = [
    *(pytest.param(name, marks=[LITE0] * (name == "network:lite0")) for name in SOURCES),
    "network:tiny", "enc1", "dec1",
]  # fmt: skip
SIDE, PER = 32, 5


def cohort(tmp_path, *, patients=8, seed=0, dimensions=2, spacing=(1.0, 1.0, 3.0)):
    """Small noisy slices with a square of tumour, larger and brighter in class b."""
    rng = np.random.default_rng(seed)
    n = patients * PER
    rare = np.repeat(np.arange(patients) % 2 == 1, PER)
    masks = np.zeros((n, SIDE, SIDE), np.uint8)
    for i in range(n):
        side = int(rng.integers(5, 9)) + 3 * rare[i]
        masks[i, 6 : 6 + side, 9 : 9 + side] = i % PER > 0
    images = rng.normal(0, 0.2, (n, 1, SIDE, SIDE)).astype(np.float32)
    images[:, 0] += masks * (1 + rare)[:, None, None]
    drawn = masks.copy()
    drawn[:, :8] = 0  # what the network predicts is not what is true
    names = [f"p{i}" for i in np.repeat(np.arange(patients), PER)]
    rows = pd.DataFrame({
        "row": range(n), "case": names, "patient": names, "label": np.where(rare, "b", "a"),
        "slice": np.tile(np.arange(PER), patients), "has_mask": np.arange(n) % 7 > 0,
        "tumour": masks.sum((1, 2)), "predicted": drawn.sum((1, 2)),
        "part": np.repeat(["train"] * (patients - 2) + ["validation", "test"], PER),
    })  # fmt: skip
    arrays, cases = {}, {}
    for who in range(patients):
        at = slice(who * PER, (who + 1) * PER)
        arrays[f"p{who}"] = [
            CaseArrays(
                100 * images[at] + 300, masks[at], rows["has_mask"].to_numpy()[at], np.arange(PER),
                spacing=spacing,
            )
        ]  # fmt: skip
        about = {"age": f"{40 + who}", "sex": "fm"[who % 2] if who else None}
        cases[f"p{who}"] = Case(f"p{who}", f"p{who}", clinical=about)
    path = tmp_path / f"predicted-{seed}.npy"
    bits = PackedMasks.create(path, samples=n, height=SIDE, width=SIDE)
    bits[:] = np.packbits(drawn, axis=-1)
    bits.flush()
    torch.manual_seed(0)
    net = UNet(in_channels=1, width=4, depth=2, dimensions=dimensions)
    return SourceData(
        cache=SliceCache(images, masks, rows, ("flair",), {"classes": ["a", "b"]}), rows=rows,
        segmenter=Segmenter(net=net, channels=("flair",), trained_on=("p0", "p1")),
        predicted=PackedMasks(path, width=SIDE), planes=4,
        fabric=lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true"),
        cases=cases, loaded=arrays,
    )  # fmt: skip


def changed(data, **values):
    return SourceData(**{**vars(data), **values})


def test_the_registry_says_what_a_source_gives():
    assert all(source_of(name).kind == listed.kind for name, listed in SOURCES.items())


@pytest.mark.parametrize("name", NAMES)
def test_features_have_the_announced_shape_and_repeat_to_the_bit(name, tmp_path):
    data = cohort(tmp_path)
    found = []
    for i in range(2):
        source = source_of(name, networks=NETWORKS).fit(data, seed=3)
        found.append(source.transform(data, out=tmp_path / f"{i}.zarr"))
    store = found[0]
    if source.kind == "maps":
        assert store.shape == source.shape(data.segmenter.net, sides=(SIDE, SIDE))
    assert store.columns is None or len(store.columns.names) == store.shape[0]
    assert store.block == source.name == name
    assert (len(store.shape) > 1) == (source.kind == "maps")
    assert {"case", "patient", "label", "slice", "predicted"} <= set(store.rows.columns)
    assert store.seen >= {"p0", "p1"} and not store.seen & {"p7"}
    np.testing.assert_array_equal(store.read_all(), found[1].read_all())


@pytest.mark.parametrize("name", ["tumour", "region", "radiomics", "network:tiny", "outline_size"])
def test_what_is_taken_under_masks_follows_them(name, tmp_path):
    """Whoever predicted them, and whatever else is asked for."""
    data, found = cohort(tmp_path), []
    other = np.zeros((len(data.rows), SIDE, SIDE), np.uint8)
    other[:, 12:22, 12:26] = 1
    drawn = changed(
        data, predicted=HeldMasks(other), rows=data.rows.assign(predicted=other.sum((1, 2)))
    )
    for i, each in enumerate(
        (data, drawn, changed(data, masks="true"), changed(data, masks="whole"))
    ):
        source = source_of(name, networks=NETWORKS).fit(each, seed=3)
        found.append(source.transform(each, out=tmp_path / f"{i}.zarr").read_all())
    for one, another in combinations(found, 2):
        assert one.shape != another.shape or not np.array_equal(one, another, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_augmented_copies_are_of_the_same_samples(name, tmp_path):
    data = cohort(tmp_path)
    source = source_of(name, networks=NETWORKS).fit(data, seed=3)
    plain, found = source.transform(data, out=tmp_path / "plain.zarr"), []
    for i in range(2):
        (tmp_path / f"work-{i}").mkdir()
        other = augmented(data, copy=1, seed=7, strength=0.5, work=tmp_path / f"work-{i}")
        found.append(source.transform(other, out=tmp_path / f"{i}.zarr"))
    key = ["case", "patient", "label", "slice"]
    assert found[0].rows[key].equals(plain.rows[key])
    np.testing.assert_array_equal(found[0].read_all(), found[1].read_all())
    blind = name in ("clinical", "outline_size")  # they look at no image
    assert np.array_equal(found[0].read_all(), plain.read_all(), equal_nan=True) == blind


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_enough_for_other_patients(name, tmp_path):
    data, others = cohort(tmp_path), cohort(tmp_path, seed=1)
    source = source_of(name, networks=NETWORKS).fit(data, seed=3)
    source.save(tmp_path / "kept")
    before = source.transform(others, out=tmp_path / "before.zarr")
    after = load_source(tmp_path / "kept", networks=NETWORKS).transform(
        others, out=tmp_path / "after.zarr"
    )
    np.testing.assert_array_equal(before.read_all(), after.read_all())
    assert before.seen == after.seen


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_learnt_from_anybody_but_training_patients(name, tmp_path):
    data = cohort(tmp_path)
    apart = np.flatnonzero(data.rows["part"] != "train")
    rows = data.rows.copy()
    rows.loc[apart, "label"] = "a"
    images = data.cache.images.copy()
    images[apart] = 9
    cases = {
        who: replace(case, clinical={"age": "old", "sex": "x"}) if who in {"p6", "p7"} else case
        for who, case in data.cases.items()
    }
    cache = SliceCache(images, *list(vars(data.cache).values())[1:])
    other = changed(data, rows=rows, cache=cache, cases=cases)
    sources = [source_of(name, networks=NETWORKS).fit(each, seed=3) for each in (data, other)]
    stores = [s.transform(data, out=tmp_path / f"{i}.zarr") for i, s in enumerate(sources)]
    np.testing.assert_array_equal(stores[0].read_all(), stores[1].read_all())


@pytest.mark.parametrize("name", NAMES)
def test_only_what_says_so_looks_at_the_classes(name, tmp_path):
    data = cohort(tmp_path)
    other = {"a": "b", "b": "a"}
    swapped = [other[c] if w < "p3" else c for w, c in data.rows[["patient", "label"]].to_numpy()]
    each = (data, changed(data, rows=data.rows.assign(label=swapped)))
    sources = [source_of(name, networks=NETWORKS).fit(one, seed=3) for one in each]
    found = [s.transform(data, out=tmp_path / f"{i}.zarr") for i, s in enumerate(sources)]
    same = np.array_equal(found[0].read_all(), found[1].read_all(), equal_nan=True)
    assert same is not sources[0].learns


@pytest.mark.parametrize("name", ["tumour", "region", "network:tiny", "outline_size", "radiomics"])
def test_true_masks_change_what_is_taken_under_them(name, tmp_path):
    data = cohort(tmp_path)
    source = source_of(name, networks=NETWORKS).fit(data, seed=3)
    drawn = source.transform(data, out=tmp_path / "a.zarr").read_all()
    true = source.transform(changed(data, masks="true"), out=tmp_path / "b.zarr").read_all()
    assert not np.array_equal(drawn, true)


def test_radiomics_are_of_a_volume_or_of_each_picture(tmp_path):
    whole = source_of("radiomics").transform(cohort(tmp_path), out=tmp_path / "a.zarr")
    assert whole.rows["case"].is_unique and (whole.rows["slice"] == WHOLE).all()
    assert any(name.startswith("morph_") for name in whole.columns.names)
    data = cohort(tmp_path, spacing=None)
    each = source_of("radiomics").transform(data, out=tmp_path / "b.zarr")
    assert set(each.rows["slice"]) == {1, 2, 3, 4} and len(each) == 8 * 4
    at = each.columns.names.index("flair_stat_mean")
    images, mask = data.loaded["p3"][0].images[:, 0], data.predicted.read(np.array([17]))[0] > 0
    scale = fit_scale(images, tissue=True)
    expected = apply_scale(images[2], scale)[mask].mean()
    row = each.rows.index[(each.rows["case"] == "p3") & (each.rows["slice"] == 2)][0]
    assert each.read([row])[0, at] == pytest.approx(expected)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 3.0), None])
def test_a_case_without_a_mask_has_a_row_of_missing_values(tmp_path, spacing, caplog):  # F15
    data = cohort(tmp_path, spacing=spacing)
    bits = np.load(tmp_path / "predicted-0.npy", mmap_mode="r+")
    bits[5:10] = 0
    rows = data.rows.assign(predicted=data.rows["predicted"].where(data.rows["case"] != "p1", 0))
    store = source_of("radiomics").transform(changed(data, rows=rows), out=tmp_path / "a.zarr")
    mine = store.read(np.flatnonzero(store.rows["case"] == "p1"))
    assert len(mine) == 1 and np.isnan(mine).all()
    assert "1 of 8 cases have a mask that is empty" in caplog.text and "(p1)" in caplog.text
    features = joined_vectors([Vectors.of(store)], rare="b", name="radiomics")
    assert len(features.patients) == 8 and np.isnan(features.X[1]).all()


def test_clinical_columns_are_numbers_or_categories_as_training_patients_have_them(tmp_path):
    data = cohort(tmp_path)
    late = replace(data.cases["p7"], clinical={"age": "unknown", "sex": "other"})
    data = changed(data, cases=data.cases | {"p7": late})
    source = source_of("clinical").fit(data, seed=0)
    store = source.transform(data, out=tmp_path / "a.zarr")
    assert store.columns.names == ("age", "sex") and store.columns.levels == {1: ("f", "m")}
    found = store.read_all()
    assert found[:3].tolist()[1:] == [[41, 1], [42, 0]] and np.isnan(found[0, 1])
    assert np.isnan(found[7, 0]) and found[7, 1] == -1
    coded = source_of("clinical").fit(changed(data, categorical=("age",)), seed=0)
    assert coded.columns(data).levels[0] == tuple(f"{age}" for age in range(40, 46))


def test_sources_join_side_by_side_by_slice_or_patient(tmp_path):
    data = cohort(tmp_path, spacing=None)
    names = ["tumour", "radiomics", "clinical"]
    stores = [
        source_of(n).fit(data, seed=0).transform(data, out=tmp_path / f"{n}.zarr") for n in names
    ]
    sets = [Vectors.of(store) for store in stores]
    whole = joined_vectors(sets, rare="b", name="all")
    assert len(whole) == 8 and set(whole.columns.part) == {0, 1, 2}
    alone = joined_vectors(sets[:1], rare="b", name="tumour").X
    np.testing.assert_array_equal(whole.X[:, whole.columns.part == 0], alone)
    each = joined_vectors(sets, rare="b", name="all", unit="slices")
    assert len(each) == 32
    ages = each.X[:, -2].reshape(8, 4)
    np.testing.assert_array_equal(ages, np.repeat(np.arange(40.0, 48)[:, None], 4, axis=1))
    np.testing.assert_array_equal(each.X[:, each.columns.part == 1], stores[1].read_all())


def test_sizes_by_hand(tmp_path):
    data = cohort(tmp_path)
    store = source_of("outline_size").transform(data, out=tmp_path / "a.zarr")
    mine = data.rows[data.rows["patient"] == "p3"]
    place = store.rows["patient"].tolist().index("p3")
    expected = [np.log1p(mine["predicted"].sum()), (mine["predicted"] > 0).sum(), PER]
    np.testing.assert_array_equal(store.read([place])[0], expected)
    assert store.rows["predicted"][place] == mine["predicted"].sum()


def test_a_network_of_volumes_makes_a_sample_of_a_case(tmp_path):
    data = cohort(tmp_path, dimensions=3)
    store = source_of("bottleneck").transform(data, out=tmp_path / "a.zarr")
    assert len(store) == 8 and store.shape == (16, 1, 8, 8)


def test_refuses(tmp_path):
    with pytest.raises(SettingError, match="did you mean 'tumour'"):
        source_of("tumor")
    with pytest.raises(DataError, match="no such file"):
        load_source(tmp_path)
    source_of("tumour").save(tmp_path)
    card = (tmp_path / CARD).read_text()
    (tmp_path / CARD).write_text(card.replace('"version": 2', '"version": 0'))
    with pytest.raises(DataError, match="version 0 of 'tumour'"):
        load_source(tmp_path)
    (tmp_path / CARD).write_text("{}")
    with pytest.raises(DataError, match="not a source of features"):
        load_source(tmp_path)
