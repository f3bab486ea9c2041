"""What a paper is written about: the folder of a run, or of a comparison on a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.evidence.result import PREDICTIONS
from rarecase.evidence.tables import main_rows
from rarecase.features.sources.registry import AMONG, names_in
from rarecase.files import read_parquet
from rarecase.report.found import COMPARISON, Found, optional_json
from rarecase.report.run_files import COHORT_FACTS, RunFiles


@dataclass(frozen=True)
class Study:
    """A run (`run`), or a comparison, of which `said` is what its command line said; empty where
    it was made from Python and nothing was said."""

    root: Path
    evidence: Mapping[str, Any]
    about: Mapping[str, Any]  # features.json
    run: RunFiles | None
    said: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Study:
        """The study in a folder. Raises `DataError` where there is no evidence in it."""
        if (folder / COHORT_FACTS).is_file():
            return cls.of(RunFiles(folder))
        return cls.of(Found(folder))

    @classmethod
    def of(cls, found: Found) -> Study:
        """The study of a run's or a comparison's files."""
        if isinstance(found, RunFiles):
            return cls(found.root, found.evidence, found.features, found, {})
        said = optional_json(found.root / COMPARISON) or {}
        return cls(found.root, found.evidence, found.features, None, said)

    @property
    def rare(self) -> str:
        """The rare class."""
        return str(self.evidence["rare"])

    @property
    def classes(self) -> list[str]:
        """Class names in the order of the predictions."""
        return [str(c) for c in self.evidence["classes"]]

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The rows of the evidence without controls."""
        return main_rows(self.evidence)

    @property
    def feature_sets(self) -> list[str]:
        """What was compared, without what stands for a choice among others."""
        names = dict.fromkeys(str(row["features"]) for row in self.evidence["rows"])
        return [name for name in names if name not in AMONG]

    @property
    def sources(self) -> list[str]:
        """The sources that these are made of."""
        return [*dict.fromkeys(n for each in self.feature_sets for n in names_in(each))]

    @property
    def classifiers(self) -> list[str]:
        """Every classifier, without what stands for a choice among others."""
        names = dict.fromkeys(str(row["classifier"]) for row in self.rows)
        return [name for name in names if name not in AMONG]

    @property
    def arms(self) -> list[str]:
        """Every arm that is no control."""
        return [*dict.fromkeys(str(row["arm"]) for row in self.rows)]

    @property
    def synthetic(self) -> list[str]:
        """The arms that add samples that are not real."""
        return [*dict.fromkeys(str(row["arm"]) for row in self.rows if row["synthetic"])]

    @property
    def chosen(self) -> list[str]:
        """What stands for a choice among others: auto, stack."""
        names = dict.fromkeys(str(row["features"]) for row in self.evidence["rows"])
        return [name for name in names if name in AMONG]

    @cached_property
    def versions(self) -> dict[str, list[str]]:
        """What it was computed with, by name; empty where that was not recorded."""
        if self.run is not None:
            return self.run.versions
        return {str(n): [str(v)] for n, v in (self.said.get("versions") or {}).items()}

    def told(self, section: str, name: str, *, option: str = "") -> Any:
        """A setting of a run, or the command line's option of a comparison; None where neither is
        there."""
        if self.run is not None:
            return self.run.setting(section, name)
        return self.said.get(option) if option else None

    @cached_property
    def tuned(self) -> pd.Series:
        """What inner folds chose (`chosen` of the predictions, JSON), by classifier, each once;
        none where they are gone."""
        names = ["classifier", "chosen"]
        if not (self.root / PREDICTIONS).is_file():
            return pd.Series(dtype=object)
        table = read_parquet(self.root / PREDICTIONS, columns=names)
        return table.drop_duplicates(names).set_index("classifier")["chosen"]
