"""Which cases to show, chosen by rank and not by looks, and their slices read from disk."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.files import map_array, read_parquet
from rarecase.imaging.drawing import Overlay
from rarecase.imaging.shown import shown_channel
from rarecase.pipeline import run_folder
from rarecase.report.found import optional_json
from rarecase.report.run_files import RunFiles

log = logging.getLogger(__name__)

ROWS = "rows.parquet"
RANKS = {
    1: {"median": 0.5},
    2: {"best": 0.0, "worst": 1.0},
    3: {"best": 0.0, "median": 0.5, "worst": 1.0},
    4: {"best": 0.0, "median": 0.5, "lower quartile": 0.75, "worst": 1.0},
}
SHOWN = 8


def choose_cases(volumes: pd.DataFrame, *, shown: int = SHOWN) -> pd.DataFrame:
    """Best, median and worst test volumes of every class by Dice, about `shown` in all.

    `volumes` has case, label, dice, repeat, fold; the result has a column `rank` that says which
    is which. A class with fewer volumes shows those it has.
    """
    scored = volumes.dropna(subset=["dice"]).sort_values(
        ["label", "dice", "case"], ascending=[True, False, True]
    )
    classes = scored["label"].nunique()
    ranks = RANKS[min(4, max(1, -(-shown // max(1, classes))))]
    chosen = []
    for _, group in scored.groupby("label"):
        taken: dict[int, str] = {}
        # The extremes name their volume first: of two, the lower one is the worst, not a quartile.
        for name, share in sorted(ranks.items(), key=lambda rank: -abs(rank[1] - 0.5)):
            taken.setdefault(round(share * (len(group) - 1)), name)
        for place, name in sorted(taken.items()):
            chosen.append(group.iloc[[place]].assign(rank=name if len(group) > 1 else "only"))
    return pd.concat(chosen, ignore_index=True) if chosen else scored.assign(rank="")


def dice(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """2 |a ∩ b| / (|a| + |b|); 1 when both are empty.

    >>> dice(np.array([1, 1, 0]), np.array([0, 1, 0]))
    0.6666666666666666
    """
    total = int(a.sum()) + int(b.sum())
    return 1.0 if not total else 2 * int((a & b).sum()) / total


class SliceReader:
    """Images, true masks and predicted masks of a run, read slice by slice."""

    def __init__(self, run: RunFiles) -> None:
        folder = run.root / run_folder.SLICES
        self.images = map_array(folder / "images.npy")
        masks = folder / "masks.npy"
        self.masks = map_array(masks) if masks.is_file() else None
        self.rows = read_parquet(folder / ROWS)
        meta = optional_json(folder / "meta.json") or {}
        channels = [str(c) for c in meta.get("channels") or run.cohort_facts.get("channels") or []]
        self.channel = shown_channel(channels) if channels else 0
        self.channel_name = channels[self.channel] if channels else "image"
        self.channels = channels or ["image"]
        self.spacing: dict[str, list[float]] = meta.get("spacing") or {}

    @staticmethod
    def available(run: RunFiles) -> bool:
        """Whether the cache of slices is there."""
        return all((run.root / run_folder.SLICES / n).is_file() for n in ("images.npy", ROWS))

    def predicted(self, fold: Path) -> tuple[pd.DataFrame, NDArray[np.uint8]] | None:
        """rows.parquet and the packed masks of a fold's segmenter, None when missing."""
        folder = fold / run_folder.SEGMENTER
        if not (folder / ROWS).is_file() or not (folder / "predicted.npy").is_file():
            return None
        rows = read_parquet(folder / ROWS).reset_index(drop=True)
        return rows, map_array(folder / "predicted.npy")

    def overlay(self, case: str, fold: Path, *, title: str, score: float | None) -> Overlay | None:
        """The slice of `case` with the largest tumour: true where known, else predicted."""
        found = self.predicted(fold)
        if found is None:
            return None
        rows, bits = found
        of_case = rows[rows["case"].astype(str) == case]
        if of_case.empty:
            log.warning("%s: no rows of case %s", fold, case)
            return None
        masks = self.masks if of_case["has_mask"].all() else None
        place = int(of_case["predicted" if masks is None else "tumour"].to_numpy().argmax())
        position = int(of_case.index[place])
        row = int(of_case["row"].iloc[place])
        image = np.asarray(self.images[row, self.channel], dtype=np.float32)
        predicted = np.unpackbits(np.asarray(bits[position]), axis=-1, count=image.shape[-1])
        true = None if masks is None else (np.asarray(masks[row]) > 0).astype(np.uint8)
        shown = None if true is None else dice(true, predicted)
        return Overlay(title, case, image, predicted, true=true, dice=score, slice_dice=shown)
