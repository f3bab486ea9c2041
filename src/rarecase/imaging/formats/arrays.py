"""NumPy arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.bounds import check_archive
from rarecase.errors import DataError
from rarecase.imaging.formats.base import (
    Format,
    Header,
    Stored,
    check_affine,
    check_shape,
    plain_shape,
    refusing,
)

_SAVE = "Save it again with numpy.save or numpy.savez."


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


ARRAYS = Format(_read_array, _probe_array)
