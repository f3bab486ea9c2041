"""Masks of a fold's slices, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.files import write_table
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold
from rarecase.pipeline.step import Context
from rarecase.segmenter import PackedMasks, Segmenter, predict_masks
from rarecase.segmenter.feeding import feed
from rarecase.segmenter.outlines import SCORES, score_outlines


@dataclass(frozen=True)
class Look:
    """Who predicts which slices (rows of the cache), and whether from their mirror images too."""

    segmenter: Segmenter
    rows: np.ndarray
    flips: bool


def predict_volumes(
    context: Context, fold: Fold, looks: Sequence[Look], *, folder: Path
) -> PackedMasks:
    """Write predicted.npy, rows.parquet and volumes.csv; returns the masks."""
    fabric = make_fabric(context.settings.compute)
    samples, height, width = fold.cache.masks.shape
    bits = PackedMasks.create(folder / "predicted.npy", samples=samples, height=height, width=width)
    pixels = np.zeros(samples, dtype=np.int64)
    for look in looks:
        slices = feed(look.segmenter, fold.cache, planes=context.settings.slices.planes)
        for part, masks in predict_masks(
            look.segmenter, slices, rows=look.rows, fabric=fabric, flips=look.flips
        ):
            bits[part] = np.packbits(masks, axis=-1)
            pixels[part] = masks.sum(axis=(1, 2))
    bits.flush()
    rows = fold.cache.rows.assign(part=fold.parts(), predicted=pixels)
    packed = PackedMasks(folder / "predicted.npy", width=width)
    write_table(folder / "volumes.csv", _scored(fold, rows, packed))
    write_table(folder / "rows.parquet", rows)
    return packed


def _scored(fold: Fold, rows: pd.DataFrame, predicted: PackedMasks) -> pd.DataFrame:
    """Scores of every case with a mask."""
    columns = ["case", "patient", "label", "part", *SCORES, "slices"]
    spacing, scores = fold.cache.meta.get("spacing", {}), [pd.DataFrame(columns=columns)]
    for case, mine in rows[rows["has_mask"]].groupby("case", sort=True):
        at = mine["row"].to_numpy()
        score = score_outlines(
            predicted.read(at), fold.cache.masks[at], mine, spacing=spacing.get(case)
        )
        scores.append(score.assign(**mine.iloc[0][["patient", "label", "part"]]))
    found: pd.DataFrame = pd.concat(scores[1:] or scores)[columns]
    return found
