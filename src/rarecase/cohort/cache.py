"""All slices of a cohort at one size, normalised, in two memory-mapped arrays on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.ahead import ahead, readers
from rarecase.cohort.case import Case, Cohort
from rarecase.cohort.fitting import Fitted, Normalise, fit_case, pixel_of
from rarecase.cohort.load import load_groups
from rarecase.cohort.unreadable import attempt, refuse_unreadable
from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import map_array, read_json, read_parquet, replacing_directory, write_json
from rarecase.progress import task
from rarecase.shown import Brief

_KIND = "rarecase slices"
MOST_AT_ONCE = 4  # cases that are read side by side
_ROWS = ["row", "case", "patient", "label", "slice", "has_mask", "tumour"]


@dataclass(frozen=True, eq=False, repr=False)
class SliceCache(Brief):
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
        rows = read_parquet(folder / "rows.parquet")
        channels, size = tuple(meta["channels"]), int(meta["size"])
        square = (size, size)
        return SliceCache(
            images=_map(folder / "images.npy", (len(rows), len(channels), *square), "float32"),
            masks=_map(folder / "masks.npy", (len(rows), *square), "uint8"),
            rows=rows,
            channels=channels,
            meta=meta,
        )

    def without_masks(self) -> SliceCache:
        """The same slices, as if nobody had drawn a mask."""
        rows = self.rows.assign(has_mask=False, tumour=0)
        return replace(self, rows=rows, masks=np.zeros_like(self.masks))


def cache_slices(
    cohort: Cohort,
    out: str | Path,
    size: int,
    *,
    normalise: Normalise = "tissue",
    skip_empty: bool = False,
    pixel: float | None = None,
) -> None:
    """Write every slice of the cohort, fitted to size x size, into the folder `out`.

    A case per CPU is in memory at a time, at most four, and one more.

    Parameters
    ----------
    out: new, empty, or an earlier cache, which is replaced when the new one is complete.
    normalise: 'tissue' or 'case' (by the foreground), each case by itself, as in
        `rarecase.imaging.fit_scale`; 'none' keeps raw values, less the background where that is
        not 0 already.
    skip_empty: leave out axial slices of volumes without tissue (less than 1 % of the pixels above
        the background in every channel) and without tumour.
    pixel: millimetres of a pixel, for everybody; what lies outside of the middle size x size of
        them is cut off. Without it each slice is padded to a square and resized.

    Raises
    ------
    DataError: names every case that cannot be read, and its file.
    """
    out, square = Path(out), (size, size)
    if size < 8:
        raise SettingError(f"size: {size}, at least 8 pixels were expected.")
    if normalise not in (known := get_args(Normalise)):
        raise SettingError(f"normalise: {normalise!r} is unknown; {nearest(normalise, known)}")
    _refuse_to_overwrite(out)

    read = _reader(cohort, size=size, normalise=normalise, skip_empty=skip_empty, pixel=pixel)
    reasons: dict[str, str] = {}
    rows: list[tuple[Any, ...]] = []
    seen: list[dict[str, Any]] = []
    with (
        replacing_directory(out) as folder,
        _GrowingArray(folder / "images.npy", (len(cohort.channels), *square), "float32") as images,
        _GrowingArray(folder / "masks.npy", square, "uint8") as masks,
        task("slices", total=len(cohort.cases)) as bar,
    ):
        for case, (read_, why) in ahead(read, cohort.cases, workers=readers(MOST_AT_ONCE)):
            bar.advance(note=case.case)
            if read_ is None:
                reasons[case.case] = str(why)
            elif not reasons:  # else the others are only looked at
                found, about = read_
                images.append(found.images)
                masks.append(found.masks)
                at, one = len(rows), (case.case, case.patient, case.label)
                rows += [(at + i, *one, *each) for i, each in enumerate(found.rows)]
                seen.append(about)
        refuse_unreadable(reasons, cases=len(cohort.cases))
        pd.DataFrame(rows, columns=_ROWS).to_parquet(folder / "rows.parquet", index=False)
        chosen = {"size": size, "normalise": normalise, "skip_empty": skip_empty, "pixel": pixel}
        write_json(folder / "meta.json", _meta(cohort, seen) | chosen | {"slices": len(rows)})


def unreadable_cases(
    cohort: Cohort, *, size: int, normalise: Normalise, skip_empty: bool, pixel: float | None
) -> dict[str, str]:
    """The cases that `cache_slices` cannot read, and why. Nothing is written."""
    read = _reader(cohort, size=size, normalise=normalise, skip_empty=skip_empty, pixel=pixel)
    reasons = {}
    with task("reading cases", total=len(cohort.cases)) as bar:
        for case, (_, why) in ahead(read, cohort.cases, workers=readers(MOST_AT_ONCE)):
            bar.advance(note=case.case)
            if why is not None:
                reasons[case.case] = why
    return reasons


_Read = tuple[tuple[Fitted, dict[str, Any]] | None, str | None]


def _reader(
    cohort: Cohort, *, size: int, normalise: Normalise, skip_empty: bool, pixel: float | None
) -> Callable[[Case], _Read]:
    """What reads a case, or says why it cannot."""
    read = partial(
        _fitted, channels=cohort.channels, size=size, normalise=normalise, skip_empty=skip_empty,
        pixel=pixel,
    )  # fmt: skip
    return lambda case: attempt(partial(read, case), cohort.root)


def _fitted(
    case: Case,
    *,
    channels: Sequence[str],
    size: int,
    normalise: Normalise,
    skip_empty: bool,
    pixel: float | None,
) -> tuple[Fitted, dict[str, Any]]:
    """A case's slices, and what `_meta` is told of them."""
    groups = load_groups(case, channels, pixel=pixel)
    found = fit_case(
        groups, size, name=case.case, normalise=normalise, cut=pixel is not None,
        skip_empty=skip_empty and not case.slices,
    )  # fmt: skip
    spacing = groups[0].spacing
    return found, {
        "case": case.case, "skipped": found.skipped, "pixel": pixel_of(groups, size, pixel),
        "step": None if spacing is None else spacing[2],
        "lowest": min(float(group.images.min()) for group in groups),
    }  # fmt: skip


def _meta(cohort: Cohort, seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is known of the slices; of cases where they are known: mm of a pixel as fitted, and
    between slices, over all and of each."""
    skipped = {each["case"]: each["skipped"] for each in seen if each["skipped"]}
    return {
        "kind": _KIND,
        "layout": cohort.layout,
        "channels": list(cohort.channels),
        "classes": list(cohort.classes),
        "pixels": sorted(each["pixel"] for each in seen if each["pixel"] is not None),
        "steps": sorted(each["step"] for each in seen if each["step"] is not None),
        "spacing": {e["case"]: [e["pixel"], e["step"]] for e in seen if e["step"] is not None},
        "lowest": min((each["lowest"] for each in seen), default=np.inf),
        "skipped": {"slices": sum(skipped.values()), "by_case": skipped},
    }


class _GrowingArray:
    """An .npy file that grows along its first axis; the header is put right at the end.

    NumPy leaves room in the header for that axis to grow, so the length need not be known before.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._length = 0
        self._file: BinaryIO = path.open("wb")
        self._header = self._write_header()

    def __enter__(self) -> _GrowingArray:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                assert self._write_header() == self._header

    def append(self, values: NDArray) -> None:
        """Add values (n, *shape)."""
        assert values.shape[1:] == self._shape
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self._length += len(values)

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


def _map(path: Path, shape: tuple[int, ...], dtype: str) -> NDArray:
    array = map_array(path)
    if array.shape != shape or array.dtype != dtype:
        raise DataError(
            f"{path}: {array.dtype} of shape {array.shape}, {dtype} of {shape} was expected from "
            "meta.json and rows.parquet. Make the cache again."
        )
    return array


def case_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per case, in the order in which cases come, with the columns of `rows`: `tumour` and
    `predicted` are sums, `has_mask` says whether any slice has one, `slice` is 0, `row` counts."""
    each = rows.groupby("case", sort=False)
    table = each.first().reset_index()
    for name in {"tumour", "predicted"} & set(rows.columns):
        table[name] = each[name].sum().to_numpy()
    table["has_mask"] = each["has_mask"].any().to_numpy()
    table["slice"], table["row"] = 0, np.arange(len(table))
    return pd.DataFrame(table[rows.columns])


def slices_by_case(rows: pd.DataFrame) -> tuple[NDArray[np.int64], ...]:
    """For each of those cases the rows of its slices, from the first to the last."""
    return tuple(
        mine.sort_values("slice")["row"].to_numpy(dtype=np.int64)
        for _, mine in rows.groupby("case", sort=False)
    )
