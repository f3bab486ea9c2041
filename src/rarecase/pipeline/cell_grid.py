"""The experiment as a table, before it runs: a row for each cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rarecase.cohort import Cohort
from rarecase.experiment.arm import Counts, Tuned
from rarecase.experiment.tasks import CELLS as STATUS
from rarecase.files import read_csv
from rarecase.pipeline.designs import planned_parts
from rarecase.pipeline.run_folder import CELLS, folds_of
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.steps.cohort import load_folds

COLUMNS = (
    "features", "arm", "classifier", "amount", "repeat", "fold", "seed", "status", "seconds",
    "reason",
)  # fmt: skip


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


def study_grid(settings: Settings, cohort: Cohort, *, run: Path) -> CellGrid:
    """The cells of a study, and what is known of them from its run folder."""
    folds = load_folds(settings, cohort)
    rows = []
    for part in planned_parts(settings, cohort, folds)[0]:
        for task, arms in part.design.tasks().items():
            for place in folds_of(folds):
                known = _known(run / place.folder(f"{CELLS}/{part.name}-{task}") / STATUS)
                for arm in arms:
                    amounts = ["tuned" if isinstance(arm.amount, Tuned) else "0"]
                    if isinstance(arm.amount, Counts):
                        amounts = [str(total) for total in arm.amount.totals]
                    rows += [
                        (part.features, arm.name, part.design.classifier.name, amount, place.repeat,
                         place.fold, seed, *known.get(arm.name, ("planned", None, None)))
                        for amount in amounts
                        for seed in part.design.seeds_of(arm)
                    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return CellGrid(table.astype({"seed": "Int64"}))


def _known(path: Path) -> dict[str, tuple[str, float, str | None]]:
    if not path.is_file():
        return {}
    table = read_csv(path, texts=("arm",), missing=())
    return {
        str(row["arm"]): (str(row["status"]), float(row["seconds"]), row["reason"] or None)
        for row in table.to_dict("records")
    }
