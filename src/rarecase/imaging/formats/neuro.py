"""Formats of neuroimaging beside NIfTI, through nibabel: FreeSurfer's MGH, MINC, AFNI, Philips
PAR/REC, and pairs of header and voxels (NIfTI, Analyze)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    Format,
    Header,
    Stored,
    check_affine,
    check_room,
    check_shape,
    header_alone,
    plain_shape,
    refusing,
    says_nothing,
)
from rarecase.imaging.formats.content import unpacked
from rarecase.imaging.formats.nifti_place import Place, place_in

_NAMES = {".mgz": "FreeSurfer", ".mgh": "FreeSurfer", ".mnc": "MINC", ".head": "AFNI",
          ".par": "PAR/REC", ".hdr": "NIfTI or Analyze"}  # fmt: skip
_VOXELS = {".head": (".BRIK", ".BRIK.gz"), ".par": (".REC",), ".hdr": (".img", ".img.gz")}
_AGAIN = "Copy or export it again, or convert it to NIfTI with the tools that wrote it."


def _open(path: Path) -> tuple[Any, tuple[int, ...], Place]:
    """nibabel's image, its shape as (i, j, k[, c]), and where it lies; without forms where the
    header does not vouch for that."""
    suffix = path.suffix.lower()
    _check_halves(path, suffix)
    with refusing(path, f"not a {_NAMES[suffix]} file, or a damaged one", _AGAIN):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what PAR files leave open, nothing moves voxels
            image: Any = _load(path)
        shape, dtype = tuple(int(n) for n in image.shape), np.dtype(image.get_data_dtype())
    if _time_first(suffix, shape):
        shape = (*shape[1:], shape[0])
    check_shape(path, shape)
    if dtype.kind not in "iufb":
        raise DataError(f"{path}: voxels of type {dtype}, plain numbers were expected.")
    place = _place(path, image, shape)
    check_affine(path, place.affine)
    if suffix in (".mgz", ".mgh"):
        needed = int(np.prod(shape)) * dtype.itemsize
        check_room(path, needed, squeezed=True)
    return image, shape, place


def _place(path: Path, image: Any, shape: tuple[int, ...]) -> Place:
    if isinstance(image, nib.Nifti1Pair):
        return place_in(path, image.header, image.header, shape)
    affine = np.asarray(image.affine, dtype=np.float64)
    if isinstance(image, nib.MGHImage):
        vouched = bool(image.header["goodRASFlag"])
    else:
        vouched = not isinstance(image, nib.AnalyzeImage)
    return Place(affine, {"header": affine} if vouched else {})


def _load(path: Path) -> Any:
    if path.suffix.lower() in (".mgz", ".mgh"):
        with unpacked(path) as (file, squeezed):
            if squeezed != (path.suffix.lower() == ".mgz"):  # nibabel goes by the name
                return nib.MGHImage.from_bytes(file.read())
    try:
        return nib.load(path)
    except ImportError:
        raise DataError(
            f"{path}: a MINC 2 file, which is read by h5py. Install it: pip install h5py."
        ) from None


def _check_halves(path: Path, suffix: str) -> None:
    """Refuse a header whose voxels are missing."""
    names = _VOXELS.get(suffix)
    if names is None:
        return
    low = {file.name.lower() for file in path.parent.iterdir()}
    wanted = [path.name[: -len(suffix)] + name for name in names]
    if not low & {name.lower() for name in wanted}:
        raise header_alone(path, wanted[0])


def _time_first(suffix: str, shape: tuple[int, ...]) -> bool:
    """MINC counts time before space."""
    return suffix == ".mnc" and len(shape) == 4


def _probe(path: Path) -> Header:
    _, shape, place = _open(path)
    return Header(plain_shape(shape), place.affine)


def _read(path: Path) -> Stored:
    image, shape, place = _open(path)
    with refusing(path, "the voxels cannot be read, the file is truncated or damaged", _AGAIN):
        data = np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged"))
    if _time_first(path.suffix.lower(), tuple(image.shape)):
        data = np.moveaxis(data, 0, -1)
    return Stored(
        data=data.reshape(plain_shape(shape)),
        affine=place.affine,
        placed=bool(place.forms) and not says_nothing(place.affine),
        notes=place.notes,
        forms=place.forms if isinstance(image, nib.Nifti1Pair) else {},
    )


FORMAT = Format(_read, _probe)
