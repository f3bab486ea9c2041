"""NumPy arrays, and TIFF files of several pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from rarecase.bounds import check_archive
from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    AGAIN,
    Format,
    Header,
    Stored,
    check_affine,
    check_shape,
    plain_shape,
    refusing,
)

_SAVE = "Save it again with numpy.save or numpy.savez."
_PLAIN = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L"}


def _read_array(path: Path) -> Stored:
    """`.npy` of (x, y, z[, c]), right, front, up, 1 mm apart; `.npz` with `data`, and with
    `affine` or `spacing` where its place or size is known."""
    with refusing(path, "not a NumPy file of numbers, or a truncated one", _SAVE):
        if path.suffix.lower() == ".npz":
            check_archive(path)
        loaded = np.load(path, allow_pickle=False, mmap_mode="r" if path.suffix == ".npy" else None)
        if isinstance(loaded, np.ndarray):
            return _stored(path, loaded, None, None)
        with loaded:
            names = loaded.files
            if "data" not in names:
                raise DataError(
                    f"{path}: holds {', '.join(names) or 'nothing'}; expected an array `data`, and "
                    "`affine` (4, 4) or `spacing` (3,) beside it."
                )
            affine = loaded["affine"] if "affine" in names else None
            spacing = loaded["spacing"] if "spacing" in names else None
            return _stored(path, loaded["data"], affine, spacing)


def _stored(path: Path, data: NDArray, affine: NDArray | None, spacing: NDArray | None) -> Stored:
    if data.dtype.kind not in "iufb":
        raise DataError(f"{path}: values of type {data.dtype}, plain numbers were expected.")
    check_shape(path, data.shape)
    placed = np.eye(4)
    if affine is not None:
        if np.shape(affine) != (4, 4):
            raise DataError(f"{path}: affine of shape {np.shape(affine)}, (4, 4) was expected.")
        placed = np.asarray(affine, dtype=np.float64)
    elif spacing is not None:
        if np.shape(spacing) != (3,):
            raise DataError(f"{path}: spacing of shape {np.shape(spacing)}, (3,) was expected.")
        if not (np.asarray(spacing) > 0).all():
            raise DataError(f"{path}: spacing {np.asarray(spacing).tolist()}, mm were expected.")
        placed = np.diag([*np.asarray(spacing, dtype=np.float64), 1.0])
    check_affine(path, placed)
    return Stored(
        data=np.asarray(data, dtype=np.float32).reshape(plain_shape(data.shape)),
        affine=placed, placed=affine is not None,
        notes=() if affine is not None or spacing is not None
        else (f"{path.name} says nothing of voxel sizes; 1 mm is assumed",),
    )  # fmt: skip


def _probe_array(path: Path) -> Header:
    stored = _read_array(path)
    return Header(stored.data.shape, stored.affine)


def _read_pages(path: Path) -> Stored:
    """A TIFF of several pages: axial slices from the lowest up, the front on top and the patient's
    right on the left."""
    with (
        refusing(path, "not a TIFF that can be read, or a truncated one", AGAIN),
        Image.open(path) as image,
    ):
        check_shape(path, (image.width, image.height, getattr(image, "n_frames", 1)))
        pages: list[NDArray[np.float32]] = []
        for page in ImageSequence.Iterator(image):
            if page.mode not in _PLAIN:
                raise DataError(
                    f"{path}: page {len(pages) + 1} has the colour mode {page.mode!r}, grey "
                    "was expected. Save one file per channel."
                )
            pages.append(np.asarray(page, dtype=np.float32))
    if len({page.shape for page in pages}) > 1:
        raise DataError(f"{path}: its pages are of several sizes. Save them at one.")
    data = np.stack(pages).transpose(2, 1, 0)[::-1, ::-1]
    return Stored(
        data=data, affine=np.eye(4), placed=False,
        notes=(f"{path.name} says nothing of voxel sizes; 1 mm is assumed",),
    )  # fmt: skip


def _probe_pages(path: Path) -> Header:
    with (
        refusing(path, "not a TIFF that can be read, or a truncated one", AGAIN),
        Image.open(path) as image,
    ):
        shape = (image.width, image.height, getattr(image, "n_frames", 1))
    check_shape(path, shape)
    return Header(shape, np.eye(4))


ARRAYS = Format(_read_array, _probe_array)
PAGES = Format(_read_pages, _probe_pages)
