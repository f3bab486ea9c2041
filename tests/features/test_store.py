"""The store holds what was written, whatever the rank, the order and the batches."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarecase.errors import DataError
from rarecase.features.samples import Samples
from rarecase.features.store import FeatureStore

SHAPES = [(7,), (3, 5, 4), (2, 3, 4, 2)]


def rows(n):
    return pd.DataFrame({"case": [f"case-{i // 3}" for i in range(n)], "slice": range(n)})


def features(n, shape, seed=0):
    values = np.random.default_rng(seed).normal(-0.5, 1, (n, *shape))
    return np.maximum(values, 0).astype(np.float32)


def made(path, X, batch=64):
    with FeatureStore.create(path, block="enc2", shape=X.shape[1:], rows=rows(len(X))) as store:
        for start in range(0, len(X), batch):
            store.append(X[start : start + batch])
    return FeatureStore.open(path)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("batch", [64, 10, 200])
def test_reads_what_was_written(tmp_path, shape, batch):
    X = features(150, shape)
    store = made(tmp_path / "a.zarr", X, batch)
    half = X.astype(np.float16)
    assert len(store) == 150
    assert store.shape == shape
    assert store.block == "enc2"
    pd.testing.assert_frame_equal(store.rows, rows(150))
    np.testing.assert_array_equal(store.read_all(), half.astype(np.float32))
    wanted = [149, 3, 3, 64, 0, 63]
    read = store.read(wanted)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, half[wanted])
    np.testing.assert_array_equal(np.concatenate(list(store.batches(40))), half)
    assert store.read([]).shape == (0, *shape)


def test_the_zarr_library_reads_the_same(tmp_path):
    X = features(70, (3, 5, 4))
    made(tmp_path / "a.zarr", X)
    array = zarr.open_group(tmp_path / "a.zarr", mode="r")["features"]
    assert array.metadata.zarr_format == 3
    assert array.dtype == np.float16
    assert array.chunks == (1, 3, 5, 4)
    np.testing.assert_array_equal(array[:], X.astype(np.float16))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_pieces_of_any_size(tmp_path_factory, data):
    n = data.draw(st.integers(1, 400))
    dtype = data.draw(st.sampled_from(["float16", "float64"]))
    X = features(n, (2,), seed=n)
    cuts = sorted(data.draw(st.sets(st.integers(0, n), max_size=8)) | {0, n})
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    with FeatureStore.create(path, block="b", shape=(2,), rows=rows(n), dtype=dtype) as store:
        for start, end in pairwise(cuts):
            store.append(X[start:end])
    np.testing.assert_array_equal(FeatureStore.open(path).read_all(), X.astype(dtype))


def test_a_store_being_written_is_not_read_and_its_rows_may_come_late(tmp_path):
    X = features(100, (4,))
    store = FeatureStore.create(tmp_path / "a.zarr", block="b", shape=(4,), rows=rows(100))
    batch = X[:30].copy()
    store.append(batch)
    batch[:] = 0  # what was appended is the store's own
    with pytest.raises(DataError, match="close it before reading"):
        store.read([29, 0])
    store.append(X[30:])
    store.set_rows(rows(100).assign(label="LGG"))
    store.close()
    found = FeatureStore.open(tmp_path / "a.zarr")
    assert set(found.rows["label"]) == {"LGG"}
    np.testing.assert_array_equal(found.read_all(), X.astype(np.float16))


def test_measurements_keep_their_digits(tmp_path):
    X = np.array([[1 / 3, 1e9], [np.log1p(12345), -1e-12]])
    path = tmp_path / "a.zarr"
    with FeatureStore.create(path, block="b", shape=(2,), rows=rows(2), dtype="float64") as store:
        store.append(X)
    found = FeatureStore.open(path)
    np.testing.assert_array_equal(found.read_all(), X)
    np.testing.assert_array_equal(found.read([1], stored=True), X[[1]])
    for in_memory in (0, 2**30):
        samples = Samples(found, in_memory=in_memory)
        assert not samples.half and samples.read([1]).dtype == np.float32
        np.testing.assert_array_equal(samples.read([1]), X[[1]].astype(np.float32))
    np.testing.assert_array_equal(Samples(found).array(), X)
    with pytest.raises(DataError, match="does not fit float64"):
        FeatureStore.create(
            tmp_path / "b.zarr", block="b", shape=(1,), rows=rows(1), dtype="float64"
        ).append([[np.inf]])


def test_all_zero_samples_are_kept(tmp_path):
    store = made(tmp_path / "a.zarr", np.zeros((3, 4), np.float32))
    np.testing.assert_array_equal(store.read_all(), np.zeros((3, 4)))


def test_tensors_integers_and_read_only_arrays(tmp_path):
    fixed = np.arange(2.0).reshape(1, 2)
    fixed.flags.writeable = False
    with FeatureStore.create(tmp_path / "a.zarr", block="b", shape=(2,), rows=rows(3)) as store:
        store.append(torch.tensor([[1.5, 2.0]], requires_grad=True))
        store.append(np.array([[3, 4]]))
        store.append(fixed)
    read = FeatureStore.open(tmp_path / "a.zarr").read_all()
    np.testing.assert_array_equal(read, [[1.5, 2.0], [3, 4], [0, 1]])


@pytest.mark.parametrize("value", [65520.0, -1e6, np.inf, np.nan])
def test_overflow_names_block_and_value(tmp_path, value):
    store = FeatureStore.create(tmp_path / "a.zarr", block="dec4", shape=(2,), rows=rows(2))
    with pytest.raises(DataError, match=r"'dec4'.*does not fit float16"):
        store.append([[0.0, value], [1.0, 1.0]])
    if np.isfinite(value):
        with pytest.raises(DataError, match=f"{abs(value):,.0f}"):
            store.append([[0.0, value]])


def test_largest_half_is_kept(tmp_path):
    store = made(tmp_path / "a.zarr", np.array([[65504.0, -65504.0]], np.float32))
    np.testing.assert_array_equal(store.read([0]), [[65504.0, -65504.0]])


def test_refuses(tmp_path):
    path = tmp_path / "a.zarr"
    store = FeatureStore.create(path, block="b", shape=(2,), rows=rows(4))
    with pytest.raises(DataError, match=r"expected samples of \(2,\), got \(1, 3\)"):
        store.append(np.zeros((1, 3)))
    with pytest.raises(DataError, match="has 4 rows"):
        store.append(np.zeros((5, 2)))
    store.append(np.zeros((3, 2)))
    with pytest.raises(DataError, match="never finished"):
        FeatureStore.open(path)
    with pytest.raises(DataError, match="1 of 4 samples were never written, the first is 3"):
        store.close()
    store.append(np.zeros((1, 2)))
    store.close()
    with pytest.raises(DataError, match="exists; remove it"):
        FeatureStore.create(path, block="b", shape=(2,), rows=rows(4))
    reading = FeatureStore.open(path)
    with pytest.raises(DataError, match="open for reading"):
        reading.append(np.zeros((1, 2)))
    with pytest.raises(DataError, match="samples 0 to 3"):
        reading.read([4])
    with pytest.raises(DataError, match="samples 0 to 3"):
        reading.read([-1])
    with pytest.raises(DataError, match="integers"):
        reading.read([0.5])
    with pytest.raises(DataError, match="no such file"):
        FeatureStore.open(tmp_path / "none.zarr")
    with pytest.raises(DataError, match="one row per sample"):
        FeatureStore.create(tmp_path / "b.zarr", block="b", shape=(2,), rows=rows(0))
    with pytest.raises(DataError, match="sides of at least 1"):
        FeatureStore.create(tmp_path / "b.zarr", block="b", shape=(2, 0), rows=rows(1))


def test_an_error_inside_with_leaves_the_store_unfinished(tmp_path):
    path = tmp_path / "a.zarr"
    with (
        pytest.raises(RuntimeError),
        FeatureStore.create(path, block="b", shape=(2,), rows=rows(1)) as store,
    ):
        store.append(np.zeros((1, 2)))
        raise RuntimeError
    with pytest.raises(DataError, match="never finished"):
        FeatureStore.open(path)


def test_damage_is_named(tmp_path):
    store = made(tmp_path / "a.zarr", features(70, (50,)))
    shard = tmp_path / "a.zarr/features/c/0/0"
    content = bytearray(shard.read_bytes())
    content[40] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        store.read(np.arange(64))
    np.testing.assert_array_equal(store.read([65]), features(70, (50,))[[65]].astype(np.float16))
    shard.write_bytes(b"short")
    with pytest.raises(DataError, match="damaged"):
        FeatureStore.open(tmp_path / "a.zarr").read([0])
    shard.unlink()
    with pytest.raises(DataError, match="no such file"):
        FeatureStore.open(tmp_path / "a.zarr").read([0])


def test_zeros_take_little_room(tmp_path):
    X = features(128, (64, 8, 8))
    X[:, 16:] = 0
    assert made(tmp_path / "a.zarr", X).nbytes < 0.35 * X.nbytes / 2
