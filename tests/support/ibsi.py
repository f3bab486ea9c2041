"""The phantoms and reference values of the Image Biomarker Standardisation Initiative."""

import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from rarecase.features.radiomics.cooccurrence import cooccurrence_features
from rarecase.features.radiomics.neighbours import neighbour_features
from rarecase.features.radiomics.region import levels_of, make_region
from rarecase.features.radiomics.runs import run_features
from rarecase.features.radiomics.shape import shape_features
from rarecase.features.radiomics.statistics import histogram_features, intensity_features
from rarecase.features.radiomics.zones import zone_features

IBSI = Path(__file__).parents[2] / "../shared/data/ibsi"
NOT_OFFERED = ["local intensity", "intensity-volume histogram", "GLDZM"]
CT = "ct phantom config "
SETTINGS = {
    "digital phantom": ({}, None),
    f"{CT}A": ({"limits": (-500, 400)}, {"width": 25, "start": -500}),
    f"{CT}B": ({"resample": 2, "in_plane": True, "rounded": True, "limits": (-500, 400)},
               {"bins": 32}),
    f"{CT}C": ({"resample": 2, "rounded": True, "limits": (-1000, 400)},
               {"width": 25, "start": -1000}),
    f"{CT}D": ({"resample": 2, "rounded": True, "outliers": 3}, {"bins": 32}),
    f"{CT}E": ({"resample": 2, "order": "cubic", "rounded": True, "limits": (-1000, 400),
                "outliers": 3}, {"bins": 32}),
}  # fmt: skip


def volume(name):
    """Values (z, y, x), and millimetres along those axes."""
    found = nib.as_closest_canonical(nib.load(IBSI / f"{name}.nii.gz"))
    return np.asarray(found.dataobj).transpose(2, 1, 0), found.header.get_zooms()[::-1]


def measured(data):
    """All features of a phantom, by aggregation and IBSI's name."""
    phantom = "digital_phantom" if data.startswith("digital") else "ct_phantom"
    prepared, discretised = SETTINGS[data]
    (image, spacing), (mask, _) = volume(phantom), volume(f"{phantom}_mask")
    region = make_region(image, mask > 0, tuple(map(float, spacing)), **prepared)
    if discretised is None:  # a phantom of grey levels
        levels = np.where(region.mask, region.image, 0).astype(int)
        most = int(levels.max())
    else:
        levels, most = levels_of(region, **discretised)
    parts = {
        "": intensity_features(region.values) | histogram_features(levels[levels > 0], most)
        | shape_features(region, spatial=True),
    }  # fmt: skip
    for how, merge, flat in (
        ("2D, averaged", "none", True), ("2D, slice-merged", "directions", True),
        ("2.5D, direction-merged", "slices", True), ("2.5D, merged", "all", True),
        ("3D, averaged", "none", False), ("3D, merged", "all", False),
    ):  # fmt: skip
        pairs = cooccurrence_features(levels, most, flat=flat, merge=merge)
        parts[how] = pairs | run_features(levels, flat=flat, merge=merge)
    for how, flat, merged in (("2D", True, False), ("2.5D", True, True), ("3D", False, False)):
        zones = zone_features(levels, flat=flat, merged=merged)
        parts[how] = zones | neighbour_features(levels, flat=flat, merged=merged)
    return {(how, name): value for how, part in parts.items() for name, value in part.items()}


def slack(row):
    """The published tolerance, or half a unit of the last of the three digits that are given."""
    digits = 0.5 * 10.0 ** (math.floor(math.log10(abs(row.value))) - 2) if row.value else 1e-6
    return max(row.tolerance if row.tolerance == row.tolerance else 0.0, digits)


def reference_values(data):
    """Those of a phantom, with a column `found`: our value, NaN where it is not offered."""
    table = pd.read_csv(IBSI / "reference_values.csv", keep_default_na=False)
    table = table[table["data"] == data].copy()
    table["tolerance"] = pd.to_numeric(table["tolerance"], errors="coerce")
    found = measured(data)
    keys = zip(table["aggregation"], table["ibsi_name"].str.lower(), strict=True)
    table["found"] = [found.get(key, math.nan) for key in keys]
    away = (table["found"] - table["value"]).abs()
    table["holds"] = away <= [slack(row) * 1.0001 for row in table.itertuples()]
    return table
