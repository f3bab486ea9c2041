"""`outline_size`: how large the outlined tumour is and how many slices there are, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rarecase.features.feature_set import outlined
from rarecase.features.sources.contract import Source, SourceData
from rarecase.features.store import FeatureStore
from rarecase.segmenter.unet import UNet


class OutlineSize(Source):
    """The baseline that knows no image: what a class owes to size alone."""

    def __init__(self, name: str = "outline_size") -> None:
        self.name = name

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        return (3,)

    def transform(self, data: SourceData, *, out: Path) -> FeatureStore:
        """Log pixels of mask, slices that show it, slices in all, (patients, 3); and a row per
        patient, sorted, whose `predicted` is the sum."""
        rows = outlined(data.samples, data.masks)
        each, shown = rows.groupby("patient"), rows["predicted"] > 0
        pixels = each["predicted"].sum()
        about = each.first().reset_index().assign(row=np.arange(len(pixels)))
        about["predicted"] = pixels.to_numpy()
        sizes = np.stack([np.log1p(pixels), shown.groupby(rows["patient"]).sum(), each.size()], 1)
        with FeatureStore.create(
            out, block=self.name, shape=(3,), rows=about, seen=data.segmenter.seen, dtype="float64"
        ) as store:
            store.append(sizes)
        return FeatureStore.open(out)
