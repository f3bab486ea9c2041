"""The grid that a study walks: repeats × folds × generators × their seeds, and where each lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rarecase.pipeline.settings import Settings

SEGMENTER, FEATURES, SYNTHETIC, CLASSIFIED = "segmenter", "features", "synthetic", "classified"
FIDELITY = "fidelity"
OF_GENERATORS = (SYNTHETIC, FIDELITY, CLASSIFIED)  # one a generator and seed; others one a fold
PICTURES, ARMS = "pictures", "arms"
IMAGES = "acgan-images"  # the arm whose generator makes images, and the U-Net features of them


@dataclass(frozen=True)
class Cell:
    """One repeat, fold, generator (the arm that its samples make, and its width) and seed of it."""

    repeat: int
    fold: int
    generator_seed: int = 0
    arm: str = "acgan"
    width: int = 64
    first: bool = True  # of the arms: its classifiers include the one without synthetic samples

    def folder(self, part: str) -> str:
        """Where `part` of this cell lies, relative to the run folder."""
        whole = self.fold == EVERYBODY.fold
        base = f"{MODEL if whole else f'repeat-{self.repeat}/fold-{self.fold}'}/{part}"
        mine = f"{base}/{self.arm}-seed{self.generator_seed}"
        return mine if part in OF_GENERATORS else base


NOWHERE = Cell(0, 0)  # of steps that are the whole study's
EVERYBODY = Cell(0, -2)  # nobody is tested: the model that is handed on
MODEL = "model"


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


def arm_names(widths: Sequence[int]) -> dict[str, int]:
    """The arms of the generators and their widths: `acgan`, or one a width.

    >>> arm_names([64]), arm_names([64, 512])
    ({'acgan': 64}, {'acgan-64': 64, 'acgan-512': 512})
    """
    if len(widths) == 1:
        return {"acgan": widths[0]}
    return {f"acgan-{width}": width for width in widths}


def cells_of(
    folds: Mapping[int, Sequence[int]],
    *,
    seeds: int,
    widths: Sequence[int] = (64,),
    images: bool = False,
) -> list[Cell]:
    """Every cell, in the order in which they are performed; `images`: with a generator of images,
    as wide as the narrowest.

    >>> len(cells_of({0: [0, 1, 2]}, seeds=2, widths=[64, 256]))
    12
    """
    arms = ({IMAGES: min(widths)} if images else {}) | arm_names(widths)
    return [
        Cell(repeat, fold, seed, arm, width, first=place == 0)
        for repeat, numbers in folds.items()
        for fold in numbers
        for place, (arm, width) in enumerate(arms.items())
        for seed in range(seeds)
    ]


def study_cells(settings: Settings, folds: pd.DataFrame) -> list[Cell]:
    """The cells of a study, from its settings and a table with columns repeat, patient, fold."""
    generator = settings.generator
    return cells_of(
        folds_of(folds), seeds=generator.seeds, widths=generator.widths, images=generator.images
    )
