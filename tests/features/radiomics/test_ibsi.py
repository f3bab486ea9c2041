"""Radiomics against the reference values of the Image Biomarker Standardisation Initiative."""

from pathlib import Path

import pandas as pd
import pytest

from support.ibsi import IBSI, NOT_OFFERED, SETTINGS, reference_values

DOCS = Path(__file__).parents[3] / "docs/radiomics.md"


@pytest.mark.parametrize(
    "data",
    [pytest.param(name, marks=[pytest.mark.realdata] * name.startswith("ct")) for name in SETTINGS],
)
def test_every_reference_value_of_the_families_that_are_offered(data):
    if not IBSI.is_dir():
        pytest.skip("the phantoms are not here")
    table = reference_values(data)
    offered = table[~table["family"].isin(NOT_OFFERED)]
    missed = offered[~offered["holds"]]
    assert missed.empty and len(offered) > 150, missed.to_string()


@pytest.mark.realdata
def test_the_documentation_counts_the_values_that_hold():
    if not IBSI.is_dir():
        pytest.skip("the phantoms are not here")
    table = pd.concat([reference_values(data) for data in SETTINGS])
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    said = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    counts = table.groupby("family")["holds"].agg(["size", "sum"])
    for family, (size, holds) in counts.iterrows():
        assert [family, str(size), str(holds)] in [row[:3] for row in said]
    assert ["all", f"{len(table):,}", f"{table['holds'].sum():,}"] in [row[:3] for row in said]
