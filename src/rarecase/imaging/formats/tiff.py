"""TIFF: its pixels as they are stored, and volumes of several pages, through tifffile."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    AGAIN,
    Format,
    Header,
    Stored,
    by,
    check_room,
    check_shape,
    plain_shape,
    refusing,
)
from rarecase.imaging.formats.tiff_spacing import spacing_of
from rarecase.imaging.mask_rule import INVERTED
from rarecase.imaging.upright import upright

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _PALETTE, _YCBCR = 0, 3, 6
_PHOTOMETRIC = (_WHITE_IS_ZERO, 1, 2, _PALETTE)  # and black is zero, RGB
_DEFLATE, _PLAIN = (8, 32946), (1, 32773)  # compressions
_WHOLE = (1, 8, 16, 32, 64)  # bits of a sample
_JPEG = (6, 7)
# Of the others, what Pillow gives unchanged: its modes by the type of a sample.
_FAITHFUL = {("L", "uint8"), ("P", "uint8"), ("RGB", "uint8"), ("RGBA", "uint8"), ("1", "bool"),
             ("I;16", "uint16"), ("I;16B", "uint16"), ("I", "int32"), ("F", "float32")}  # fmt: skip
_ORIENTATION = 274
_FEW = 4  # channels; more are the slices of a stack that was not told of them


class _Complaints(logging.Handler):
    """What tifffile says of damaged tags, which it leaves out, by thread: for our own words."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: dict[int | None, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.found[record.thread] = self.found.get(record.thread, 0) + 1


_COMPLAINTS = _Complaints()
_LOG = logging.getLogger("tifffile")
_LOG.addHandler(_COMPLAINTS)
_LOG.propagate = False  # the offsets of tags say nothing to a reader of slices


@dataclass(frozen=True, eq=False)
class Pixels:
    """values: (pages, h, w) or (pages, h, w, samples), as stored, upright, white high; of a file
    with a palette, (n, 3) colours of 8 bits, its indices. lossy: JPEG. notes: what was done.
    white: where a tag says that 0 is white, what 0 became; stored was `white` less the value."""

    values: NDArray
    palette: NDArray[np.uint8] | None
    lossy: bool
    notes: tuple[str, ...]
    white: float | None = None


def is_tiff(first: bytes) -> bool:
    """Whether a file that begins so is a TIFF."""
    return first[:4] in _MAGIC


def tiff_size(path: Path) -> tuple[int, int]:
    """Height and width of the first page, upright."""
    with _opened(path) as tif:
        page = tif.pages.first
        size = int(page.imagelength), int(page.imagewidth)
        return size[::-1] if _orientation(page) > 4 else size


def read_pixels(path: Path, *, single: bool = False) -> Pixels:
    """All pages of a file, of a `single` one that. Raises DataError where they are damaged, and for
    values that no library here gives unchanged."""
    with _opened(path) as tif:
        if single and len(tif.pages) > 1:
            raise DataError(
                f"{path}: {len(tif.pages)} pages, one slice was expected. Split the file."
            )
        return _pixels(path, tif)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """The file, whose pages are all there."""
    _COMPLAINTS.found.pop(get_ident(), None)
    with (
        refusing(path, "not a TIFF that can be read, or a truncated or damaged one", AGAIN),
        tifffile.TiffFile(path) as tif,
    ):
        if not len(tif.pages) or _broken_off(tif):
            raise DataError(f"{path}: a TIFF whose pages break off. {AGAIN}")
        yield tif


def _broken_off(tif: tifffile.TiffFile) -> bool:
    """Whether the last page that is there names another, which tifffile could not find."""
    kind = tif.tiff.offsetformat
    tif.filehandle.seek(tif.pages.next_page_offset)
    raw = tif.filehandle.read(struct.calcsize(kind))
    return len(raw) == struct.calcsize(kind) and struct.unpack(kind, raw)[0] != 0


def _series(path: Path, tif: tifffile.TiffFile) -> Any:
    if len(tif.series) != 1:
        sizes = ", ".join(by(series.shape) for series in tif.series[:4])
        raise DataError(
            f"{path}: its pages are of several sizes or types ({sizes}). Save them at one."
        )
    return tif.series[0]


def _orientation(page: Any) -> int:
    return int(page.tags.valueof(_ORIENTATION, 1) or 1)


def _pixels(path: Path, tif: tifffile.TiffFile) -> Pixels:
    series, page = _series(path, tif), tif.pages.first
    dtype, photometric = np.dtype(page.dtype or "V"), int(page.photometric)
    if dtype.kind not in "iufb":
        raise DataError(f"{path}: values of type {dtype}, plain numbers were expected.")
    plain = _is_plain(page)
    if photometric not in _PHOTOMETRIC and (plain or photometric != _YCBCR):
        raise DataError(f"{path}: colour mode {page.photometric.name!r}, grey or RGB was expected.")
    bits = float(np.prod([float(n) for n in series.shape])) * int(page.bitspersample)
    check_room(path, int(bits // 8), squeezed=page.compression != 1)
    orientation, notes = _orientation(page), []
    if plain:
        values = _frames(series.axes, series.asarray(maxworkers=1))
        values = upright(values, orientation, axis=1)
    else:
        values = _by_pillow(path, dtype)
    white = None
    if photometric == _WHITE_IS_ZERO:
        white = _white(values)
        # Pillow inverts what has 8 bits and no more.
        if plain or dtype.itemsize > 1:
            values = white - values if dtype.kind == "f" else ~values
        notes.append(INVERTED)
    if orientation in range(2, 9):
        notes.append("turned upright as its orientation tag says")
    if _COMPLAINTS.found.pop(get_ident(), 0):
        notes.append("some of its tags are damaged and left out; see that the picture is right")
    colours = page.colormap if photometric == _PALETTE else None
    palette = None if colours is None else (np.asarray(colours).T >> 8).astype(np.uint8)
    return Pixels(values, palette, page.compression in _JPEG, tuple(notes), white)


def _is_plain(page: Any) -> bool:
    """Whether tifffile unpacks it by itself, and as everybody does."""
    deflate, predictor = page.compression in _DEFLATE, int(page.predictor)
    packed = predictor == 1 or (predictor == 2 and deflate)
    return packed and (deflate or page.compression in _PLAIN) and page.bitspersample in _WHOLE


def _frames(axes: str, values: NDArray) -> NDArray:
    """Pages (n, h, w) or (n, h, w, samples)."""
    if axes.endswith("SYX"):  # each colour in a plane of its own
        values, axes = np.moveaxis(values, -3, -1), f"{axes[:-3]}YXS"
    frame = values.shape[axes.index("YX") :]
    values = values.reshape(-1, *frame)
    return values[..., 0] if frame[2:] == (1,) else values


def _white(values: NDArray) -> float:
    """What 0 becomes where white is to be high."""
    if values.dtype.kind == "f":
        return float(values.max() + values.min())
    return float(~values.dtype.type(0))


def _by_pillow(path: Path, dtype: np.dtype) -> NDArray:
    """Pages in a compression that tifffile leaves to others; Pillow turns them upright itself."""
    pages = []
    with Image.open(path) as image:
        for page in ImageSequence.Iterator(image):
            if (page.mode, str(dtype)) not in _FAITHFUL:
                raise DataError(
                    f"{path}: {dtype} values in a compression of which they cannot be read "
                    "unchanged. Save it uncompressed or with Deflate."
                )
            pages.append(np.asarray(page))
    return np.stack(pages)


def _before(axes: str) -> int:
    """How many axes count pages; behind them lie those of a page."""
    return len(axes.replace("SYX", "YX").split("YX")[0])


def _depth(axes: str, shape: tuple[int, ...]) -> int | None:
    """The axis that counts slices: Z, or one without a name, or whatever there is besides a few
    channels; None: there is one slice."""
    there = [i for i in range(_before(axes)) if shape[i] > 1]
    named = [i for name in "ZQI" for i in there if axes[i] == name]
    others = [i for i in there if axes[i] != "C" or shape[i] > _FEW]
    return next(iter([*named, *others]), None)


def _axes(path: Path, axes: str, shape: tuple[int, ...]) -> tuple[int, int, tuple[str, ...]]:
    """How many slices and how many volumes the pages are, and what is to be said of it."""
    depth = _depth(axes, shape)
    pages = int(np.prod(shape[: _before(axes)], dtype=int))
    if depth is None:
        return 1, pages, ()
    slices, word = shape[depth], {"C": "channels", "T": "time points"}.get(axes[depth])
    said = f"{path.name}: its {slices} {word} are taken as slices, as it has no others"
    return slices, pages // slices, (said,) if word else ()


def _sizes(path: Path, tif: tifffile.TiffFile) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """(x, y, z, volumes) upright, and what is to be said of the axes."""
    series = _series(path, tif)
    slices, volumes, said = _axes(path, series.axes, series.shape)
    page = tif.pages.first
    size = int(page.imagewidth), int(page.imagelength)
    shape = (*(size[::-1] if _orientation(page) > 4 else size), slices, volumes)
    check_shape(path, shape)
    return shape, said


def _read(path: Path) -> Stored:
    """Axial slices from the lowest up, the front on top and the patient's right on the left."""
    with _opened(path) as tif:
        shape, said = _sizes(path, tif)
        series = _series(path, tif)
        pixels = _pixels(path, tif)
        spacing, about = spacing_of(path, tif)
    values = pixels.values
    if values.ndim == 4:
        if np.ptp(values, axis=-1).any():
            raise DataError(
                f"{path}: pages of {values.shape[-1]} colours, grey was expected. Save one file "
                "per channel."
            )
        values = values[..., 0]
    notes = [f"{path.name}: {note}" for note in pixels.notes]
    if pixels.palette is not None:
        notes.append(f"{path.name}: the indices of its palette are taken, not its colours")
    counts = series.shape[: _before(series.axes)]
    data = values.reshape(*counts, *values.shape[1:])
    depth = _depth(series.axes, series.shape)
    data = data[None] if depth is None else np.moveaxis(data, depth, 0)
    data = data.reshape(*shape[2:], *values.shape[1:])
    data = np.asarray(data, dtype=np.float32).transpose(3, 2, 0, 1)[::-1, ::-1]
    return Stored(
        data=data.reshape(plain_shape(shape)), affine=np.diag([*spacing, 1.0]), placed=False,
        notes=(*notes, *said, *about), white=pixels.white,
    )  # fmt: skip


def _probe(path: Path) -> Header:
    with _opened(path) as tif:
        shape, _ = _sizes(path, tif)
        spacing, _ = spacing_of(path, tif)
    return Header(plain_shape(shape), np.diag([*spacing, 1.0]))


FORMAT = Format(_read, _probe)
