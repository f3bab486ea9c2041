"""What every source of features is, and what it may look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import lightning_fabric
import numpy as np
import pandas as pd

from rarecase.arrays import Bools
from rarecase.cohort.cache import SliceCache
from rarecase.cohort.case import Case, Cohort
from rarecase.cohort.fitting import case_scales, head_of, unfit
from rarecase.cohort.load import CaseArrays, load_groups
from rarecase.errors import DataError
from rarecase.features.columns import Columns
from rarecase.features.feature_set import Masks
from rarecase.features.store import FeatureStore
from rarecase.features.writing import write_features
from rarecase.files import write_json
from rarecase.progress import unsaid
from rarecase.segmenter.batches import Slices
from rarecase.segmenter.feeding import feed, sample_rows
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.predict import HeldMasks, PackedMasks
from rarecase.segmenter.unet import UNet
from rarecase.shown import Brief

VALUES = 1000  # of a vector, about
CARD = "source.json"
KIND = "rarecase feature source"


@dataclass(frozen=True, repr=False)
class SourceData(Brief):
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
        (what the features would be worth if masks were drawn by hand); "whole": the whole head.
    cases: by id, for sources that read the files themselves, or the table's other columns.
    loaded: of cases that are in memory already, their arrays.
    categorical: columns of the table whose numbers are codes of categories.
    """

    cache: SliceCache
    rows: pd.DataFrame
    segmenter: Segmenter
    predicted: PackedMasks | HeldMasks
    planes: int
    fabric: lightning_fabric.Fabric
    masks: Masks = "predicted"
    cases: Mapping[str, Case] = field(default_factory=dict)
    loaded: Mapping[str, Sequence[CaseArrays]] = field(default_factory=dict)
    categorical: tuple[str, ...] = ()

    @property
    def slices(self) -> Slices:
        """The slices as the segmenter takes them, one by one or each case as a volume."""
        found: Slices = feed(self.segmenter, self.cache, planes=self.planes)
        return found

    @property
    def unchanged(self) -> SourceData:
        """The patients as they are; of augmented copies those that they are of."""
        return self

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample: a slice, or a case for a network that looks in 3-D."""
        return sample_rows(self.rows, dimensions=self.segmenter.net.dimensions)

    @property
    def training(self) -> np.ndarray:
        """Rows of the slices that may be fitted to."""
        return np.flatnonzero((self.rows["part"] == "train").to_numpy())

    def originals(self, case: str) -> Sequence[CaseArrays]:
        """A case as it lies on disk, upright slices of raw intensities: one entry for each size of
        its pictures, one of a volume."""
        if case in self.loaded:
            return self.loaded[case]
        if case not in self.cases:
            raise DataError(f"Case {case!r}: its files are not known any more.")
        with unsaid("rarecase.cohort.load"):  # when slices were cached it was said
            return load_groups(
                self.cases[case], self.cache.channels, pixel=self.cache.meta.get("pixel")
            )

    def flat(self, case: str) -> bool:
        """Whether a case is a series of pictures, which do not say how they lie in space."""
        if case in self.loaded:
            return self.loaded[case][0].spacing is None
        return bool(self.cases[case].slices) if case in self.cases else False

    def masks_on(self, case: str, groups: Sequence[CaseArrays]) -> list[Bools]:
        """The masks (n, h, w) of a case's originals, as `masks` says."""
        rows = self.rows[self.rows["case"] == case]
        at, cut = rows["row"].to_numpy(), self.cache.meta.get("pixel") is not None
        drawn = dict(zip(rows["slice"].tolist(), self.read_masks(at), strict=True))
        if self.masks == "whole":
            scales = case_scales(groups, tissue=False)
            return [head_of(group.images, scales) for group in groups]
        found = []
        for group in groups:
            size = self.cache.masks.shape[-1]
            whole = np.zeros((len(group.images), size, size), dtype=np.float32)
            for i, number in enumerate(group.numbers.tolist()):
                whole[i] = drawn.get(number, 0)
            mask = unfit(whole, *group.images.shape[-2:], cut=cut) > 0.5
            if self.masks == "true" and group.masks is not None:
                mask = np.where(group.has_mask[:, None, None], group.masks > 0, mask)
            found.append(mask)
        return found

    def read_masks(self, rows: np.ndarray) -> np.ndarray:
        """Masks (len(rows), h, w) uint8 of 0 and 1 of slices, as `masks` says."""
        found = self.predicted.read(rows)
        if self.masks == "whole":
            return np.ones_like(found)
        if self.masks == "true":
            known = self.rows["has_mask"].to_numpy(bool)[rows]
            found[known] = self.cache.masks[rows[known]]
        return found


class Source(ABC):
    """A way to features: fitted on training patients alone, applied to anybody.

    `version` goes up when the same data give other numbers; `kind` says what a sample is, maps
    (c, h, w) or a vector (d,); `exact`: computes in float32 whatever precision the study has;
    `measured`: its numbers are kept as float64, and may be missing (NaN); `tried`: before a run
    what it costs is measured on a case, and not told from what the U-Net costs; `learns`: `fit`
    looks at the classes, so that inner folds need features that have not learnt theirs.
    """

    name: str
    version: ClassVar[int] = 1
    kind: ClassVar[Literal["maps", "vectors"]] = "vectors"
    exact: ClassVar[bool] = False
    measured: ClassVar[bool] = False
    tried: ClassVar[bool] = False
    learns: ClassVar[bool] = False

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        """The shape of one sample for images of these sides; of vectors about, for the disk."""
        return (VALUES,)

    def lacking(self, cohort: Cohort) -> str | None:
        """Why it cannot be had of a cohort here; None where it can."""
        return None

    def facts(self, cohort: Cohort) -> list[Any]:
        """What the features depend on besides masks and images, as JSON can hold it."""
        return []

    @property
    def asks(self) -> tuple[str, ...]:
        """Columns of a table of patients that it has learnt to read."""
        return ()

    def fit(self, data: SourceData, *, seed: int) -> Self:
        """Learn from `data.training`, and from nothing else; most sources learn nothing."""
        return self

    def rows(self, data: SourceData) -> pd.DataFrame:
        """A row per sample: case, patient, label, slice (−1: of the whole case), predicted."""
        return data.samples

    @abstractmethod
    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        """Features (k, *shape) of all `rows`, in their order, some at a time."""

    def columns(self, data: SourceData) -> Columns | None:
        """What the columns of vectors are, where they have names."""
        return None

    def seen(self, data: SourceData) -> frozenset[str]:
        """Patients whom anything behind the features has learnt from."""
        return data.segmenter.seen

    def transform(self, data: SourceData, *, out: Path) -> FeatureStore:
        """Features of everybody in `data`, in a new store at `out`."""
        return write_features(
            out, self.batches(data), block=self.name, rows=self.rows(data), seen=self.seen(data),
            dtype="float64" if self.measured else "float16", columns=self.columns(data),
        )  # fmt: skip

    def nameless(self) -> Self:
        """The same without the names of patients, to be handed on."""
        return self

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
