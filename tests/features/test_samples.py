"""Samples from arrays and stores are the same samples."""

import numpy as np
import pandas as pd
import pytest
import torch

from rarecase.errors import DataError
from rarecase.features.moments import moments, warn_of_coarse
from rarecase.features.samples import (
    Joined,
    Samples,
    checked_labels,
    epoch_batches,
    epoch_length,
    read_ahead,
    samples_of,
)
from rarecase.features.store import FeatureStore

X = np.random.default_rng(0).normal(1, 2, (150, 3, 4, 5)).astype(np.float16)


@pytest.fixture
def store(tmp_path):
    rows = pd.DataFrame({"i": range(len(X))})
    with FeatureStore.create(tmp_path / "a.zarr", block="b", shape=X.shape[1:], rows=rows) as new:
        new.append(X)
    return FeatureStore.open(tmp_path / "a.zarr")


@pytest.mark.parametrize("in_memory", [0, 2**30])
def test_store_and_array_agree(store, in_memory):
    rows = np.array([140, 2, 7, 2])
    ours, theirs = Samples(store, rows=rows, in_memory=in_memory), Samples(X, rows=rows)
    assert len(ours) == len(theirs) == 4
    np.testing.assert_array_equal(ours.read([3, 0]), X[[2, 140]].astype(np.float32))
    np.testing.assert_array_equal(theirs.read([3, 0]), X[[2, 140]].astype(np.float32))


def test_joined():
    both = Joined(Samples(X, rows=[0, 1]), Samples(X + 1, rows=[5]))
    np.testing.assert_array_equal(both.tensor([2, 0, 1]), [(X + 1)[5], X[0], X[1]])
    with pytest.raises(DataError, match="expected shape"):
        Joined(Samples(X), Samples(X[:, :2]))


CPU = torch.device("cpu")  # stands for a GPU: what is held there is handled alike


@pytest.mark.parametrize("kind", ["store", "array", "float64"])
def test_what_a_device_holds_is_what_it_was(store, kind):
    whole = {"store": store, "array": X, "float64": X.astype(np.float64)}[kind]
    plain = Samples(whole, rows=[140, 2, 7, 9], in_memory=0)
    there = plain.held_on(CPU)
    assert there.away and not plain.away and there.half == (kind != "float64")
    assert there.held_on(CPU) is there and plain.on(CPU) is plain
    np.testing.assert_array_equal(there.read([3, 0, 3]), plain.read([3, 0, 3]))
    assert torch.equal(there.tensor([1, 2]), plain.tensor([1, 2]))
    some = np.array([2, 0])
    np.testing.assert_array_equal(there.only(some).read([0, 1]), plain.only(some).read([0, 1]))
    np.testing.assert_array_equal(there.array(), plain.read(np.arange(4)))
    ours, theirs = moments(there), moments(plain)
    assert (ours.nonnegative, ours.digest) == (theirs.nonnegative, theirs.digest)
    for name in ("mean", "std", "rms"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6)


def test_a_device_that_holds_nan_says_which_sample():
    broken = X.copy()
    broken[100, 1, 2, 3] = np.nan
    with pytest.raises(DataError, match="sample 100 holds NaN"):
        moments(Samples(broken).held_on(CPU))


@pytest.mark.parametrize("second", [X, X.astype(np.float32)], ids=["half", "mixed"])
def test_joined_batches_are_the_same_wherever_they_are_held(second):
    both = Joined(Samples(X, rows=[0, 1]), Samples(second, rows=[5, 6]))
    there = Joined(both.first.held_on(CPU), both.second.held_on(CPU))
    for wanted in ([2, 0, 3, 1, 0], [3, 2], [0]):
        every = np.concatenate([both.first.read([0, 1]), both.second.read([0, 1])])
        np.testing.assert_array_equal(both.tensor(wanted).float(), every[wanted])
        np.testing.assert_array_equal(there.tensor(wanted).float(), every[wanted])
    assert both.tensor([0, 2]).dtype == torch.promote_types(
        torch.float16, both.second.tensor([0]).dtype
    )


@pytest.mark.parametrize("at_once", [0, 2**18])  # with and without a thread
def test_reading_ahead_gives_every_batch_in_order(at_once, monkeypatch):
    monkeypatch.setattr("rarecase.features.samples.AT_ONCE", at_once)
    samples = Samples(X, rows=np.arange(10))
    batches = [np.array([3, 1]), np.array([0]), np.array([9, 9, 2])]
    read = list(read_ahead(samples, batches, device=CPU))
    assert [rows.tolist() for rows, _ in read] == [rows.tolist() for rows in batches]
    assert all(torch.equal(values, samples.tensor(rows)) for rows, values in read)


def test_samples_of_samples():
    samples = Samples(X, rows=[4, 5, 6])
    assert samples_of(samples) is samples
    np.testing.assert_array_equal(samples_of(samples, rows=[2]).read([0]), X[[6]])
    with pytest.raises(DataError, match="samples 0 to 2"):
        samples_of(samples, rows=[3])
    np.testing.assert_array_equal(samples_of(X, rows=[6]).read([0]), X[[6]])


def test_moments_against_numpy(store):
    found = moments(Samples(store))
    wide = X.astype(np.float64)
    np.testing.assert_allclose(found.mean, wide.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(found.std, wide.std((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(found.rms, np.sqrt((wide**2).mean((0, 2, 3))), rtol=1e-6)
    assert not found.nonnegative
    assert moments(Samples(np.abs(X))).nonnegative


@pytest.mark.parametrize("held", [False, True])
def test_deviations_far_from_zero(held):
    far = np.float32(1e8) + 80 * np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    far[:, 1] = 1e8
    far[:, 2] = 0.1
    samples = Samples(far).held_on(CPU) if held else Samples(far)
    found = moments(samples).std
    assert found[0] == pytest.approx(far[:, 0].astype(np.float64).std(), rel=1e-6)
    assert found[1:].tolist() == [0.0, 0.0]


def test_a_digest_is_of_values_and_their_order():
    def digest(values):
        return moments(Samples(values)).digest

    found = digest(X)
    assert found == digest(X.copy()) == digest(X.astype(np.float64))
    swapped = X.copy()
    swapped[[3, 4], 1] = X[[4, 3], 1]  # of two samples: every sum stays
    moved = X.copy()
    moved[5] = X[5, ::-1]  # within a sample
    others = [X[::-1], swapped, moved, X.reshape(len(X), 3, 20)]
    assert len({found, *map(digest, others)}) == 5


def test_columns_that_float32_cannot_resolve_are_named(caplog):
    rng = np.random.default_rng(0)
    table = rng.normal([0.0, 1e8, 1e5, -1e9, 0.0], size=(50, 5))
    table[:, 4] = 7.0
    warn_of_coarse(Samples(table))
    (said,) = caplog.messages
    assert "columns 1, 3 (from 0)" in said and "subtract an offset" in said
    caplog.clear()
    for fine in (table[:, [0, 2, 4]], table.astype(np.float32), X):
        warn_of_coarse(Samples(fine))
    assert not caplog.messages


def test_moments_name_the_sample_with_nan():
    broken = X.copy()
    broken[100, 1, 2, 3] = np.nan
    with pytest.raises(DataError, match="sample 100 holds NaN"):
        moments(Samples(broken))


@pytest.mark.parametrize(("n", "size"), [(10, 4), (9, 4), (3, 10), (1, 4), (8, 4)])
def test_epoch_batches_are_a_permutation(n, size):
    batches = epoch_batches(n, size, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert n == 1 or min(len(batch) for batch in batches) > 1
    assert epoch_length(n, size) == len(batches)


def test_refusals(store):
    with pytest.raises(DataError, match="samples 0 to 149"):
        Samples(store, rows=[150])
    with pytest.raises(DataError, match="expected integers"):
        Samples(X, rows=[0.5])
    with pytest.raises(DataError, match="one sample per row"):
        Samples(X[0, 0, 0])
    with pytest.raises(DataError, match="expected numbers"):
        Samples(np.array([["a"]]))


def test_labels():
    assert checked_labels(pd.Series(["a", "b"]), 2).tolist() == ["a", "b"]
    assert checked_labels([0, 1], 2).tolist() == [0, 1]
    for kind in (bool, object):
        assert checked_labels(np.array([True, False], kind), 2).dtype == bool
    assert checked_labels(np.array(["a", "b"], object), 2).dtype.kind == "U"
    with pytest.raises(DataError, match="one label per sample"):
        checked_labels(["a"], 2)
    with pytest.raises(DataError, match="strings, integers or booleans"):
        checked_labels([0.5, 1.0], 2)
    with pytest.raises(DataError, match="strings, integers or booleans"):
        checked_labels(["a", None], 2)
