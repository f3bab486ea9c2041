"""Filtered images: Laplacian of Gaussian and undecimated wavelet bands (IBSI 2, arXiv 2006.05470).

Images are mirrored at their edges about the outermost voxel, as IBSI 2 recommends. A constant gives
exactly 0 in everything that looks for differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.ndimage import convolve1d

from rarecase.arrays import Floats
from rarecase.errors import SettingError
from rarecase.features.radiomics.region import Region, Spacing

LOG = "log-"
WAVELET = "wavelet"
TRUNCATED = 4.0  # standard deviations at which a Gaussian ends
FINEST = 0.5  # voxels; a Gaussian that is narrower falls between them
NOISE = 1e-12  # of the largest intensity: what rounding leaves of 0
# Low-pass of coiflet 1 (Daubechies, Ten Lectures on Wavelets, 1992): short, nearly symmetric.
COIFLET = np.array(
    [-0.015655728135791993, -0.07273261951252645, 0.3848648468648578, 0.8525720202116004,
     0.3378976624574818, -0.07273261951252645]
)  # fmt: skip


def sigma_of(name: str) -> float | None:
    """Millimetres in `log-SIGMA`; None of `wavelet`. Raises SettingError for any other name.

    >>> sigma_of("log-1.5"), sigma_of("wavelet")
    (1.5, None)
    """
    if name == WAVELET:
        return None
    try:
        sigma = float(name.removeprefix(LOG)) if name.startswith(LOG) else math.nan
    except ValueError:
        sigma = math.nan
    if not 0 < sigma < math.inf:
        raise SettingError(
            f"filters: {name!r}, expected 'wavelet' or 'log-' and millimetres such as 'log-3'."
        )
    return sigma


def reach(names: Sequence[str], spacing: Spacing, *, flat: bool) -> tuple[int, int, int]:
    """Voxels along z, y, x as far as which a filter looks."""
    far = [0, 0, 0]
    for name, axis in product(names, _axes(flat=flat)):
        sigma = sigma_of(name)
        own = len(COIFLET) // 2 if sigma is None else _radius(sigma / spacing[axis])
        far[axis] = max(far[axis], own)
    return far[0], far[1], far[2]


def filtered(region: Region, names: Sequence[str], *, flat: bool) -> Iterator[tuple[str, Region]]:
    """The region in each filtered image, under names such as `log-3` and `wavelet-LLH` (letters in
    the order x, y, z; L: smooth along it, H: differences); `flat`: filtered within slices.

    Raises SettingError for a Gaussian narrower than half a voxel.
    """
    for name in names:
        sigma = sigma_of(name)
        if sigma is None:
            for band, image in wavelet_bands(region.image, flat=flat).items():
                yield f"{name}-{band}", replace(region, image=image)
        else:
            found = laplacian_of_gaussian(region.image, sigma, region.spacing, flat=flat)
            yield name, replace(region, image=found)


def laplacian_of_gaussian(image: Floats, sigma: float, spacing: Spacing, *, flat: bool) -> Floats:
    """Curvature of an image (z, y, x) smoothed by a Gaussian of `sigma` mm, per mm²: below 0
    in bright blobs. (IBSI 2 counts per voxel², which is the same at 1 mm.)

    >>> x = np.arange(60.0) * 0.5
    >>> image = np.broadcast_to(x**2, (60, 60, 60))
    >>> found = laplacian_of_gaussian(image, 1.5, (1.0, 1.0, 0.5), flat=False)
    >>> round(float(found[30, 30, 30]), 1)
    2.0
    """
    axes = _axes(flat=flat)
    kernels = {}
    for axis in axes:
        width = sigma / spacing[axis]
        if width < FINEST:
            raise SettingError(
                f"filters: {LOG}{sigma:g} is less than half a voxel of "
                f"{' × '.join(f'{each:g}' for each in spacing)} mm. Take a larger one, or resample."
            )
        at = np.arange(-_radius(width), _radius(width) + 1) * spacing[axis]
        smooth = np.exp(-(at**2) / (2 * sigma**2))
        smooth /= smooth.sum()
        bend = (at**2 / sigma**4 - 1 / sigma**2) * smooth
        kernels[axis] = smooth, bend - bend.sum() * smooth  # cut off, it would answer to a constant
    total = np.zeros(image.shape)
    for bent in axes:
        part = image
        for axis in axes:
            part = convolve1d(part, kernels[axis][axis == bent], axis=axis, mode="mirror")
        total += part
    return _quiet(total, image)


def wavelet_bands(image: Floats, low: Floats = COIFLET, *, flat: bool) -> dict[str, Floats]:
    """The first level of an undecimated separable wavelet, of the size of the image (z, y, x).

    `low`: its low-pass filter; the high-pass one mirrors it. Flat: LL, LH, HL, HH of each slice.
    """
    high = low[::-1] * (-1.0) ** (np.arange(len(low)) + 1)
    bands = {"": image}
    for axis in reversed(_axes(flat=flat)):  # x first
        bands = {
            band + letter: convolve1d(values, weights, axis=axis, mode="mirror")
            for band, values in bands.items()
            for letter, weights in (("L", low), ("H", high))
        }
    return {band: _quiet(values, image) for band, values in bands.items()}


def _axes(*, flat: bool) -> tuple[int, ...]:
    return (1, 2) if flat else (0, 1, 2)


def _radius(width: float) -> int:
    return int(TRUNCATED * width + 0.5)


def _quiet(response: Floats, image: Floats) -> Floats:
    """Without what rounding leaves where nothing is: grey levels would be made of it."""
    return np.where(np.abs(response) > NOISE * np.abs(image).max(), response, 0.0)
