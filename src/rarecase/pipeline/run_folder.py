"""Names of files and folders in a run folder; they stand nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rarecase.files import read_csv

SETTINGS, RECORD, CHECKPOINTS = "study.yaml", "step.json", "checkpoints"
SLICES, COHORT, PRETRAIN, PICTURES = "slices", "cohort", "pretrain", "pictures"
SEGMENTER, FEATURES, SYNTHETIC, FIDELITY, CELLS = (
    "segmenter", "features", "synthetic", "fidelity", "cells",
)  # fmt: skip
PREDICTIONS, EVIDENCE, REPORT = "predictions.parquet", "evidence.json", "report/index.html"
SAMPLES = "samples.zarr"
MODEL, EXTERNAL, CLASSIFIER = "model", "external", "model/classifier"


@dataclass(frozen=True)
class TestFold:
    """Which fold is tested, of which repeat."""

    repeat: int
    fold: int

    def folder(self, part: str) -> str:
        """Where `part` of this fold lies, relative to the run folder."""
        if self.fold == EVERYBODY.fold:
            return f"{MODEL}/{part}"
        return f"repeat-{self.repeat}/fold-{self.fold}/{part}"


NOWHERE = TestFold(0, 0)  # of steps that are the whole study's
EVERYBODY = TestFold(0, -2)  # nobody is tested: the model that is deployed


def source_store(fold: Path, source: str) -> Path:
    """The store of a source's features, below the folder of a fold."""
    return fold / FEATURES / source / f"{source}.zarr"


def folds_of(table: pd.DataFrame) -> list[TestFold]:
    """The folds that test somebody, from a table with columns repeat, patient, fold."""
    tested = table[table["fold"] >= 0][["repeat", "fold"]].drop_duplicates()
    return [TestFold(int(r), int(f)) for r, f in sorted(tested.itertuples(index=False))]


def read_cohort_table(cohort_csv: Path) -> pd.DataFrame:
    """`cohort.csv` with names as text, whatever they look like: a class may be called 1 or NA."""
    return read_csv(cohort_csv, texts=("case", "patient", "label", "site"), missing=())


def read_folds(cohort_csv: Path) -> pd.DataFrame:
    """Columns repeat, patient, fold, as they were written to `cohort.csv`."""
    table = read_cohort_table(cohort_csv)
    columns = [name for name in table.columns if name.startswith("test_fold_")]
    long = table.melt(["patient"], columns, var_name="repeat", value_name="fold")
    long["repeat"] = long["repeat"].str.removeprefix("test_fold_").astype(int)
    return long.drop_duplicates(["repeat", "patient"])
