"""The paper's filter, and which kept samples make up an amount."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecase.errors import DataError
from rarecase.generators.filters import filter_table, take_per_class

CLASSES = ["HGG", "LGG", "oligo"]
samples = st.lists(st.tuples(st.sampled_from(CLASSES), st.booleans()), min_size=1, max_size=60)


@given(samples)
def test_table_against_pandas(drawn):
    frame = pd.DataFrame(drawn, columns=["label", "kept"])
    expected = frame.groupby("label")["kept"].agg(generated="size", kept="sum").reset_index()
    table = filter_table(frame["label"], frame["kept"])
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


@given(samples, st.integers(0, 70), st.integers(0, 70))
def test_amounts_nest_and_are_spread_equally(drawn, one, other):
    labels, kept = (np.array(part) for part in zip(*drawn, strict=True))
    small = take_per_class(labels, kept, min(one, other), CLASSES)
    large = take_per_class(labels, kept, max(one, other), CLASSES)
    assert set(small.rows) <= set(large.rows)
    for taken, amount in ((small, min(one, other)), (large, max(one, other))):
        assert kept[taken.rows].all()
        assert len(set(taken.rows.tolist())) == len(taken.rows)
        assert len(taken.rows) + sum(taken.missing.values()) == amount
        for place, name in enumerate(CLASSES):
            wanted = amount // 3 + (place < amount % 3)
            have = np.flatnonzero(kept & (labels == name))
            picked = taken.rows[labels[taken.rows] == name]
            assert picked.tolist() == have[:wanted].tolist()
            assert taken.missing.get(name, 0) == wanted - len(picked)


def test_only_the_asked_classes():
    taken = take_per_class(["HGG", "LGG", "LGG"], [True, True, True], 2, ["LGG"])
    assert taken.rows.tolist() == [1, 2]
    assert taken.missing == {}


def test_integer_labels():
    assert take_per_class([0, 1, 1], [True, False, True], 2, [0, 1]).rows.tolist() == [0, 2]


def test_refusals():
    with pytest.raises(DataError, match="amount"):
        take_per_class(["a"], [True], -1, ["a"])
    with pytest.raises(DataError, match="distinct classes"):
        take_per_class(["a"], [True], 1, ["a", "a"])
    with pytest.raises(DataError, match="distinct classes"):
        take_per_class(["a"], [True], 1, [])
    with pytest.raises(DataError, match="a label and a bool"):
        filter_table(["a", "b"], [True])
    with pytest.raises(DataError, match="a label and a bool"):
        filter_table(["a", "b"], [1, 0])
