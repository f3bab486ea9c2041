"""NIfTI-1 and NIfTI-2, plain and gzipped, through nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    AGAIN,
    Format,
    Header,
    Stored,
    check_affine,
    check_room,
    check_shape,
    plain_shape,
    refusing,
)

_LARGE = 2**28  # bytes of voxels; above, a gzipped file is unpacked once to see that they are there


def _open(path: Path) -> tuple[Any, tuple[int, ...], int]:
    """The image, its shape, and the bytes that its voxels take."""
    with refusing(path, "not a NIfTI file, or a truncated or damaged one", AGAIN):
        image: Any = nib.load(path)
        shape, dtype, affine = tuple(image.shape), image.get_data_dtype(), image.affine
    check_shape(path, shape)
    if dtype.kind not in "iuf":
        raise DataError(f"{path}: voxels of type {dtype}, plain numbers were expected.")
    check_affine(path, np.asarray(affine, dtype=np.float64))
    shape = tuple(int(n) for n in shape)
    needed = int(np.prod(shape)) * int(dtype.itemsize)
    check_room(path, needed, squeezed=path.suffix.lower() == ".gz")
    return image, plain_shape(shape), needed


def _probe(path: Path) -> Header:
    image, shape, _ = _open(path)
    return Header(shape, np.asarray(image.affine, dtype=np.float64))


def _read(path: Path) -> Stored:
    image, shape, needed = _open(path)
    with refusing(path, "the voxels cannot be read, the file is truncated or damaged", AGAIN):
        _check_unpacked(path, needed)
        data = np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged"))
    header = image.header
    placed = bool(int(header.get("sform_code", 1)) or int(header.get("qform_code", 1)))
    return Stored(
        data=data.reshape(shape),
        affine=np.asarray(image.affine, dtype=np.float64),
        placed=placed and not _says_nothing(image.affine),
    )


def _check_unpacked(path: Path, needed: int) -> None:
    """Unpack a large file once in pieces: memory for voxels is taken when they are there."""
    if path.suffix.lower() != ".gz" or needed < _LARGE:
        return
    there = 0
    with gzip.open(path) as file:
        while piece := file.read(2**20):
            there += len(piece)
    if there < needed:
        raise EOFError(f"{there:,} bytes after unpacking, {needed:,} expected")


def _says_nothing(affine: Any) -> bool:
    """An affine without origin, axes along the world's: what tools write that know of neither."""
    plain = np.count_nonzero(affine[:3, :3]) == 3 and np.count_nonzero(np.diag(affine)[:3]) == 3
    return bool(plain and not affine[:3, 3].any())


FORMAT = Format(_read, _probe)
