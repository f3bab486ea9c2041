"""Reading pictures (TIFF, JPEG, PNG) of single slices and of their masks."""

from __future__ import annotations

import warnings
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rarecase.bounds import check_regular
from rarecase.errors import DataError

MOST_PIXELS = 64_000_000  # no slice has more; a damaged header may say so
PICTURE_SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".bmp")

# Grey saved as RGB JPEG comes back with colour differences of a few levels out of 255.
_GREY_TOLERANCE = 8
# What JPEG makes of an empty mask stays below this; of a mask with anything in it, far above.
_JPEG_NOISE = 32
# A lossless mask of so few different values holds labels (0, 1, 2, 4), not soft edges.
_MOST_LABELS = 8

_PLAIN_MODES = {"1", "L", "RGB", "I", "F", "I;16", "I;16B", "I;16L"}
_CONVERTED_MODES = {"LA": "L", "La": "L", "RGBA": "RGB", "RGBX": "RGB", "RGBa": "RGB", "P": "RGB"}


def read_picture(path: Path, *, channels: int) -> NDArray[np.float32]:
    """Read one picture as (channels, h, w) float32, in the file's own values (0 to 255 for 8 bit).

    With `channels=1` an RGB picture whose planes agree within JPEG noise is taken as grey. Raises
    DataError for a missing or damaged file, several pages, or another number of channels.
    """
    values, _ = _read(path)
    planes = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
    if channels == 1 and len(planes) == 3 and is_grey(planes):
        planes = planes.mean(axis=0, keepdims=True)
    if len(planes) != channels:
        raise DataError(
            f"{path}: {'a colour' if len(planes) == 3 else 'a grey'} picture of {len(planes)} "
            f"channel(s), {channels} expected as in the rest of the cohort. "
            f"{'Convert it to grey' if channels == 1 else 'Export it as the others are'}, or leave "
            "it out."
        )
    if not np.isfinite(planes).all():
        count = int((~np.isfinite(planes)).sum())
        raise DataError(f"{path}: {count:,} pixels are NaN or infinite. Replace or leave it out.")
    return np.ascontiguousarray(planes, dtype=np.float32)


def read_mask_picture(path: Path) -> NDArray[np.uint8]:
    """Read a mask picture as (h, w) uint8 of 0 and 1; see `binarise` for the threshold."""
    values, lossy = _read(path)
    if values.ndim == 3:
        values = values.max(axis=-1)
    return binarise(values, lossy=lossy)


def binarise(values: NDArray[np.float32], *, lossy: bool = False) -> NDArray[np.uint8]:
    """A mask (h, w) of any values as 0 and 1: above half of its largest value is 1.

    A lossless mask of up to eight different values holds labels, each of them tumour. With `lossy`
    (JPEG) a mask that never rises above compression noise is empty.

    >>> binarise(np.array([[0, 3, 250, 255]], np.float32), lossy=True)
    array([[0, 0, 1, 1]], dtype=uint8)
    >>> binarise(np.array([[0, 3, 2]], np.float32), lossy=True)
    array([[0, 0, 0]], dtype=uint8)
    >>> binarise(np.array([[0, 1, 4]], np.float32))
    array([[0, 1, 1]], dtype=uint8)
    """
    top = float(values.max(initial=0))
    if lossy:
        threshold = top / 2 if top >= _JPEG_NOISE else np.inf
    else:
        # Few values are labels, whatever numbers they are drawn with (0/85/170/255), in every
        # slice alike; many are a mask with soft edges.
        few = len(np.unique(values)) <= _MOST_LABELS
        threshold = 0.0 if few else top / 2
    return (values > threshold).astype(np.uint8)


def is_grey(planes: NDArray[np.float32]) -> bool:
    """Whether three planes (3, h, w) are one grey picture but for JPEG noise."""
    apart = reduce(np.maximum, planes) - reduce(np.minimum, planes)
    return bool(apart.max() <= _GREY_TOLERANCE)


def probe_picture(path: Path) -> tuple[int, int]:
    """Height and width of a picture from its header."""
    with _opened(path) as image:
        return image.height, image.width


def count_planes(path: Path) -> int:
    """1 if the picture is grey (also grey kept as RGB), 3 if it has three different planes."""
    values, _ = _read(path)
    return 1 if values.ndim == 2 or is_grey(np.moveaxis(values, -1, 0)) else 3


def _opened(path: Path) -> Image.Image:
    check_regular(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            image = Image.open(path)
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        return image
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: more than {MOST_PIXELS:,} pixels. Either its header is damaged, or it must "
            "be made smaller before."
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: not a picture that can be read ({error}).") from None


def _read(path: Path) -> tuple[NDArray[np.float32], bool]:
    """(h, w) or (h, w, 3) float32 and whether the file is a JPEG."""
    with _opened(path) as image:
        pages = getattr(image, "n_frames", 1)
        if pages != 1:
            raise DataError(f"{path}: {pages} pages, one slice was expected. Split the file.")
        lossy = image.format == "JPEG"
        try:
            if image.mode in _CONVERTED_MODES:
                converted = image.convert(_CONVERTED_MODES[image.mode])
                return np.asarray(converted, dtype=np.float32), lossy
            if image.mode in _PLAIN_MODES:
                return np.asarray(image, dtype=np.float32), lossy
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(
                f"{path}: the picture is truncated or damaged ({error}). Copy it again."
            ) from None
        raise DataError(f"{path}: colour mode {image.mode!r}, grey or RGB was expected.")
