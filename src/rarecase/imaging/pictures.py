"""Reading pictures (TIFF, JPEG, PNG) of single slices and of their masks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.mask_rule import as_stored, drawn, levels, single
from rarecase.imaging.stored_picture import StoredPicture, read_stored, size_of
from rarecase.shown import Brief

# Grey saved as RGB JPEG comes back with colour differences of a few levels out of 255.
_GREY_TOLERANCE = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class Picture(Brief):
    """values: of an image (c, h, w) float32, of a mask (h, w) uint8 of 0 and 1. notes: what was
    done to the file's own. labels: of a mask, whole numbers above 0 and in how many pixels."""

    values: NDArray
    notes: tuple[str, ...] = ()
    labels: Mapping[int, int] = field(default_factory=dict)


def read_picture(path: Path, *, channels: int) -> NDArray[np.float32]:
    """Read one picture as (channels, h, w) float32, in the file's own values (0 to 255 for 8 bit),
    upright.

    With `channels=1` an RGB picture whose planes agree within JPEG noise is taken as grey. Raises
    DataError for a missing or damaged file, several pages, or another number of channels.
    """
    return _logged(path, noted_picture(path, channels=channels))


def read_mask_picture(path: Path, *, chosen: Sequence[int] = ()) -> NDArray[np.uint8]:
    """Read a mask picture as (h, w) uint8 of 0 and 1: what is above 0, or of the values `chosen`.

    Of a palette its indices count; of a drawing on a transparent ground what is not transparent;
    of JPEG and of soft edges the nearest of the levels that were drawn (see `levels`).
    """
    return _logged(path, noted_mask(path, chosen=chosen))


def _logged(path: Path, picture: Picture) -> NDArray:
    for note in picture.notes:
        _log.warning("%s: %s", path, note)
    return picture.values


def noted_picture(path: Path, *, channels: int) -> Picture:
    """As `read_picture`, with what there is to say of it."""
    stored = read_stored(path)
    values, notes = _colours(stored)
    planes = _planes(values)
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
    return Picture(np.ascontiguousarray(planes, dtype=np.float32), notes)


def noted_mask(path: Path, *, chosen: Sequence[int] = ()) -> Picture:
    """As `read_mask_picture`, with what there is to say of it."""
    stored = read_stored(path)
    values, notes = as_stored(stored.values.astype(np.float32), stored.notes, white=stored.white)
    if stored.alpha is not None:
        values, said = _through(values, stored.alpha)
        notes += [said] if said else []
    if values.ndim == 3:
        values = single(values, path, chosen)
    if stored.palette is not None and np.any(stored.palette[0]):
        notes.append("the indices of its palette are taken, 0 as background, not its colours")
    values, said = levels(values, lossy=stored.lossy, chosen=chosen)
    notes += [said] if said else []
    found = drawn(values, "it", chosen=chosen)
    return Picture(found.inside.astype(np.uint8), (*notes, *found.said), found.values)


def binarise(values: NDArray[np.float32], *, lossy: bool = False) -> NDArray[np.uint8]:
    """A mask (h, w) of any values as 0 and 1: labels above 0 are 1. What has too many values for
    labels, and with `lossy` (JPEG) everything, is brought to its levels before; a JPEG that never
    rises above compression noise is empty.

    >>> binarise(np.array([[0, 3, 250, 255]], np.float32), lossy=True)
    array([[0, 0, 1, 1]], dtype=uint8)
    >>> binarise(np.array([[0, 3, 2]], np.float32), lossy=True)
    array([[0, 0, 0]], dtype=uint8)
    >>> binarise(np.array([[0, 1, 4]], np.float32))
    array([[0, 1, 1]], dtype=uint8)
    """
    brought, _ = levels(values, lossy=lossy)
    return drawn(brought, "mask").inside.astype(np.uint8)


def is_grey(planes: NDArray[np.float32]) -> bool:
    """Whether three planes (3, h, w) are one grey picture but for JPEG noise."""
    apart = reduce(np.maximum, planes) - reduce(np.minimum, planes)
    return bool(apart.max() <= _GREY_TOLERANCE)


def probe_picture(path: Path) -> tuple[int, int]:
    """Height and width of a picture from its header, upright."""
    return size_of(path)


def count_planes(path: Path) -> int:
    """1 if the picture is grey (also grey kept as RGB), 3 if it has three different planes."""
    planes = _planes(_colours(read_stored(path))[0])
    return 1 if len(planes) == 1 or is_grey(planes) else 3


def _planes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)


def _colours(stored: StoredPicture) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The values of an image, (h, w) or (h, w, 3), and what was done to the file's."""
    values, notes = stored.values, stored.notes
    if stored.palette is not None:
        values = stored.palette[values]
    if stored.alpha is not None and np.ptp(stored.alpha):
        notes = (*notes, "its transparency is left aside")
    return values.astype(np.float32), notes


def _through(
    values: NDArray[np.float32], alpha: NDArray[np.float32]
) -> tuple[NDArray[np.float32], str | None]:
    """A mask with transparency as (h, w): the drawing on a transparent ground, whatever its colour;
    where all is equally opaque the colours."""
    if not np.ptp(alpha):
        return values, None
    colour = values.max(axis=-1) if values.ndim == 3 else values
    seen = alpha > 0
    if not seen.all() and len(np.unique(colour[seen])) > 1 and (colour[seen] == 0).any():
        return np.where(seen, colour, 0), "what is black or transparent in it is background"
    return alpha, "its drawing is what is not transparent"
