"""The table that a study's arms learn from."""

import numpy as np
import pandas as pd
import pytest
from rarecase.pipeline.comparing import tumour_table

from rarecase.errors import DataError


def test_a_missing_label_is_no_class():
    rows = pd.DataFrame({"patient": list("abcd"), "label": ["LGG", "HGG"] * 2,
                         "row": range(4), "predicted": 9})  # fmt: skip
    X = np.arange(8.0).reshape(4, 2)
    assert tumour_table(X, rows, unit="slices", rare="LGG").classes == ("HGG", "LGG")
    missing = rows.assign(label=["LGG", None, "LGG", "HGG"])
    with pytest.raises(DataError, match="labels are missing"):
        tumour_table(X, missing, unit="slices", rare="LGG")
