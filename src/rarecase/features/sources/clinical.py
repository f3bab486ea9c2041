"""`clinical`: what the table of labels knows of a patient: age, sex, and the columns that the user
named."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from rarecase.cohort.cache import case_rows
from rarecase.cohort.case import Case, Cohort
from rarecase.cohort.values import number
from rarecase.features.columns import Columns
from rarecase.features.feature_set import WHOLE
from rarecase.features.sources.contract import Source, SourceData
from rarecase.files import read_json, write_json

log = logging.getLogger(__name__)
LEARNT = "clinical.json"
OTHER = -1.0  # a category that no training patient has


class Clinical(Source):
    """A sample per case. A column is of numbers where all that training patients have are, and it
    is not named as categorical; else of categories, those that training patients have. Numbers
    stand for themselves, also where they look like codes: which are codes cannot be told.
    """

    measured: ClassVar[bool] = True

    def __init__(self, name: str = "clinical") -> None:
        self.name = name

    def lacking(self, cohort: Cohort) -> str | None:
        if columns_of(cohort.cases):
            return None
        return (
            "the table of labels has no column of age or sex; name columns with cohort.clinical, "
            "or leave clinical out"
        )

    def facts(self, cohort: Cohort) -> list[Any]:
        return [[case.case, dict(case.clinical)] for case in cohort.cases]

    def fit(self, data: SourceData, *, seed: int) -> Self:
        training = data.rows.iloc[data.training]["case"].unique().tolist()
        self.levels_: dict[str, list[str] | None] = {}
        for name in columns_of(data.cases.values()):
            known = [v for case in training if (v := data.cases[case].clinical.get(name))]
            numbers = name not in data.categorical and not any(np.isnan(number(v)) for v in known)
            self.levels_[name] = None if numbers else sorted(set(known))
        return self

    @property
    def asks(self) -> tuple[str, ...]:
        return tuple(self.levels_)

    def rows(self, data: SourceData) -> pd.DataFrame:
        return case_rows(data.rows).assign(slice=WHOLE, predicted=1)

    def columns(self, data: SourceData) -> Columns:
        levels = {i: tuple(v) for i, v in enumerate(self.levels_.values()) if v is not None}
        return Columns.of(len(self.levels_), names=list(self.levels_), levels=levels)

    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        cases = [data.cases[case].clinical for case in self.rows(data)["case"]]
        columns = []
        for name, levels in self.levels_.items():
            values = [about.get(name) for about in cases]
            columns.append([np.nan if v is None else _code(v, levels) for v in values])
            strange = {v for v in values if v is not None and not _known(v, levels)}
            if strange:
                log.warning(
                    "clinical column %s: %d value(s) such as %r are of no training patient, and "
                    "count as %s", name, len(strange), min(strange),
                    "missing" if levels is None else "none of the categories",
                )  # fmt: skip
        yield np.array(columns, dtype=np.float64).T

    def save(self, folder: Path) -> None:
        super().save(folder)
        write_json(folder / LEARNT, self.levels_)

    def load(self, folder: Path) -> Self:
        self.levels_ = read_json(folder / LEARNT)
        return self


def columns_of(cases: Iterable[Case]) -> list[str]:
    """The clinical columns that any of the cases has."""
    return list(dict.fromkeys(name for case in cases for name in case.clinical))


def _known(text: str, levels: Sequence[str] | None) -> bool:
    return not np.isnan(number(text)) if levels is None else text in levels


def _code(text: str, levels: Sequence[str] | None) -> float:
    if levels is None:
        return number(text)
    return float(levels.index(text)) if text in levels else OTHER
