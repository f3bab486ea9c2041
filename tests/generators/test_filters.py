"""How many samples of each class a filter keeps."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecase.errors import DataError
from rarecase.generators.filters import filter_table

CLASSES = ["HGG", "LGG", "oligo"]
samples = st.lists(st.tuples(st.sampled_from(CLASSES), st.booleans()), min_size=1, max_size=60)


@given(samples)
def test_table_against_pandas(drawn):
    frame = pd.DataFrame(drawn, columns=["label", "kept"])
    expected = frame.groupby("label")["kept"].agg(generated="size", kept="sum").reset_index()
    table = filter_table(frame["label"], frame["kept"])
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


def test_refusals():
    with pytest.raises(DataError, match="a label and a bool"):
        filter_table(["a", "b"], [True])
    with pytest.raises(DataError, match="a label and a bool"):
        filter_table(["a", "b"], [1, 0])
