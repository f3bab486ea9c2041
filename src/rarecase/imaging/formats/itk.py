"""NRRD and MetaImage (MHA, MHD), through SimpleITK."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    AGAIN,
    FLIP,
    Format,
    Header,
    Stored,
    check_affine,
    check_room,
    check_shape,
    header_alone,
    plain_shape,
    refusing,
)
from rarecase.imaging.formats.content import really
from rarecase.imaging.formats.units import in_mm

_UNITS = re.compile(rb"^(?:space units:|DistanceUnits\s*=)\s*\"?([^\s\"]+)", re.MULTILINE)

_VOXELS = re.compile(rb"^(?:data file:|ElementDataFile\s*=)[ \t]*([^\r\n]+)", re.MULTILINE)


def _open(path: Path) -> tuple[Any, tuple[int, ...], NDArray[np.float64]]:
    """A reader that has seen the header, the shape (i, j, k[, c]) and the affine."""
    first = _check_text(path)
    factor = _factor(first)
    _check_beside(path, first)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    with refusing(path, "not a volume that can be read", AGAIN):
        reader.ReadImageInformation()
        size = tuple(int(n) for n in reader.GetSize())
        parts = int(reader.GetNumberOfComponents())
        affine = np.diag([factor, factor, factor, 1.0]) @ _affine(reader)
    if len(size) > 3 and parts > 1:
        raise DataError(f"{path}: {len(size)} axes of {parts} components each; one volume is read.")
    shape = (*size, parts) if len(size) == 3 and parts > 1 else size
    check_shape(path, shape)
    # A header alone names its voxels' file.
    alone = path.suffix.lower() in (".nhdr", ".mhd")
    if not alone:
        bits = re.search(r"\d+", SimpleITK.GetPixelIDValueAsString(reader.GetPixelID()))
        each = int(bits[0]) // 8 if bits else 1
        check_room(path, int(np.prod([float(n) for n in shape])) * each, squeezed=True)
    check_affine(path, affine)
    return reader, shape, affine


def _affine(image: Any) -> NDArray[np.float64]:
    dimension = len(image.GetSize())
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:3, :3]
    lps = np.eye(4)
    lps[:3, :3] = direction * np.array(image.GetSpacing())[:3]
    lps[:3, 3] = np.array(image.GetOrigin())[:3]
    return np.asarray(FLIP @ lps)


def _factor(first: bytes) -> float:
    """Millimetres of the unit that the first words name, which ITK leaves aside."""
    found = _UNITS.search(first)
    return (in_mm(found[1].decode("latin-1")) if found else None) or 1.0


def _check_text(path: Path) -> bytes:
    """The first words, looked at since ITK takes anything for an image whose name ends like one."""
    with path.open("rb") as file:
        first = file.read(4096)
    known = first.startswith(b"NRRD") if path.suffix.lower() in (".nrrd", ".nhdr") else (
        b"ObjectType" in first or b"NDims" in first
    )  # fmt: skip
    if not known:
        what = really(first)
        raise DataError(
            f"{path}: not a {path.suffix[1:].upper()} file, or a damaged one"
            + (f"; it is {what}." if what else f". {AGAIN}")
        )
    return first


def _check_beside(path: Path, first: bytes) -> None:
    """Refuse a header without the file of voxels that it names."""
    found = _VOXELS.search(first)
    name = found[1].decode("utf-8", errors="replace").strip() if found else ""
    if not name or name.upper().startswith(("LOCAL", "LIST")) or "%" in name:
        return
    if not (path.parent / name).is_file():
        raise header_alone(path, Path(name).name)


def _probe(path: Path) -> Header:
    _, shape, affine = _open(path)
    return Header(plain_shape(shape), affine)


def _read(path: Path) -> Stored:
    reader, shape, affine = _open(path)
    with refusing(path, "the voxels cannot be read, the file is truncated or damaged", AGAIN):
        several = reader.GetNumberOfComponents() > 1
        kind = SimpleITK.sitkVectorFloat32 if several else SimpleITK.sitkFloat32
        reader.SetOutputPixelType(kind)
        values = SimpleITK.GetArrayFromImage(reader.Execute())
    data = np.moveaxis(values.T, 0, -1) if several else values.T  # channels stay last
    data = data.reshape(plain_shape(shape))
    plain = not np.array(reader.GetOrigin())[:3].any() and np.allclose(
        np.array(reader.GetDirection()), np.eye(len(reader.GetSize())).ravel()
    )
    notes = (f"{path.name}: its header does not count in millimetres; brought to them",)
    scaled = _factor(_check_text(path)) != 1
    return Stored(data=data, affine=affine, placed=not plain, notes=notes if scaled else ())


FORMAT = Format(_read, _probe)
