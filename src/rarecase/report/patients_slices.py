"""What the cache of slices and the segmenters' masks say of each case: how large its tumour is,
whether its images look like the others', and its slices for the viewer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.deploy.out_of_distribution import FEWEST, OutOfDistribution, brightness
from rarecase.report.overlays import SliceReader
from rarecase.report.run_files import RunFiles
from rarecase.report.slices_packed import Mask, Pixels, Stack, spread

_LOOKED_AT = 32  # slices of a case that say how bright it is


@dataclass(frozen=True, eq=False)
class CaseSlices:
    """A case in the cache: `rows` its n slices there; true and predicted pixels of each (n,), None
    where nobody knows; `bits` packed masks, of which those at `positions` (n,) are its own: by the
    network of the first repeat that has not seen it."""

    case: str
    rows: pd.DataFrame
    true: Ints | None
    predicted: Ints | None = None
    bits: Mask | None = None
    positions: Ints | None = None


def cases_of(run: RunFiles, reader: SliceReader) -> dict[str, CaseSlices]:
    """Every case of the cache by its name."""
    masks = {case: (mine, bits) for case, mine, bits in _tested(run, reader)}
    found = {}
    for name, rows in reader.rows.groupby(reader.rows["case"].astype(str), sort=False):
        case, rows = str(name), rows.sort_values("row")
        true = None
        if reader.masks is not None and bool(rows["has_mask"].all()):
            true = rows["tumour"].to_numpy(np.int64)
        found[case] = CaseSlices(case, rows, true)
        if case in masks and (mine := masks[case][0])["row"].tolist() == rows["row"].tolist():
            found[case] = replace(
                found[case], predicted=mine["predicted"].to_numpy(np.int64), bits=masks[case][1],
                positions=mine.index.to_numpy(np.int64),
            )  # fmt: skip
    return found


def _tested(run: RunFiles, reader: SliceReader) -> Iterator[tuple[str, pd.DataFrame, Mask]]:
    """Each test case of the first repeat, its rows among its fold's masks, and these."""
    first = min((fold.repeat for fold in run.folds), default=0)
    for fold in run.folds:
        predicted = reader.predicted(fold.path) if fold.repeat == first else None
        if predicted is None:
            continue
        rows, bits = predicted
        rows = rows[rows["part"] == "test"] if "part" in rows else rows
        for case, mine in rows.groupby(rows["case"].astype(str), sort=False):
            yield str(case), mine.sort_values("row"), bits


def volumes_of(cases: Iterable[CaseSlices], spacing: Mapping[str, list[float]]) -> pd.DataFrame:
    """By case the columns true and predicted, NaN where unknown: in ml where `spacing` (mm of a
    pixel and between slices) is known of every case, else in pixels."""
    cases = list(cases)
    measured = in_ml([each.case for each in cases], spacing)
    rows = {}
    for each in cases:
        pixel, step = spacing[each.case] if measured else (1.0, 1.0)
        unit = pixel**2 * step / (1000 if measured else 1)
        rows[each.case] = {
            name: np.nan if pixels is None else float(pixels.sum()) * unit
            for name, pixels in (("true", each.true), ("predicted", each.predicted))
        }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["true", "predicted"])


def in_ml(cases: Iterable[str], spacing: Mapping[str, list[float]]) -> bool:
    """Whether volumes of all cases are known in millilitres."""
    return all(case in spacing for case in cases)


def stack_of(case: CaseSlices, reader: SliceReader, *, patient: int, words: str) -> Stack:
    """A case for the viewer; `patient`: the row of the table that it belongs to."""
    none = np.zeros(len(case.rows), dtype=np.int64)
    areas = [none if pixels is None else pixels for pixels in (case.true, case.predicted)]
    return Stack(
        case=case.case, patient=patient, words=words,
        numbers=case.rows["slice"].to_numpy(np.int64), areas=np.maximum(*areas),
        read=partial(_read, case, reader),
    )  # fmt: skip


def _read(
    case: CaseSlices, reader: SliceReader, at: Ints
) -> tuple[Pixels, Mask | None, Mask | None]:
    rows = case.rows["row"].to_numpy(np.int64)[at]
    images = np.asarray(reader.images[rows, reader.channel], dtype=np.float32)
    true = predicted = None
    if case.true is not None and reader.masks is not None:
        true = (np.asarray(reader.masks[rows]) > 0).astype(np.uint8)
    if case.bits is not None and case.positions is not None:
        bits = np.asarray(case.bits[case.positions[at]])
        predicted = np.unpackbits(bits, axis=-1, count=images.shape[-1])
    return images, true, predicted


def looks_of(cases: Iterable[CaseSlices], reader: SliceReader) -> dict[str, Floats]:
    """How the brightness of each case is distributed, as `predict` sees it, channel by channel: by
    every other pixel, and of many slices by some, evenly spaced."""
    found = {}
    for case in cases:
        rows = case.rows["row"].to_numpy(np.int64)
        images = np.asarray(reader.images[rows[spread(rows, _LOOKED_AT)]], dtype=np.float32)
        found[case.case] = np.concatenate(
            [brightness(channel) for channel in images.swapaxes(0, 1)]
        )
    return found


def how_unlike(looks: Mapping[str, Floats], tested: pd.DataFrame) -> dict[str, float]:
    """How far each case lies off those that its fold's training patients have, as a part of the
    limit of `OutOfDistribution`: above 1 it looks unlike them; of several repeats the largest.

    `tested`: case, patient, repeat and fold of every test case. Cases of folds with too few others
    are left out.
    """
    found: dict[str, float] = {}
    for _, fold in tested.groupby(["repeat", "fold"]):
        inside = [case for case in fold["case"] if case in looks]
        others = [look for case, look in looks.items() if case not in set(fold["case"])]
        if len(others) < FEWEST or not inside:
            continue
        known = OutOfDistribution.fit(np.stack(others))
        scores = known.score(np.stack([looks[case] for case in inside])) / known.limit
        for case, score in zip(inside, scores.tolist(), strict=True):
            found[case] = max(score, found.get(case, 0.0))
    return found
