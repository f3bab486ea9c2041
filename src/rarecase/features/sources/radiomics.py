"""`radiomics`: what is measured of a mask as the IBSI defines it, per case or, of pictures, per
slice."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from rarecase.ahead import ahead
from rarecase.arrays import Bools
from rarecase.cohort.cache import case_rows
from rarecase.cohort.case import Cohort
from rarecase.cohort.fitting import case_scales, head_of
from rarecase.cohort.load import CaseArrays
from rarecase.errors import DataError
from rarecase.features.columns import Columns
from rarecase.features.feature_set import WHOLE, outlined, rows_that_count
from rarecase.features.radiomics.neighbours import FLAT_COARSENESS
from rarecase.features.radiomics.notes import flat_notes, missing_note
from rarecase.features.radiomics.recipe import Recipe, measure
from rarecase.features.sources.contract import Source, SourceData
from rarecase.files import read_json, write_json
from rarecase.imaging.normalise import Scale, apply_scale

RECIPE = "recipe.json"
log = logging.getLogger(__name__)


class Radiomics(Source):
    """Shape, place, intensities and textures of every channel under the mask.

    Measured on the files' own voxels, not on what the network sees: the mask is brought back to
    them. Intensities are those of the case's own tissue (mean 1, a third of its deviation), since
    those of MR have no unit; with a recipe that names a width or limits they have one, and are
    taken as they are. A volume is one sample; so is each picture that counts, since pictures
    do not say how far they lie apart. A case without a mask has a row of missing values, and so is
    the coarseness of a region without differences, for which IBSI writes a million.
    """

    measured: ClassVar[bool] = True
    tried: ClassVar[bool] = True

    def __init__(self, name: str = "radiomics", recipe: Recipe | None = None) -> None:
        self.name, self.recipe = name, recipe or Recipe()

    def facts(self, cohort: Cohort) -> list[Any]:
        return [asdict(self.recipe)]

    def rows(self, data: SourceData) -> pd.DataFrame:
        about = outlined(data.rows, data.masks)
        flat = about["case"].map({case: data.flat(case) for case in about["case"].unique()})
        pictures = about[rows_that_count(about) & flat]
        # Of a patient without any mask one row says so, as well as many.
        pictures = pictures[(pictures["predicted"] > 0) | ~pictures["patient"].duplicated()]
        volumes = case_rows(about[~flat]).assign(slice=WHOLE) if not flat.all() else pictures[:0]
        return pd.concat([pictures, volumes], ignore_index=True)

    def columns(self, data: SourceData) -> Columns:
        names = self._names(data)
        return Columns.of(len(names), names=names)

    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        names, rows = self._names(data), self.rows(data)
        notes: list[dict[str, float]] = []
        without: list[str] = []
        cases = rows["case"].unique().tolist()
        for case, groups in ahead(data.originals, cases, workers=1):
            wanted = rows.loc[rows["case"] == case, "slice"].tolist()
            found = self._measured(data, case, groups, wanted)
            notes += [dict(each) for each in found]
            without += [case] * (not any(found))
            for each in found:
                each.update({n: np.nan for n, v in each.items() if v == FLAT_COARSENESS})
            yield np.array([[each.get(name, np.nan) for name in names] for each in found])
        for note in flat_notes(notes, self.recipe):
            log.warning("radiomics: %s", note)
        if without:
            log.warning(
                "radiomics: %d of %d cases have a mask that is empty, or too small: their values "
                "are missing, and imputed within each fold (%s)",
                len(without), len(cases), ", ".join(without[:5]) + (", …" if without[5:] else ""),
            )  # fmt: skip

    def save(self, folder: Path) -> None:
        super().save(folder)
        write_json(folder / RECIPE, asdict(self.recipe))

    def load(self, folder: Path) -> Self:
        said: dict[str, Any] = read_json(folder / RECIPE)
        said |= {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        self.recipe = Recipe(**said)
        return self

    def _names(self, data: SourceData) -> list[str]:
        """Every feature; a case lacks those that its kind has not, such as volumes of pictures."""
        names: dict[str, None] = {}
        flats = {data.flat(case) for case in data.rows["case"].unique()}
        for flat in sorted(flats):
            shape = (1, 9, 9) if flat else (9, 9, 9)
            image = np.arange(float(np.prod(shape))).reshape(shape)
            names |= dict.fromkeys(
                measure(
                    dict.fromkeys(data.cache.channels, image), image > 3, (1.0, 1.0, 1.0),
                    head=image >= 0, recipe=self.recipe,
                )
            )  # fmt: skip
        return list(names)

    def _measured(
        self, data: SourceData, case: str, groups: Sequence[CaseArrays], wanted: Sequence[int]
    ) -> list[dict[str, float]]:
        scales = case_scales(groups, tissue=True)
        masks = data.masks_on(case, groups)
        if not data.flat(case):
            return [self._measure(data, case, groups[0], masks[0], scales)]
        place = {
            int(n): (group, mask, i)
            for group, mask in zip(groups, masks, strict=True)
            for i, n in enumerate(group.numbers)
        }
        order = {number: at for at, number in enumerate(sorted(place))}
        found = []
        for number in wanted:
            group, mask, i = place[number]
            values = self._measure(data, case, group, mask, scales, only=i)
            # A slice alone does not know how far up it is; its number does.
            height = {"place_z": 2 * order[number] / max(len(order) - 1, 1) - 1}
            found.append(values | (height if values else {}))
        return found

    def _measure(
        self,
        data: SourceData,
        case: str,
        group: CaseArrays,
        mask: Bools,
        scales: Sequence[Scale],
        *,
        only: int | None = None,
    ) -> dict[str, float]:
        """Features of a volume, or of one of its slices; none where nothing can be measured."""
        part = slice(None) if only is None else slice(only, only + 1)
        if not mask[part].any():
            return {}
        raw = self.recipe.width is not None or self.recipe.limits is not None
        images = {
            channel: np.asarray(
                group.images[part, c] if raw else apply_scale(group.images[part, c], scales[c]),
                dtype=np.float64,
            )
            for c, channel in enumerate(data.cache.channels)
        }
        spacing = None
        if group.spacing is not None:  # by row, column and slice
            spacing = (group.spacing[2], group.spacing[0], group.spacing[1])
        try:
            found = measure(
                images, mask[part], spacing, head=head_of(group.images[part], scales),
                recipe=self.recipe,
            )  # fmt: skip
        except DataError as error:
            log.warning("case %s has no radiomics: %s", case, error)
            return {}
        if note := missing_note(found, mask[part]):
            log.info("case %s: %s", case, note)
        return found
