"""`outline_size`: how large the outlined tumour is and how many slices there are, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.arrays import Floats
from rarecase.features.sources.contract import Source, SourceData, outlined
from rarecase.features.store import FeatureStore
from rarecase.segmenter.unet import UNet


class OutlineSize(Source):
    """The baseline that knows no image: what a class owes to size alone."""

    def __init__(self, name: str = "outline_size") -> None:
        self.name = name

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        return (3,)

    def transform(self, data: SourceData, *, out: Path) -> FeatureStore:
        sizes, rows = outline_sizes(outlined(data.samples, data.masks))
        with FeatureStore.create(
            out, block=self.name, shape=(3,), rows=rows, seen=sorted(data.segmenter.seen),
            dtype="float64",
        ) as store:  # fmt: skip
            store.append(sizes)
        return FeatureStore.open(out)


def outline_sizes(rows: pd.DataFrame) -> tuple[Floats, pd.DataFrame]:
    """Log pixels of mask, slices that show it, slices in all, (patients, 3); and a row per patient,
    sorted, whose `predicted` is the sum."""
    each = rows.groupby("patient")
    pixels, shown = each["predicted"].sum(), (rows["predicted"] > 0).groupby(rows["patient"]).sum()
    about = each.first().reset_index().assign(row=np.arange(len(pixels)))
    about["predicted"] = pixels.to_numpy()
    return np.stack([np.log1p(pixels), shown, each.size()], 1), about
