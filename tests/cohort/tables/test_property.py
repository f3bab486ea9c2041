"""A table is the same, however a program wrote it: both views."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarecase.cohort.tables import read_table, read_values

GAPS = ["", "NA", "N/A", "n/a", "NULL", "NaN", "nan", "None", ".", "?", "-", "#N/A", "#NULL!",
        "<NA>", "not available", " NA "]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
IDS = ["007", "Müller, A", "012", "P;4", "a|b"]
CLASSES = ["low", "high", None, "low", 'h"igh']
SIZES = [0.5, 12.25, None, -3.125, 1e-07]
COUNTS = [3, 1, 2, 5, 4]
HEAD = ["id", "Größe", "grade", "n"]


def written(separator, decimal, gap, quoted, ends, blank):
    """The same table, in one of its ways, as text. `quoted`: every value, or those that need it."""

    def cell(value):
        if value is None:
            return gap
        said = str(value).replace(".", decimal) if isinstance(value, float) else str(value)
        if not quoted and not any(sign in said for sign in (separator, '"')):
            return f"{said}{blank}"
        doubled = said.replace('"', '""')
        return f'{blank}"{doubled}"{blank}'

    rows = zip(IDS, SIZES, CLASSES, COUNTS, strict=True)
    return "".join(separator.join(map(cell, row)) + ends for row in [HEAD, *rows])


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    separator=st.sampled_from(",;\t|"), decimal=st.sampled_from(".,"), gap=st.sampled_from(GAPS),
    encoding=st.sampled_from(ENCODINGS), ends=st.sampled_from(["\n", "\r\n", "\r"]),
    blank=st.sampled_from(["", " "]), said=st.booleans(), packed=st.booleans(),
    quoted=st.booleans(),
)  # fmt: skip
def test_the_same_table(
    tmp_path, separator, decimal, gap, encoding, ends, blank, said, packed, quoted
):
    text = written(separator, decimal, gap, quoted, ends, blank)
    data = ((f"sep={separator}{ends}" if said else "") + text).encode(encoding)
    path = tmp_path / "table.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    words = read_table(path)
    assert words.columns.tolist() == HEAD
    assert words["id"].tolist() == IDS and words["n"].tolist() == [*map(str, COUNTS)]
    assert words["grade"].isna().tolist() == [each is None for each in CLASSES]
    assert words["grade"].dropna().tolist() == [each for each in CLASSES if each is not None]
    typed = read_values(path, names=["id"], classes=["grade"])
    assert typed["id"].tolist() == IDS
    assert typed["grade"].dropna().tolist() == [each for each in CLASSES if each is not None]
    np.testing.assert_array_equal(typed["Größe"], np.array(SIZES, dtype=float))
    assert typed["n"].tolist() == COUNTS and typed["n"].dtype.kind == "i"


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_is_one_in_every_column_and_format(tmp_path, gap):
    frame = pd.DataFrame({"id": ["a", gap, "c", "d"], "grade": ["x", "y", gap, "y"],
                          "size": ["1.5", "2", "3", gap]})  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.csv", "t.parquet", "t.xlsx"):
        for table in (read_table(tmp_path / name),
                      read_values(tmp_path / name, names=["id"], classes=["grade"])):  # fmt: skip
            assert table.isna().to_numpy().nonzero()[0].tolist() == [1, 2, 3], name
