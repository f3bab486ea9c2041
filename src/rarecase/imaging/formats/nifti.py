"""NIfTI-1 and NIfTI-2, plain and gzipped (by content, whatever the name), through nibabel."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    AGAIN,
    Format,
    Header,
    Stored,
    check_room,
    check_shape,
    plain_shape,
    refusing,
    says_nothing,
)
from rarecase.imaging.formats.content import really, unpacked
from rarecase.imaging.formats.nifti_place import Place, place_in

_LARGE = 2**28  # bytes of voxels; above, a gzipped file is unpacked once to see that they are there
_DAMAGED = "not a NIfTI file, or a truncated or damaged one"
_QUIET = logging.getLogger(f"{__name__}.mended")  # what matters of it is said in our own words
_QUIET.setLevel(logging.CRITICAL)
_FIRST = 1024  # bytes that tell what a file is


@dataclass(frozen=True, eq=False)
class _Opened:
    """header: nibabel's, mended where it can be; needed: the bytes that the voxels take."""

    header: Any
    shape: tuple[int, ...]
    needed: int
    place: Place


def _open(path: Path, file: IO[bytes], *, squeezed: bool) -> _Opened:
    with refusing(path, _DAMAGED, AGAIN):
        first = file.read(_FIRST)
        file.seek(0)
        _refuse_another(path, first)
        kind: Any = nib.Nifti2Header if first[4:7] == b"n+2" else nib.Nifti1Header
        raw = kind.from_fileobj(file, check=False)
        header = raw.copy()
        header.check_fix(logger=_QUIET)
        shape, dtype = tuple(int(n) for n in header.get_data_shape()), header.get_data_dtype()
    check_shape(path, shape)
    if dtype.kind not in "iuf":
        raise DataError(f"{path}: voxels that are {_kind(dtype)}.")
    place = place_in(path, raw, header, shape)
    needed = int(np.prod(shape)) * int(dtype.itemsize)
    check_room(path, needed, squeezed=squeezed)
    return _Opened(header, plain_shape(shape), needed, place)


def _kind(dtype: np.dtype[Any]) -> str:
    if dtype.names:
        return "colours (RGB), one number each was expected: export the grey image"
    if dtype.kind == "c":
        return "complex, plain numbers were expected: save their magnitude"
    return f"of type {dtype}, plain numbers were expected"


def _refuse_another(path: Path, first: bytes) -> None:
    """What is something else by its first bytes is called so."""
    if first[344:347] == b"n+1" or first[4:7] == b"n+2":
        return
    if what := really(first):
        raise DataError(f"{path}: {_DAMAGED}; it is {what}.")
    if first[344:348] == b"ni1\0":
        raise DataError(
            f"{path}: the header of a NIfTI pair, whose voxels lie in a file of its own. Give both "
            "one name, ending in .hdr and .img."
        )
    raise DataError(f"{path}: {_DAMAGED}. {AGAIN}")


def _probe(path: Path) -> Header:
    with unpacked(path) as (file, squeezed):
        found = _open(path, file, squeezed=squeezed)
    return Header(found.shape, found.place.affine)


def _read(path: Path) -> Stored:
    with unpacked(path) as (file, squeezed):
        found = _open(path, file, squeezed=squeezed)
        with refusing(path, "the voxels cannot be read, the file is truncated or damaged", AGAIN):
            if squeezed and found.needed >= _LARGE:
                _check_unpacked(file, found.needed)
            data = np.asarray(ArrayProxy(file, found.header), dtype=np.float32)
    place = found.place
    return Stored(
        data=data.reshape(found.shape),
        affine=place.affine,
        placed=bool(place.forms) and not says_nothing(place.affine),
        notes=place.notes,
        forms=place.forms,
    )


def forms_of(path: Path) -> dict[str, tuple[NDArray[np.float64], int]]:
    """The forms of a file's header that can be used, in mm, with their codes, the taken one first;
    empty where it declares none."""
    with unpacked(path) as (file, squeezed):
        found = _open(path, file, squeezed=squeezed)
    return {n: (form, int(found.header[f"{n}_code"])) for n, form in found.place.forms.items()}


def _check_unpacked(file: IO[bytes], needed: int) -> None:
    """Unpack a large file once in pieces: memory for voxels is taken when they are there."""
    there = 0
    file.seek(0)
    while piece := file.read(2**20):
        there += len(piece)
    if there < needed:
        raise EOFError(f"{there:,} bytes after unpacking, {needed:,} expected")


FORMAT = Format(_read, _probe)
