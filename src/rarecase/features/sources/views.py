"""What a pre-trained network is shown of a case: the tumour with a margin, and the whole slice."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rarecase.arrays import Bools
from rarecase.cohort.fitting import case_scales, head_of
from rarecase.cohort.load import CaseArrays
from rarecase.imaging.normalise import Scale, apply_scale, fit_scale
from rarecase.segmenter.batches import stretched

VIEWS = ("crop", "slice")
MARGIN = 1.4  # of the tumour's extent that a crop shows, as `region` does
SMALLEST = 1 / 15  # of the longer side that a crop shows at least
WHITE = 3.0  # of `apply_scale`: six of the tissue's deviations above its mean
_TISSUE_SHARE = 0.01  # of a slice's pixels, below which it holds none

Box = tuple[float, float, float]  # centre by row and column, side; in pixels from the edge


def windowed(images: NDArray[np.float32], scales: Sequence[Scale]) -> NDArray[np.float32]:
    """Raw intensities (c, h, w) of a case as 0 to 1, each channel by the case's own tissue.

    The window goes from the background, or three of the tissue's standard deviations below its
    mean, to six above it: a bright lesion is not cut off, and the mean of the tissue is 1/3 in
    everybody. Nothing is rounded, so that 16-bit images keep all of their levels within it.
    """
    planes = [apply_scale(plane, scale) for plane, scale in zip(images, scales, strict=True)]
    return np.stack(planes) / np.float32(WHITE)


def around(mask: Bools) -> Box:
    """The square around a mask (h, w) with a margin; the whole slice where it is empty."""
    height, width = mask.shape
    y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not y.size:
        return height / 2, width / 2, float(max(height, width))
    extent = max(y[-1] - y[0], x[-1] - x[0]) + 1
    side = max(MARGIN * extent, SMALLEST * max(height, width))
    return (y[0] + y[-1] + 1) / 2, (x[0] + x[-1] + 1) / 2, float(side)


def cut_square(planes: NDArray[np.float32], box: Box, *, size: int) -> NDArray[np.float32]:
    """A square of planes (c, h, w) at (c, size, size), 0 outside of them; bilinear, with
    antialiasing where it shrinks (Pillow's).

    >>> cut_square(np.ones((1, 4, 4), np.float32), (0, 0, 4), size=4)[0].sum(axis=0).tolist()
    [0.0, 0.0, 2.0, 2.0]
    """
    y, x, side = box
    top, left = math.floor(y - side / 2), math.floor(x - side / 2)
    bottom, right = math.ceil(y + side / 2), math.ceil(x + side / 2)
    patch = np.zeros((len(planes), bottom - top, right - left), dtype=np.float32)
    at, beside = max(-top, 0), max(-left, 0)
    there = planes[:, max(top, 0) : bottom, max(left, 0) : right]
    patch[:, at : at + there.shape[1], beside : beside + there.shape[2]] = there
    low_x, low_y = x - side / 2 - left, y - side / 2 - top
    part = (low_x, low_y, low_x + side, low_y + side)
    square, bilinear = (size, size), Image.Resampling.BILINEAR
    pictures = [Image.fromarray(plane).resize(square, bilinear, box=part) for plane in patch]
    return np.stack([np.asarray(picture, dtype=np.float32) for picture in pictures])


def slice_views(
    groups: Sequence[CaseArrays], masks: Sequence[Bools], wanted: Sequence[int], *, size: int
) -> NDArray[np.float32]:
    """Crop and whole of the slices with the numbers `wanted`, (n, 2, c, size, size)."""
    scales = case_scales(groups, tissue=True)
    place = {
        int(number): (group.images[i], mask[i])
        for group, mask in zip(groups, masks, strict=True)
        for i, number in enumerate(group.numbers)
    }
    found = np.empty((len(wanted), 2, len(scales), size, size), dtype=np.float32)
    for number, views in zip(wanted, found, strict=True):
        image, mask = place[number]
        planes = windowed(image, scales)
        views[0] = cut_square(planes, around(mask), size=size)
        views[1] = cut_square(planes, around(np.zeros_like(mask)), size=size)
    return found


def volume_views(
    groups: Sequence[CaseArrays], masks: Sequence[Bools], *, size: int, depth: int
) -> NDArray[np.float32]:
    """Crop and whole of a case, (1, 2, c, depth, size, size): a square in plane that holds the
    mask of every slice, and the slices that show it, both with a margin."""
    scales = case_scales(groups, tissue=True)
    slices = [
        (int(number), windowed(group.images[i], scales), box, mask[i].any())
        for group, mask in zip(groups, masks, strict=True)
        for box in (around(np.asarray(mask.any(axis=0))),)
        for i, number in enumerate(group.numbers)
    ]
    slices.sort(key=lambda each: each[0])
    shown = np.flatnonzero([each[3] for each in slices])
    low, high = (shown[0], shown[-1] + 1) if shown.size else (0, len(slices))
    more = math.ceil((MARGIN - 1) / 2 * (high - low)) if shown.size else 0
    crop = slices[max(low - more, 0) : high + more]
    views = [
        [cut_square(planes, box, size=size) for _, planes, box, _ in crop],
        [cut_square(p, around(np.zeros(p.shape[1:], bool)), size=size) for _, p, _, _ in slices],
    ]
    volumes = [torch.from_numpy(np.stack(view, axis=1)) for view in views]
    found = torch.stack([stretched(volume, planes=depth) for volume in volumes])
    return np.asarray(found.numpy()[None])


def with_tissue(images: NDArray[np.float32]) -> Bools:
    """Which slices (n, c, h, w) of a case hold tissue (n,); all where none does."""
    scales = [fit_scale(images[:, channel]) for channel in range(images.shape[1])]
    found = head_of(images, scales).mean(axis=(1, 2)) >= _TISSUE_SHARE
    return np.asarray(found | ~found.any())
