"""What a network of a study is fed with: slices, or volumes if it looks in 3-D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rarecase.cohort.cache import SliceCache, case_rows, slices_by_case
from rarecase.segmenter import Segmenter, Slices, Volumes


def feed(segmenter: Segmenter, cache: SliceCache, *, planes: int) -> Slices:
    """The cached slices as this network takes them: one by one, or each case as a volume of so many
    planes."""
    order = segmenter.order(cache.channels)
    if segmenter.net.dimensions == 2:
        return Slices(cache.images, cache.masks, order)
    cases = slices_by_case(cache.rows)
    return Volumes(cache.images, cache.masks, order, cases=cases, planes=planes)


def one_case(
    segmenter: Segmenter,
    images: np.ndarray,
    masks: np.ndarray,
    order: Sequence[int | None],
    *,
    planes: int,
) -> Slices:
    """The same of a single case's slices: images (n, c, h, w), masks (n, h, w)."""
    if segmenter.net.dimensions == 2:
        return Slices(images, masks, order)
    return Volumes(images, masks, order, cases=(np.arange(len(images)),), planes=planes)


def sample_rows(rows: pd.DataFrame, *, dimensions: int) -> pd.DataFrame:
    """The samples, one a row, from the table of slices: slices, or cases for a network in 3-D."""
    return rows if dimensions == 2 else case_rows(rows)
