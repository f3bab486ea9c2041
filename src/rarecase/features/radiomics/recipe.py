"""All features of a mask in the channels of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rarecase.arrays import Bools, Floats
from rarecase.features.radiomics.cooccurrence import cooccurrence_features
from rarecase.features.radiomics.filters import filtered, reach, sigma_of
from rarecase.features.radiomics.neighbours import neighbour_features
from rarecase.features.radiomics.place import place_features
from rarecase.features.radiomics.region import (
    Region,
    Spacing,
    cropped,
    levels_of,
    make_region,
    parts_of,
    resampled_spacing,
)
from rarecase.features.radiomics.runs import run_features
from rarecase.features.radiomics.shape import shape_features
from rarecase.features.radiomics.shape_flat import flat_shape_features
from rarecase.features.radiomics.statistics import histogram_features, intensity_features
from rarecase.features.radiomics.zones import zone_features

# Divided by a mean that is about 0 in a filtered image.
NOT_OF_FILTERED = ("stat_coef_of_variation", "stat_quartile_coef_dispersion")
THICK = 2.0  # slices so many times as far apart as pixels are no volume to a texture


@dataclass(frozen=True)
class Recipe:
    """How features are measured; the defaults are IBSI's advice for images without units, as MR.

    Parameters
    ----------
    resample
        Millimetres between voxels, so that cases of different scanners are alike; None: as they
        are. Images that do not know their spacing stay as they are.
    bins, width
        Grey levels: so many of equal width between a region's extremes; or of `width`, where
        intensities have a unit.
    flat
        Whether textures are looked for within slices and merged over them; None: where slices are
        more than twice as far apart as pixels, or a single one.
    limits, outliers
        Intensities that count; standard deviations from the mean beyond which they do not.
    filters
        Filtered images that are measured besides: `log-SIGMA` (Laplacian of Gaussian, mm),
        `wavelet` (coiflet 1, undecimated). Always in bins, since their values have no unit.

    Raises
    ------
    SettingError
        Another filter's name.
    """

    resample: float | None = 1.0
    bins: int = 32
    width: float | None = None
    flat: bool | None = None
    limits: tuple[float, float] | None = None
    outliers: float | None = None
    filters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.filters:
            sigma_of(name)


def measure(
    images: Mapping[str, Floats],
    mask: Bools,
    spacing: Spacing | None,
    *,
    head: Bools | None = None,
    recipe: Recipe | None = None,
) -> dict[str, float]:
    """Features of a mask: its shape and place, and of every channel intensities and textures.

    Parameters
    ----------
    images
        Channel → intensities (z, y, x); one slice is (1, y, x).
    mask, head
        (z, y, x); what is measured (all above 0), and the tissue that it lies in.
    spacing
        Millimetres along z, y, x; None where the files say nothing of it.

    Returns
    -------
    Name → value: `morph_…` or `flat_…`, `mask_parts`, `place_…`, `CHANNEL_…`, `CHANNEL_FILTER_…`;
    NaN where a mask is too small for a feature, or intensities do not vary.

    Raises
    ------
    DataError
        An empty mask, shapes that differ.
    SettingError
        A filter finer than the voxels.
    """
    recipe, known, mask = recipe or Recipe(), spacing or (1.0, 1.0, 1.0), np.asarray(mask) > 0
    flat = recipe.flat
    if flat is None:
        flat = spacing is None or mask.shape[0] == 1 or known[0] > THICK * min(known[1:])
    resample = None if spacing is None else recipe.resample
    grid = known if resample is None else resampled_spacing(known, resample, in_plane=flat)
    margin = reach(recipe.filters, grid, flat=flat)
    found: dict[str, float] = {}
    for channel, image in images.items():
        wide = make_region(
            image, mask, known, resample=resample, in_plane=flat, limits=recipe.limits,
            outliers=recipe.outliers, margin=margin,
        )  # fmt: skip
        if not found:
            found |= _shape(cropped(wide), single=mask.shape[0] == 1)
            found |= {} if head is None else place_features(mask, head, known)
        found |= {f"{channel}_{n}": v for n, v in _channel(wide, flat=flat, recipe=recipe).items()}
    return found


def _shape(region: Region, *, single: bool) -> dict[str, float]:
    """By how many slices the image has, not the mask: every case of a cohort has the same names."""
    parts = {"mask_parts": float(len(parts_of(region.shape_mask)))}
    if single:
        return parts | flat_shape_features(region.shape_mask[0], region.spacing[1:])
    return parts | shape_features(region)


def _channel(wide: Region, *, flat: bool, recipe: Recipe) -> dict[str, float]:
    """Of an image, and of it filtered; `wide` has a margin for that."""
    start = None if recipe.limits is None else recipe.limits[0]
    bins = None if recipe.width else recipe.bins
    found = _textures(cropped(wide), flat=flat, bins=bins, width=recipe.width, start=start)
    for name, response in filtered(wide, recipe.filters, flat=flat):
        textures = _textures(cropped(response), flat=flat, bins=recipe.bins)
        found |= {f"{name}_{n}": v for n, v in textures.items() if n not in NOT_OF_FILTERED}
    return found


def _textures(
    region: Region,
    *,
    flat: bool,
    bins: int | None,
    width: float | None = None,
    start: float | None = None,
) -> dict[str, float]:
    """Intensities and textures, those of all directions merged, so that none is left out by how a
    head was turned."""
    if not region.mask.any():
        region = replace(region, mask=region.shape_mask)
    levels, most = levels_of(region, bins=bins, width=width, start=start)
    return (
        intensity_features(region.values)
        | histogram_features(levels[region.mask], most)
        | cooccurrence_features(levels, most, flat=flat, merge="all")
        | run_features(levels, flat=flat, merge="all")
        | zone_features(levels, flat=flat, merged=True)
        | neighbour_features(levels, flat=flat, merged=True)
    )
