"""What is odd in measured features of many cases, and to be said before a classifier sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rarecase.features.radiomics.neighbours import FLAT_COARSENESS
from rarecase.features.radiomics.recipe import Recipe

LEVELS, RANGE, COARSENESS = "int_hist_range", "stat_range", "ngtdm_coarseness"


def flat_notes(rows: Sequence[Mapping[str, float]], recipe: Recipe) -> list[str]:
    """Channels of one grey level, and coarsenesses that stand for "no difference at all".

    Parameters
    ----------
    rows
        What `measure` returned for each case; cases without a mask may be left out or all NaN.

    >>> rows = [{"adc_int_hist_range": 0.0, "adc_stat_range": 2.7, "adc_ngtdm_coarseness": 1e6}]
    >>> for note in flat_notes(rows, Recipe(width=25)):
    ...     print(note)
    adc: 1 grey level in 1 of 1 cases, range 2.7, width 25. Take a smaller width, or bins.
    adc_ngtdm_coarseness: 1e+06 in 1 of 1 cases, which is IBSI's value for a region without \
differences. It ruins scaling: count it as missing.
    """
    found = []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [(row[name], row) for row in rows if math.isfinite(row.get(name, math.nan))]
        if name.endswith(f"_{LEVELS}"):
            image = name.removesuffix(f"_{LEVELS}")
            ranges = [row[f"{image}_{RANGE}"] for value, row in values if value == 0]
            if ranges:
                note = f"{image}: 1 grey level in {len(ranges)} of {len(values)} cases"
                note += f", range {max(ranges):g}"
                if recipe.width and max(ranges) > 0:
                    note += f", width {recipe.width:g}. Take a smaller width, or bins"
                found.append(f"{note}.")
        elif name.endswith(f"_{COARSENESS}"):
            flat = sum(value == FLAT_COARSENESS for value, _ in values)
            if flat:
                found.append(
                    f"{name}: {FLAT_COARSENESS:g} in {flat} of {len(values)} cases, which is "
                    "IBSI's value for a region without differences. It ruins scaling: count it "
                    "as missing."
                )
    return found
