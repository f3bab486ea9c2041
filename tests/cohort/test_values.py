"""Words of a table as numbers and dates."""

import numpy as np
import pandas as pd
import pytest

from rarecase.cohort.values import are_dates, as_days, as_numbers, present, shifted
from rarecase.errors import DataError


def numbers(*words):
    return as_numbers(present(pd.Series(words)), "x")


def test_a_missing_value_may_be_written_in_any_usual_way():
    gaps = ["", " ", "NA", "n/a", "NaN", "nan", "null", "None", "?", "-", ".", "#N/A", "<NA>",
            "missing", "[Not Available]", None, np.nan]  # fmt: skip
    assert np.isnan(numbers(*gaps, "1")[:-1]).all()
    words = present(pd.Series(["None", "unknown", "a"]), none=True)
    assert words.tolist() == ["None", None, "a"]


def test_commas_points_and_exponents():  # F24
    assert numbers("456,78", "12", "-0,5").tolist() == [456.78, 12, -0.5]
    assert numbers("456.78", "1e3", "+2.").tolist() == [456.78, 1000, 2]
    assert numbers("True", "false").tolist() == [1, 0]
    assert numbers("1", "two") is None


def test_signs_between_thousands_are_known_where_both_are_there():
    assert numbers("1,234.5", "12", "2,345,678", "0.25").tolist() == [1234.5, 12, 2345678, 0.25]
    assert numbers("1.234,5", "-12.345", "0,25").tolist() == [1234.5, -12345, 0.25]
    assert numbers("1,234.5", "1.234,5") is None and numbers("1,234.5", "12,34.5") is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("1,5", "2.5"), "decimal comma in row 0 .* a point in row 1"),
     (("1,234", "12"), "'1,234' in row 0 may be 1234 or 1.234")],
)  # fmt: skip
def test_numbers_that_can_be_read_in_two_ways_are_refused(words, expected):
    with pytest.raises(DataError, match=expected):
        numbers(*words)


def test_a_column_of_dates_has_one_format():  # F24
    days = as_days(pd.Series(["11/03/2011", None, "20/10/2011"], dtype=object), "d")
    assert days[2] - days[0] == (pd.Timestamp("2011-10-20") - pd.Timestamp("2011-03-11")).days
    assert days[0] == (pd.Timestamp("2011-03-11") - pd.Timestamp(0)).days and np.isnan(days[1])
    assert as_days(pd.Series(["2011-03-11 10:00:00"]), "d")[0] == days[0]
    for words, expected in ((["03/20/2011", "20/10/2011"], "no one format"),
                            (["03/04/2011"], "%d/%m/%Y and %m/%d/%Y both fit all 1")):  # fmt: skip
        assert are_dates(pd.Series(words))
        with pytest.raises(DataError, match=expected):
            as_days(pd.Series(words), "d")
    assert not are_dates(pd.Series(["2011-03-11", "later"]))


def test_tuples_and_hashes_are_no_values():
    for odd in ("(192, 256, 256)", "[1.5, 2]", "d41d8cd98f00b204e9800998ecf8427e"):
        assert shifted(pd.Series(["a", odd])) == odd
    assert shifted(pd.Series(["(left)", "12345678901234567890123456789012", "grade (2)"])) is None
