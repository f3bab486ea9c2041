"""`outline_size`: how large the outlined tumour is and how many slices there are, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pandas as pd

from rarecase.features.columns import Columns
from rarecase.features.feature_set import WHOLE, outlined
from rarecase.features.sources.contract import Source, SourceData


class OutlineSize(Source):
    """The baseline that knows no image: what a class owes to size alone."""

    version: ClassVar[int] = 2
    measured: ClassVar[bool] = True

    def __init__(self, name: str = "outline_size") -> None:
        self.name = name

    def rows(self, data: SourceData) -> pd.DataFrame:
        """A row per patient, sorted, whose `predicted` is the sum."""
        each = outlined(data.samples, data.masks).groupby("patient")
        about = each.first().reset_index()
        return about.assign(
            row=np.arange(len(about)), slice=WHOLE, predicted=each["predicted"].sum().to_numpy()
        )

    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        """Log pixels of mask, slices that show it, slices in all, (patients, 3)."""
        rows = outlined(data.samples, data.masks)
        each, shown = rows.groupby("patient"), rows["predicted"] > 0
        sizes = (np.log1p(each["predicted"].sum()), shown.groupby(rows["patient"]).sum())
        yield np.stack([*sizes, each.size()], 1).astype(np.float64)

    def columns(self, data: SourceData) -> Columns:
        return Columns.of(3, names=["log_pixels", "slices_shown", "slices"])
