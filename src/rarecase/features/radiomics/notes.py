"""What is odd in measured features of many cases, and to be said before a classifier sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rarecase.arrays import Bools
from rarecase.features.radiomics.neighbours import FLAT_COARSENESS
from rarecase.features.radiomics.recipe import Recipe
from rarecase.numbers import plainly

LEVELS, RANGE, COARSENESS = "int_hist_range", "stat_range", "ngtdm_coarseness"


def missing_note(row: Mapping[str, float], mask: Bools) -> str | None:
    """Why features of a case are missing: how large its mask (z, y, x) is; None if none are.

    >>> mask = np.zeros((5, 5, 5), bool)
    >>> mask[2, 2, 1:3] = True
    >>> missing_note({"morph_volume": 0.3, "morph_max_3d_diam": float("nan")}, mask)
    '1 of 2 features are not defined: 2 voxels, extent 2×1×1.'
    """
    missing = sum(math.isnan(value) for value in row.values())
    if not missing:
        return None
    voxels = int(np.count_nonzero(mask))
    extent = "×".join(str(np.ptp(at) + 1) for at in reversed(np.nonzero(mask))) if voxels else "0"
    return f"{missing} of {len(row)} features are not defined: {voxels:,} voxels, extent {extent}."


def flat_notes(rows: Sequence[Mapping[str, float]], recipe: Recipe) -> list[str]:
    """Channels of one grey level, and coarsenesses that stand for "no difference at all".

    Parameters
    ----------
    rows
        What `measure` returned for each case; cases without a mask may be left out or all NaN.

    Examples
    --------
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
                note += f", range {plainly(max(ranges))}"
                if recipe.width and max(ranges) > 0:
                    note += f", width {plainly(recipe.width)}. Take a smaller width, or bins"
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
