"""What a store of made samples says, and what an error leaves behind."""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError
from rarecase.generators import Gaussian


@pytest.fixture
def fitted():
    X = np.random.default_rng(0).normal(size=(12, 3))
    return Gaussian().fit(X, ["HGG", "LGG"] * 6, groups=[f"p{i // 2}" for i in range(12)])


def test_a_store_says_whom_its_samples_were_learnt_from(fitted, tmp_path):
    store = fitted.sample_to_store(tmp_path / "a.zarr", {"LGG": 2}, seen={"p0", "other"})
    assert store.seen == {"other", *(f"p{i}" for i in range(6))}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_error_leaves_no_store_and_the_same_call_works_again(fitted, tmp_path, error):
    class Broken(Gaussian):
        def _make(self, code, block):
            if block:
                raise error
            return super()._make(code, block)

    broken = Broken()
    broken.__dict__.update(fitted.__dict__)
    path = tmp_path / "a.zarr"
    with pytest.raises(error):
        broken.sample_to_store(path, {"LGG": 2 * Gaussian.BLOCK})
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.zarr.rarecase.partial").mkdir()  # a kill leaves it
    assert len(fitted.sample_to_store(path, {"LGG": 300})) == 300


def test_a_store_that_is_there_is_not_replaced(fitted, tmp_path):
    first = fitted.sample_to_store(tmp_path / "a.zarr", {"LGG": 2})
    with pytest.raises(DataError, match="exists; remove it"):
        fitted.sample_to_store(tmp_path / "a.zarr", {"LGG": 3})
    pd.testing.assert_frame_equal(first.rows, pd.read_parquet(tmp_path / "a.zarr/rows.parquet"))


@pytest.mark.parametrize("mask", [np.ones(2, bool), np.ones(3)])
def test_what_to_keep_is_a_bool_a_sample(fitted, tmp_path, mask):
    with pytest.raises(DataError, match="expected 3 of bool"):
        fitted.sample_to_store(tmp_path / "a.zarr", {"LGG": 3}, keep={"LGG": mask})
