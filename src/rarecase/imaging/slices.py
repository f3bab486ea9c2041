"""Bringing slices to one square size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rarecase.errors import SettingError


def fit_square(images: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Slices (n, c, h, w) as (n, c, size, size): padded with 0 to a square, then resized.

    The resize is bilinear with antialiasing (Pillow's, whose filter widens when it shrinks), so
    the range of values is kept. Slices that have the size already are returned unchanged.

    >>> fit_square(np.ones((1, 2, 4, 6), np.float32), 12).shape
    (1, 2, 12, 12)
    """
    if size < 1:
        raise SettingError(f"size: {size}, at least 1 pixel was expected.")
    n, c, h, w = images.shape
    if (h, w) == (size, size):
        return np.asarray(images, dtype=np.float32)
    square = _pad(np.asarray(images, dtype=np.float32))
    if square.shape[-1] == size:
        return square
    planes = square.reshape(-1, *square.shape[-2:])
    out = np.empty((len(planes), size, size), dtype=np.float32)
    for plane, target in zip(planes, out, strict=True):
        picture = Image.fromarray(np.ascontiguousarray(plane))
        target[:] = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return out.reshape(n, c, size, size)


def fit_square_masks(masks: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Masks (n, h, w) of 0 and 1 brought to (n, size, size) the way `fit_square` brings images.

    A pixel is 1 where at least half of it is covered.
    """
    if masks.shape[-2:] == (size, size):
        return np.asarray(masks, dtype=np.uint8)
    covered = fit_square(masks[:, None].astype(np.float32), size)[:, 0]
    return (covered >= 0.5).astype(np.uint8)


def _pad(images: NDArray[np.float32]) -> NDArray[np.float32]:
    h, w = images.shape[-2:]
    side = max(h, w)
    top, left = (side - h) // 2, (side - w) // 2
    around = [(0, 0), (0, 0), (top, side - h - top), (left, side - w - left)]
    return np.pad(images, around) if h != w else images
