"""Numbers that people read have no exponents, and lose nothing by it."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from rarecase.files import read_csv, write_table
from rarecase.numbers import exact_number, plainly
from rarecase.pipeline.resolve import dump, resolve
from rarecase.yaml_text import load_yaml

EXPONENT = re.compile(r"\d[eE][+-]?\d")


def of_all_sizes(count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.integers(-40, 40, count)
    return rng.normal(size=count) * sizes


def test_numbers_of_any_size_are_written_out():
    for value in of_all_sizes():
        exact, short = exact_number(value), plainly(value)
        assert float(exact) == value and not EXPONENT.search(exact + short)
        assert float(short.replace(",", "")) == pytest.approx(value, rel=1e-3)


def test_few_digits_are_kept():
    assert [plainly(v) for v in (0.02, 1e-5, 999.96, 1000, 1e6, -2e9, math.inf)] == [
        "0.02", "0.00001", "1,000", "1,000", "1,000,000", "-2,000,000,000", "inf"
    ]  # fmt: skip
    assert plainly(np.float32(0.1)) == "0.1" and plainly(2 / 3, digits=2) == "0.67"


def test_tables_of_numbers_come_back_as_they_were(tmp_path):
    values = of_all_sizes()
    table = pd.DataFrame({"x": values, "n": np.arange(len(values))})
    table.loc[3, "x"] = np.nan
    write_table(tmp_path / "t.csv", table)
    assert not EXPONENT.search((tmp_path / "t.csv").read_text())
    pd.testing.assert_frame_equal(
        read_csv(tmp_path / "t.csv"), table, check_exact=False, rtol=1e-15
    )


def test_settings_are_written_out_and_read_as_they_were():
    settings = resolve(preset="paper", overrides={"segmenter.learning_rate": 1.2345e-7})
    text = dump(settings)
    assert "0.00000012345" in text and not EXPONENT.search(text)
    assert load_yaml(text, name="text") == yaml.safe_load(text) == settings.model_dump(mode="json")
