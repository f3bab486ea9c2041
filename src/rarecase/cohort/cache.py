"""All slices of a cohort at one size, normalised, in two memory-mapped arrays on disk."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.cohort.case import Case, Cohort
from rarecase.cohort.load import CaseArrays, load_groups
from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import read_json, replacing_directory, write_json
from rarecase.imaging.normalise import Scale, apply_scale, fit_scale
from rarecase.imaging.slices import fit_square, fit_square_masks
from rarecase.progress import task

_log = logging.getLogger(__name__)

Normalise = Literal["case", "none"]

_KIND = "rarecase slices"
_ROWS = ["row", "case", "patient", "label", "slice", "has_mask", "tumour"]
# A slice in which fewer pixels than this rise above the background holds no tissue.
_EMPTY_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class SliceCache:
    """Slices on disk, opened by `SliceCache.open`.

    images: (n, c, size, size) float32 memory map, 0 in the background. masks: (n, size, size)
    uint8 of 0 and 1 (0 where there is none). rows: row, case, patient, label, slice, has_mask,
    tumour (mask pixels). meta: how it was made.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    rows: pd.DataFrame
    channels: tuple[str, ...]
    meta: dict[str, Any]

    @staticmethod
    def open(path: str | Path) -> SliceCache:
        """Open what `cache_slices` wrote; a part that is missing or does not fit is named."""
        folder = Path(path)
        meta = read_json(folder / "meta.json")
        if not isinstance(meta, dict) or meta.get("kind") != _KIND:
            raise DataError(f"{folder}: not a cache of slices (meta.json says nothing of it).")
        rows = _read_rows(folder / "rows.parquet")
        channels, size = tuple(meta["channels"]), int(meta["size"])
        square = (size, size)
        return SliceCache(
            images=_map(folder / "images.npy", (len(rows), len(channels), *square), "float32"),
            masks=_map(folder / "masks.npy", (len(rows), *square), "uint8"),
            rows=rows,
            channels=channels,
            meta=meta,
        )


def cache_slices(
    cohort: Cohort,
    out: str | Path,
    size: int,
    *,
    normalise: Normalise = "case",
    skip_empty: bool = False,
) -> None:
    """Write every slice of the cohort, fitted to size x size, into the folder `out`.

    normalise: 'case' as in `rarecase.imaging.apply_scale`; 'none' keeps raw values, less the
    background where that is not 0 already. skip_empty: leave out axial slices of volumes without
    tissue (less than 1 % of the pixels above the background in every channel) and without tumour.
    One case is in memory at a time. `out` must be new, empty, or an earlier cache, which is
    replaced when the new one is complete. Raises DataError naming the case and file.
    """
    out = Path(out)
    if size < 8:
        raise SettingError(f"size: {size}, at least 8 pixels were expected.")
    if normalise not in get_args(Normalise):
        known = get_args(Normalise)
        raise SettingError(f"normalise: {normalise!r} is unknown; {nearest(normalise, known)}")
    _refuse_to_overwrite(out)
    rows: list[tuple[Any, ...]] = []
    skipped: dict[str, int] = {}
    square = (size, size)
    with (
        replacing_directory(out) as folder,
        _GrowingArray(folder / "images.npy", (len(cohort.channels), *square), "float32") as images,
        _GrowingArray(folder / "masks.npy", square, "uint8") as masks,
        task("slices", total=len(cohort.cases)) as bar,
    ):
        for case in cohort.cases:
            found = _case_slices(case, cohort.channels, size, normalise, skip_empty)
            images.append(found.images)
            masks.append(found.masks)
            rows += [
                (len(rows) + i, case.case, case.patient, case.label, number, has_mask, tumour)
                for i, (number, has_mask, tumour) in enumerate(found.rows)
            ]
            if found.skipped:
                skipped[case.case] = found.skipped
            bar.advance(note=case.case)
        images.finish()
        masks.finish()
        pd.DataFrame(rows, columns=_ROWS).to_parquet(folder / "rows.parquet", index=False)
        meta = {
            "kind": _KIND,
            "layout": cohort.layout,
            "channels": list(cohort.channels),
            "classes": list(cohort.classes),
            "size": size,
            "normalise": normalise,
            "skip_empty": skip_empty,
            "slices": len(rows),
            "skipped": {"slices": sum(skipped.values()), "by_case": skipped},
        }
        write_json(folder / "meta.json", meta)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A case's slices at network size; rows: number, has_mask, tumour pixels of each."""

    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    rows: list[tuple[int, bool, int]]
    skipped: int


def _case_slices(
    case: Case, channels: Sequence[str], size: int, normalise: Normalise, skip_empty: bool
) -> _Fitted:
    groups = load_groups(case, channels)
    # One scale a case and channel, whatever sizes its pictures have.
    scales = [
        fit_scale(np.concatenate([group.images[:, c].ravel() for group in groups]))
        for c in range(len(channels))
    ]
    images, masks, numbers, has_mask = [], [], [], []
    skipped = 0
    for group in groups:
        keep = np.ones(len(group.images), dtype=bool)
        if skip_empty and not case.slices:
            keep = _with_tissue(group, scales)
            skipped += int((~keep).sum())
        images.append(fit_square(_scaled(group.images[keep], scales, normalise), size))
        none = np.zeros((int(keep.sum()), size, size), dtype=np.uint8)
        masks.append(none if group.masks is None else fit_square_masks(group.masks[keep], size))
        numbers.append(group.numbers[keep])
        has_mask.append(group.has_mask[keep])
    number = np.concatenate(numbers)
    order = np.argsort(number, kind="stable")
    all_masks = np.concatenate(masks)[order]
    tumour = all_masks.sum(axis=(1, 2), dtype=np.int64)
    there = np.concatenate(has_mask)[order]
    rows = [(int(n), bool(h), int(t)) for n, h, t in zip(number[order], there, tumour, strict=True)]
    return _Fitted(np.concatenate(images)[order], all_masks, rows, skipped)


def _scaled(
    images: NDArray[np.float32], scales: Sequence[Scale], normalise: Normalise
) -> NDArray[np.float32]:
    out = np.empty(images.shape, dtype=np.float32)
    for channel, scale in enumerate(scales):
        values = images[:, channel]
        if normalise == "case":
            out[:, channel] = apply_scale(values, scale)
        else:
            out[:, channel] = values - np.float32(scale.background)
    return out


def _with_tissue(group: CaseArrays, scales: Sequence[Scale]) -> NDArray[np.bool_]:
    keep = np.zeros(len(group.images), dtype=bool)
    for channel, scale in enumerate(scales):
        above = np.abs(group.images[:, channel] - np.float32(scale.background))
        keep |= (above > (scale.ramp or 0)).mean(axis=(1, 2)) >= _EMPTY_SHARE
    if group.masks is not None:
        keep |= group.masks.any(axis=(1, 2))
    return keep


class _GrowingArray:
    """An .npy file that grows along its first axis; the header is put right at the end.

    NumPy leaves room in the header for that axis to grow, so the length need not be known before.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self._path = path
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._length = 0
        self._file: BinaryIO = path.open("wb")
        self._header = self._write_header()

    def __enter__(self) -> _GrowingArray:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, values: NDArray) -> None:
        """Add values (n, *shape)."""
        assert values.shape[1:] == self._shape
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self._length += len(values)

    def finish(self) -> None:
        """Write the final length and close."""
        self._file.seek(0)
        assert self._write_header() == self._header
        self._file.close()

    def _write_header(self) -> int:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._length, *self._shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()


def _refuse_to_overwrite(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out}: a file is in the way of the cache of slices. Choose another.")
    meta = out / "meta.json"
    ours = meta.is_file() and _KIND in meta.read_text(encoding="utf-8", errors="replace")
    if any(out.iterdir()) and not ours:
        raise DataError(f"{out}: holds other files, which are left alone. Choose an empty folder.")


def _read_rows(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path}: no such file, the cache is not complete. Make it again.")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a Parquet file ({error}). Make the cache again.") from None


def _map(path: Path, shape: tuple[int, ...], dtype: str) -> NDArray:
    try:
        array: NDArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, the cache is not complete.") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: damaged ({error}). Make the cache again.") from None
    if array.shape != shape or array.dtype != dtype:
        raise DataError(
            f"{path}: {array.dtype} of shape {array.shape}, {dtype} of {shape} was expected from "
            "meta.json and rows.parquet. Make the cache again."
        )
    return array
