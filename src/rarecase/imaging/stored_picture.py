"""A picture as its file stores it: nothing that a library would convert without a word."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rarecase.bounds import check_regular
from rarecase.errors import DataError
from rarecase.imaging.formats.content import really
from rarecase.imaging.formats.tiff import is_tiff, read_pixels, tiff_size
from rarecase.imaging.upright import upright

MOST_PIXELS = 64_000_000  # no slice has more; a damaged header may say so
_PLAIN_MODES = {"1", "L", "RGB", "I", "F", "I;16", "I;16B", "I;16L"}
# How modes of another kind are read: with their alpha, less what is no information.
_CONVERTED_MODES = {"LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBX": "RGB", "RGBa": "RGBA",
                    "PA": "RGBA"}  # fmt: skip
_ORIENTATION = 274
_JPEG = ("JPEG", "MPO")
_TURNED = "turned upright as its EXIF orientation says"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_GREY, _PNG_GREY_ALPHA = 0, 4


@dataclass(frozen=True, eq=False)
class StoredPicture:
    """values: (h, w) or (h, w, 3) as stored, upright; of a picture with a palette its indices.
    alpha: (h, w), None where there is none. palette: (n, 3) colours. lossy: JPEG. notes: what was
    done. white: of a file that says that 0 is white, what 0 became (see `formats.tiff.Pixels`)."""

    values: NDArray
    alpha: NDArray[np.float32] | None = None
    palette: NDArray[np.uint8] | None = None
    lossy: bool = False
    notes: tuple[str, ...] = ()
    white: float | None = None


def read_stored(path: Path) -> StoredPicture:
    """Read a picture. Raises DataError for a missing or damaged file, for several pages and for a
    colour mode that is neither grey nor RGB."""
    if is_tiff(_first(path)):
        return _of_tiff(path)
    with _opened(path) as image:
        pages = getattr(image, "n_frames", 1)
        if pages != 1 and image.format not in _JPEG:  # of a camera's JPEG the others are previews
            raise DataError(f"{path}: {pages} pages, one slice was expected. Split the file.")
        try:
            return _of_image(path, image)
        except (OSError, SyntaxError, ValueError, RuntimeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"{path}: the picture is truncated or damaged ({error}). Copy it again."
            ) from None


def size_of(path: Path) -> tuple[int, int]:
    """Height and width from the header, upright."""
    if is_tiff(_first(path)):
        return tiff_size(path)
    with _opened(path) as image:
        height, width = image.height, image.width
        return (width, height) if _orientation(image) > 4 else (height, width)


def _first(path: Path, count: int = 26) -> bytes:
    check_regular(path)
    with path.open("rb") as file:
        return file.read(count)


def _opened(path: Path) -> Image.Image:
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
        what = really(_first(path, 1024))
        why = f"; it is {what}" if what else f" ({error})"
        raise DataError(f"{path}: not a picture that can be read{why}.") from None


def _of_image(path: Path, image: Image.Image) -> StoredPicture:
    orientation, lossy = _orientation(image), image.format in _JPEG
    alpha = palette = None
    if image.mode == "P":
        colours = np.array(image.getpalette(), dtype=np.uint8).reshape(-1, 3)
        palette = np.zeros((256, 3), dtype=np.uint8)
        palette[: len(colours)] = colours
        values = np.asarray(image)
    elif _deep_colour(path):
        image.load()  # a file that breaks off is found here
        if _first(path)[25] == _PNG_GREY_ALPHA:  # ITK has no such pixels
            raise DataError(
                f"{path}: grey of 16 bits with transparency is not read. Save it without."
            )
        values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    elif image.mode in _CONVERTED_MODES:
        values = np.asarray(image.convert(_CONVERTED_MODES[image.mode]))
    elif image.mode in _PLAIN_MODES:
        values = np.asarray(image)
        if "transparency" in image.info:
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
    else:
        raise DataError(f"{path}: colour mode {image.mode!r}, grey or RGB was expected.")
    values, alpha = _parted(values, alpha)
    turned = [None if a is None else upright(a, orientation) for a in (values, alpha)]
    notes = (_TURNED,) if orientation != 1 else ()
    assert turned[0] is not None
    return StoredPicture(turned[0], turned[1], palette, lossy, notes)


def _of_tiff(path: Path) -> StoredPicture:
    pixels = read_pixels(path, single=True)
    values, alpha = _parted(pixels.values[0], None)
    return StoredPicture(values, alpha, pixels.palette, pixels.lossy, pixels.notes, pixels.white)


def _parted(values: NDArray, alpha: NDArray | None) -> tuple[NDArray, NDArray | None]:
    """Grey or colours, and the alpha behind them."""
    if values.ndim == 3 and values.shape[-1] in (2, 4):
        values, alpha = values[..., :-1], values[..., -1]
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    return values, None if alpha is None else alpha.astype(np.float32)


def _deep_colour(path: Path) -> bool:
    """Whether it is a PNG of 16 bits and of more than grey, which Pillow cuts to 8."""
    first = _first(path)
    return first.startswith(_PNG) and first[24] == 16 and first[25] != _PNG_GREY


def _orientation(image: Image.Image) -> int:
    try:
        found = int(image.getexif().get(_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError):
        return 1  # EXIF that cannot be read says nothing
    return found if 1 <= found <= 8 else 1
