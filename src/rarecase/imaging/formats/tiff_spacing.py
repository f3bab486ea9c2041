"""The size of a TIFF's voxels: the spacing file of nnU-Net, OME or ImageJ."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from rarecase.errors import DataError
from rarecase.files import read_json
from rarecase.imaging.formats.units import in_mm

Spacing = tuple[float, float, float]

_CHANNEL = re.compile(r"_\d{4}$")


def spacing_of(path: Path, tif: tifffile.TiffFile) -> tuple[Spacing, tuple[str, ...]]:
    """Millimetres along x, y, z, and what had to be assumed."""
    sizes = _beside(path) or _ome(tif) or _imagej(tif)
    if sizes is None:
        return (1.0, 1.0, 1.0), (f"{path.name} says nothing of voxel sizes; 1 mm is assumed",)
    x, y, z = sizes
    if z is None:
        said = f"{path.name} says nothing of the distance of its slices; 1 mm is assumed"
        return (x, y, 1.0), (said,)
    return (x, y, z), ()


Found = tuple[float, float, float | None] | None


def _beside(path: Path) -> Found:
    """Of nnU-Net's file: CASE.json beside CASE.tif or CASE_0000.tif, z first."""
    for stem in dict.fromkeys((path.stem, _CHANNEL.sub("", path.stem))):
        file = path.with_name(f"{stem}.json")
        if not file.is_file():
            continue
        said = read_json(file)
        if not isinstance(said, dict) or "spacing" not in said:
            continue
        try:
            z, y, x = (float(value) for value in said["spacing"])
        except (TypeError, ValueError):
            z = y = x = np.nan
        if not all(np.isfinite(v) and v > 0 for v in (x, y, z)):
            raise DataError(
                f"{file}: spacing {said['spacing']}, three numbers (mm along z, y, x) were "
                "expected. Mend it, or take it away."
            )
        return x, y, z
    return None


def _ome(tif: tifffile.TiffFile) -> Found:
    if not tif.ome_metadata:
        return None
    images: Any = tifffile.xml2dict(tif.ome_metadata).get("OME", {}).get("Image", {})
    pixels = (images[0] if isinstance(images, list) else images).get("Pixels", {})
    sizes = [
        _length(pixels.get(f"PhysicalSize{axis}"), str(pixels.get(f"PhysicalSize{axis}Unit", "um")))
        for axis in "XYZ"
    ]
    x, y, z = sizes
    return None if x is None or y is None else (x, y, z)


def _imagej(tif: tifffile.TiffFile) -> Found:
    """ImageJ counts pixels a unit in the resolution tags, and units from slice to slice."""
    said = tif.imagej_metadata
    if not said:
        return None
    unit, tags = str(said.get("unit", "")), tif.pages.first.tags
    sizes = [_length(_inverse(tags.valueof(name)), unit) for name in ("XResolution", "YResolution")]
    x, y = sizes
    return None if x is None or y is None else (x, y, _length(said.get("spacing", 1.0), unit))


def _inverse(resolution: Any) -> float | None:
    return resolution[1] / resolution[0] if resolution and resolution[0] else None


def _length(value: Any, unit: str) -> float | None:
    """A size in mm; None where it is none."""
    factor = in_mm(unit)
    if factor is None or value is None:
        return None
    size = abs(float(value)) * factor
    return size if np.isfinite(size) and size > 0 else None
