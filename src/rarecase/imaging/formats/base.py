"""What every format of volumes gives, and the limits that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.bounds import check_unpacked
from rarecase.errors import DataError, RarecaseError

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Millimetres to the left, the back and up (as ITK and DICOM count) to those of RAS+."""

AGAIN = "Copy or export it again."
"""What helps against most damage."""

# No scan has more; a damaged header may say so.
MOST_VOXELS = 400_000_000
# Deflate cannot do better than this: a file that claims to unpack to more is damaged.
MOST_SQUEEZED = 1032
# Above it only what is squeezed as little as scans are is unpacked; empty masks may be below.
LARGEST_SQUEEZED = 2 * 2**30


@dataclass(frozen=True, eq=False)
class Stored:
    """A volume in the order of its file.

    data: (i, j, k) or (i, j, k, c) float32, scaling applied. affine: (4, 4) indices to mm, RAS+.
    placed: whether the file says where the volume lies. notes: what is odd about it. forms: of a
    header that may say twice where it lies (NIfTI), the affine of each; `affine` is the first.
    white: what 0 became in a file that says that 0 is white; stored was `white` less the value.
    """

    data: NDArray[np.float32]
    affine: NDArray[np.float64]
    placed: bool = True
    notes: tuple[str, ...] = ()
    forms: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    white: float | None = None


@dataclass(frozen=True, eq=False)
class Header:
    """What is known of a volume without its voxels; as in `Stored`."""

    shape: tuple[int, ...]
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class Format:
    """How a kind of file is read, in full or its header alone."""

    read: Callable[[Path], Stored]
    probe: Callable[[Path], Header]


@contextmanager
def refusing(path: Path, what: str, advice: str) -> Iterator[None]:
    """Around reading a file that may be damaged in any way: whatever a library raises becomes a
    `DataError` that names the file. Our own refusals go through as they are."""
    try:
        with np.errstate(all="ignore"):
            yield
    except RarecaseError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        why = lines[-1] if lines else type(error).__name__
        raise DataError(f"{path}: {what} ({why}). {advice}") from None


def by(shape: tuple[int, ...]) -> str:
    """A shape in words.

    >>> by((240, 240, 155))
    '240x240x155'
    """
    return "x".join(str(n) for n in shape)


def check_shape(path: Path, shape: tuple[int, ...]) -> None:
    """Refuse what is no volume, and what no scanner makes."""
    if len(shape) < 3 or any(n < 1 for n in shape) or sum(n > 1 for n in shape[3:]) > 1:
        raise DataError(f"{path}: shape {by(shape)}, a volume (x by y by z) was expected.")
    if np.prod([float(n) for n in shape]) > MOST_VOXELS:
        raise DataError(
            f"{path}: shape {by(shape)}, more than {MOST_VOXELS:,} voxels. Either its header is "
            "damaged, or it must be resampled or cut before."
        )


def check_room(path: Path, needed: int, *, squeezed: bool) -> None:
    """Refuse a file that is too short for the voxels that its header declares, before memory is
    taken for them. needed: bytes of voxels."""
    if squeezed and needed > LARGEST_SQUEEZED:
        check_unpacked(path, needed)
    there = path.stat().st_size * (MOST_SQUEEZED if squeezed else 1)
    if needed > there:
        raise DataError(
            f"{path}: the header declares {needed:,} bytes of voxels, which a file of "
            f"{path.stat().st_size:,} bytes cannot hold. It is truncated, or its header is "
            f"damaged. {AGAIN}"
        )


def header_alone(path: Path, wanted: str) -> DataError:
    """The refusal of a header whose voxels' file is not there."""
    return DataError(
        f"{path}: the header alone; its voxels are missing, {wanted} was expected beside it. "
        "Copy both."
    )


def check_affine(path: Path, affine: NDArray[np.float64]) -> None:
    """Refuse an affine that places nothing."""
    if not np.isfinite(affine).all():
        raise DataError(f"{path}: the header's affine is not finite. Mend the header.")
    if not np.array_equal(affine[3], (0, 0, 0, 1)):
        raise DataError(
            f"{path}: the last row of the affine is {affine[3].tolist()}, 0 0 0 1 was expected."
        )
    lengths = np.sqrt(np.square(affine[:3, :3]).sum(axis=0))
    usable = (lengths > 0).all() and np.isfinite(lengths).all()
    if not usable or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-3:
        raise DataError(
            f"{path}: the header's affine is singular, so the orientation is unknown. "
            "Mend the header (sform or qform)."
        )


def says_nothing(affine: NDArray[np.float64]) -> bool:
    """An affine without origin, axes along the world's: what tools write that know of neither."""
    plain = np.count_nonzero(affine[:3, :3]) == 3 and np.count_nonzero(np.diag(affine)[:3]) == 3
    return bool(plain and not affine[:3, 3].any())


def plain_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(x, y, z), or (x, y, z, c) where there is more than one channel, on whatever further axis.

    >>> plain_shape((4, 5, 6, 1)), plain_shape((4, 5, 6, 1, 2))
    ((4, 5, 6), (4, 5, 6, 2))
    """
    return *shape[:3], *(n for n in shape[3:] if n > 1)
