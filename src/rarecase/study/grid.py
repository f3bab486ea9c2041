"""The grid that a study walks: repeats × folds × generator seeds, and where each cell lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

SEGMENTER, FEATURES, SYNTHETIC, CLASSIFIED = "segmenter", "features", "synthetic", "classified"


@dataclass(frozen=True)
class Cell:
    """One repeat, fold and generator seed."""

    repeat: int
    fold: int
    generator_seed: int = 0

    def folder(self, part: str) -> str:
        """Where `part` of this cell lies, relative to the run folder."""
        base = f"repeat-{self.repeat}/fold-{self.fold}/{part}"
        return (
            f"{base}/acgan-seed{self.generator_seed}" if part in (SYNTHETIC, CLASSIFIED) else base
        )


def folds_of(table: pd.DataFrame) -> dict[int, list[int]]:
    """The folds that test somebody, by repeat, from a table with columns repeat, patient, fold."""
    tested = table[table["fold"] >= 0]
    return {
        int(str(repeat)): sorted({int(f) for f in part["fold"]})
        for repeat, part in tested.groupby("repeat")
    }


def read_cohort_table(cohort_csv: Path) -> pd.DataFrame:
    """`cohort.csv` with names as text, whatever they look like: a class may be called 1 or NA."""
    names = ["case", "patient", "label", "site"]
    return pd.read_csv(cohort_csv, dtype=dict.fromkeys(names, str), keep_default_na=False)


def read_folds(cohort_csv: Path) -> pd.DataFrame:
    """Columns repeat, patient, fold, as they were written to `cohort.csv`."""
    table = read_cohort_table(cohort_csv)
    columns = [name for name in table.columns if name.startswith("test_fold_")]
    long = table.melt(["patient"], columns, var_name="repeat", value_name="fold")
    long["repeat"] = long["repeat"].str.removeprefix("test_fold_").astype(int)
    return long.drop_duplicates(["repeat", "patient"])


def cells_of(folds: Mapping[int, Sequence[int]], *, seeds: int) -> list[Cell]:
    """Every cell, in the order in which they are performed.

    >>> len(cells_of({0: [0, 1, 2]}, seeds=2))
    6
    """
    return [
        Cell(repeat, fold, seed)
        for repeat, numbers in folds.items()
        for fold in numbers
        for seed in range(seeds)
    ]
