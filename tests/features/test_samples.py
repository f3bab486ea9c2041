"""Samples from arrays and stores are the same samples."""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError
from rarecase.features.samples import Joined, Samples, checked_labels, epoch_batches, moments
from rarecase.features.store import FeatureStore

X = np.random.default_rng(0).normal(1, 2, (150, 3, 4, 5)).astype(np.float16)


@pytest.fixture
def store(tmp_path):
    rows = pd.DataFrame({"i": range(len(X))})
    with FeatureStore.create(tmp_path / "a.zarr", block="b", shape=X.shape[1:], rows=rows) as new:
        new.write(0, X)
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
    np.testing.assert_array_equal(both.read([2, 0, 1]), [(X + 1)[5], X[0], X[1]])
    with pytest.raises(DataError, match="expected shape"):
        Joined(Samples(X), Samples(X[:, :2]))


def test_moments_against_numpy(store):
    found = moments(Samples(store))
    wide = X.astype(np.float64)
    np.testing.assert_allclose(found.mean, wide.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(found.std, wide.std((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(found.rms, np.sqrt((wide**2).mean((0, 2, 3))), rtol=1e-6)
    assert not found.nonnegative
    assert moments(Samples(np.abs(X))).nonnegative


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


def test_refusals(store):
    with pytest.raises(DataError, match="samples 0 to 149"):
        Samples(store, rows=[150])
    with pytest.raises(DataError, match="integer indices"):
        Samples(X, rows=[0.5])
    with pytest.raises(DataError, match="one sample a row"):
        Samples(X[0, 0, 0])
    with pytest.raises(DataError, match="expected numbers"):
        Samples(np.array([["a"]]))


def test_labels():
    assert checked_labels(pd.Series(["a", "b"]), 2).tolist() == ["a", "b"]
    assert checked_labels([0, 1], 2).tolist() == [0, 1]
    assert checked_labels(np.array(["a", "b"], object), 2).dtype.kind == "U"
    with pytest.raises(DataError, match="one label a sample"):
        checked_labels(["a"], 2)
    with pytest.raises(DataError, match="strings or integers"):
        checked_labels([0.5, 1.0], 2)
    with pytest.raises(DataError, match="strings or integers"):
        checked_labels(["a", None], 2)
