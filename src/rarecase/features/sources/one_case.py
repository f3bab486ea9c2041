"""A single case as the sources look at it: a cohort of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightning_fabric
import pandas as pd

from rarecase.arrays import Bools
from rarecase.cohort.cache import SliceCache
from rarecase.cohort.case import Case
from rarecase.cohort.fitting import Fitted
from rarecase.cohort.load import CaseArrays
from rarecase.features.feature_set import Masks
from rarecase.features.sources.contract import SourceData
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.predict import HeldMasks


def case_data(
    case: Case,
    groups: Sequence[CaseArrays],
    fitted: Fitted,
    drawn: Bools,
    *,
    segmenter: Segmenter,
    channels: tuple[str, ...],
    fabric: lightning_fabric.Fabric,
    about: Mapping[str, Any],
    masks: Masks = "predicted",
) -> SourceData:
    """What a source needs of one case: its originals, its slices as `fit_case` fitted them, and
    masks `drawn` (n, size, size) on those. `about`: classes, pixel and planes."""
    rows = pd.DataFrame(fitted.rows, columns=["slice", "has_mask", "tumour"]).assign(
        row=range(len(drawn)), case=case.case, patient=case.patient, label="",
        predicted=drawn.sum(axis=(1, 2)), part="test", has_mask=False,
    )  # fmt: skip
    return SourceData(
        cache=SliceCache(fitted.images, fitted.masks, rows, channels, dict(about)), rows=rows,
        segmenter=segmenter, predicted=HeldMasks(drawn), planes=about["planes"], fabric=fabric,
        masks=masks, cases={case.case: case}, loaded={case.case: groups},
    )  # fmt: skip
