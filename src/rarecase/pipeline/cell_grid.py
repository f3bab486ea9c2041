"""An experiment as a table, a row for each cell, before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.cohort import Cohort
from rarecase.experiment.arm import Counts, Tuned
from rarecase.experiment.tasks import CELLS as STATUS
from rarecase.files import read_csv
from rarecase.pipeline.designs import planned_parts
from rarecase.pipeline.run_folder import CELLS, folds_of
from rarecase.pipeline.settings import Settings
from rarecase.shown import grid_of, html

PLANNED = {"status": "planned", "seconds": None, "reason": None}  # of a cell


@dataclass(frozen=True, repr=False)
class CellGrid:
    """Cells of an experiment; `to_frame` gives them."""

    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """A row for each cell: features, arm, classifier, amount, repeat, fold, seed, status
        (planned, done, skipped, failed), seconds (of its arm and fold), reason."""
        return self.table

    def __repr__(self) -> str:
        counts = self.table["status"].value_counts()
        said = ", ".join(f"{n} {name}" for name, n in counts.items())
        return f"{len(self.table)} cells: {said}. See .to_frame()."

    def _repr_html_(self) -> str:
        table = self.table.dropna(axis=1, how="all")
        return html("Cells", grid_of(table), above=[repr(self)], total=len(table))


def study_grid(settings: Settings, cohort: Cohort, folds: pd.DataFrame, *, run: Path) -> CellGrid:
    """The cells of a study, and what is known of them from its run folder."""
    rows = []
    for part in planned_parts(settings, cohort, folds)[0]:
        for task, arms in part.design.tasks().items():
            for place in folds_of(folds):
                known = _known(run / place.folder(f"{CELLS}/{part.name}-{task}") / STATUS)
                for arm in arms:
                    amounts = ["tuned" if isinstance(arm.amount, Tuned) or arm.selects else "0"]
                    if isinstance(arm.amount, Counts):
                        amounts = [str(total) for total in arm.amount.totals]
                    rows += [
                        {
                            "features": part.features, "arm": arm.name,
                            "classifier": part.design.classifier.name, "amount": amount,
                            "repeat": place.repeat, "fold": place.fold, "seed": seed,
                            **known.get(arm.name, PLANNED),
                        }
                        for amount in amounts
                        for seed in part.design.seeds_of(arm)
                    ]  # fmt: skip
    return CellGrid(pd.DataFrame(rows).astype({"seed": "Int64"}))


def _known(path: Path) -> dict[Any, dict[Any, Any]]:
    """Status, seconds and reason of the arms of a task that is done, by name."""
    if not path.is_file():
        return {}
    table = read_csv(path, texts=("arm",), missing=()).set_index("arm")
    table["reason"] = table["reason"].replace("", None)
    return table[list(PLANNED)].to_dict("index")
