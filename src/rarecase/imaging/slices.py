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
    side = max(h, w)
    square = centre(np.asarray(images, dtype=np.float32), side, side)
    if square.shape[-1] == size:
        return square
    planes = square.reshape(-1, *square.shape[-2:])
    out = np.empty((len(planes), size, size), dtype=np.float32)
    for plane, target in zip(planes, out, strict=True):
        picture = Image.fromarray(np.ascontiguousarray(plane))
        target[:] = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return out.reshape(n, c, size, size)


def unfit_square(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Back from `fit_square`: values (n, size, size) as (n, height, width), bilinear.

    >>> unfit_square(np.ones((1, 12, 12), np.float32), 4, 6).shape
    (1, 4, 6)
    """
    side = max(height, width)
    whole = fit_square(np.asarray(values, dtype=np.float32)[:, None], side)[:, 0]
    return centre(whole, height, width)


def centre(values: NDArray, height: int, width: int) -> NDArray:
    """The middle (…, height, width) of values (…, h, w), with 0 around where they are smaller.

    Its own inverse, but for what is cut off.

    >>> centre(np.arange(6).reshape(1, 2, 3), 3, 1).tolist()
    [[[1], [4], [0]]]
    """
    h, w = values.shape[-2:]
    out = np.zeros((*values.shape[:-2], height, width), dtype=values.dtype)
    (from_y, to_y, rows), (from_x, to_x, columns) = _middle(h, height), _middle(w, width)
    out[..., to_y : to_y + rows, to_x : to_x + columns] = values[
        ..., from_y : from_y + rows, from_x : from_x + columns
    ]
    return out


def _middle(there: int, wanted: int) -> tuple[int, int, int]:
    """Where to take from, where to put, and how many."""
    if wanted <= there:
        return (there - wanted) // 2, 0, wanted
    return 0, (wanted - there) // 2, there


def fit_square_masks(masks: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Masks (n, h, w) of 0 and 1 brought to (n, size, size) the way `fit_square` brings images.

    A pixel is 1 where at least half of it is covered.
    """
    if masks.shape[-2:] == (size, size):
        return np.asarray(masks, dtype=np.uint8)
    covered = fit_square(masks[:, None].astype(np.float32), size)[:, 0]
    return (covered >= 0.5).astype(np.uint8)
