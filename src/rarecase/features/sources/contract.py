"""What every source of features is, and what it may look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

import lightning_fabric
import numpy as np
import pandas as pd

from rarecase.cohort.cache import SliceCache
from rarecase.features.store import FeatureStore
from rarecase.files import write_json
from rarecase.segmenter.batches import Slices
from rarecase.segmenter.feeding import feed, sample_rows
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.predict import PackedMasks
from rarecase.segmenter.unet import UNet

Masks = Literal["predicted", "true"]
CARD = "source.json"
KIND = "rarecase feature source"


@dataclass(frozen=True)
class SourceData:
    """What a source may look at: a fold's slices, its segmenter, and who is in which part.

    Parameters
    ----------
    cache: every slice, as the network sees them.
    rows: one row per slice, in the cache's order: row, case, patient, label, slice, has_mask,
        tumour and predicted (pixels of the true and of the predicted mask), part (train,
        validation or test).
    segmenter: the fold's, trained without its test patients.
    predicted: the masks that it predicted, one per slice.
    planes: of a volume, for a network that looks in 3-D.
    masks: the masks under which features are taken: "predicted", or "true" where there is one
        (what the features would be worth if masks were drawn by hand).
    """

    cache: SliceCache
    rows: pd.DataFrame
    segmenter: Segmenter
    predicted: PackedMasks | None
    planes: int
    fabric: lightning_fabric.Fabric
    masks: Masks = "predicted"

    @property
    def slices(self) -> Slices:
        """The slices as the segmenter takes them, one by one or each case as a volume."""
        found: Slices = feed(self.segmenter, self.cache, planes=self.planes)
        return found

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample: a slice, or a case for a network that looks in 3-D."""
        return sample_rows(self.rows, dimensions=self.segmenter.net.dimensions)

    @property
    def training(self) -> np.ndarray:
        """Rows of the slices that may be fitted to."""
        return np.flatnonzero((self.rows["part"] == "train").to_numpy())

    def read_masks(self, rows: np.ndarray) -> np.ndarray:
        """Masks (len(rows), h, w) uint8 of 0 and 1 of slices, as `masks` says."""
        assert self.predicted is not None
        found = self.predicted.read(rows)
        if self.masks == "true":
            known = self.rows["has_mask"].to_numpy(bool)[rows]
            found[known] = self.cache.masks[rows[known]]
        return found


class Source(ABC):
    """A way to features: fitted on training patients alone, applied to anybody.

    `version` goes up when the same data give other numbers; `kind` says what a sample is, maps
    (c, h, w) or a vector (d,); `exact`: computes in float32 whatever precision the study has.
    """

    name: str
    version: ClassVar[int] = 1
    kind: ClassVar[Literal["maps", "vectors"]] = "vectors"
    exact: ClassVar[bool] = False

    @abstractmethod
    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        """The shape of one sample for images of these sides."""

    def fit(self, data: SourceData, *, seed: int) -> Self:
        """Learn from `data.training`, and from nothing else; most sources learn nothing."""
        return self

    @abstractmethod
    def transform(self, data: SourceData, *, out: Path) -> FeatureStore:
        """Features of everybody in `data`, in a new store at `out`."""

    def save(self, folder: Path) -> None:
        """Write what a later `transform` needs besides `data`; `load_source` reads it."""
        write_json(
            folder / CARD,
            {"kind": KIND, "name": self.name, "version": self.version, "samples": self.kind},
        )

    def load(self, folder: Path) -> Self:
        """Take up what `save` wrote."""
        return self


def tumour_slices(rows: pd.DataFrame, training: np.ndarray) -> np.ndarray:
    """The training slices in which the network sees a tumour; a patient's all, where it sees none
    in any."""
    mine = rows.iloc[training]
    seen = mine["predicted"] > 0
    shown = seen | ~mine["patient"].isin(mine.loc[seen, "patient"])
    return training[shown.to_numpy()]
