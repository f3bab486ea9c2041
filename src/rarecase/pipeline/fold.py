"""What a step of one fold needs: its slices, and who trains and who is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from rarecase.cohort import SliceCache, check_disjoint, validation_patients
from rarecase.errors import DataError
from rarecase.files import read_json, read_parquet
from rarecase.pipeline.designs import Part, make_part, real_training_samples
from rarecase.pipeline.run_folder import COHORT, SLICES, read_cohort_table, read_folds
from rarecase.pipeline.step import Context
from rarecase.seeds import derive
from rarecase.segmenter.feeding import sample_rows


@dataclass(frozen=True)
class Fold:
    """Patients by part. `fitting` and `validation` together are the training part. `sites` of
    patients, as far as they are known.

    Under the paper's protocol, requested by name, everybody who is not tested is fitted to, and
    `validation` is the test part.
    """

    cache: SliceCache
    classes: tuple[str, ...]
    rare: str
    fitting: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    sites: Mapping[str, str] = field(default_factory=dict)

    @property
    def training(self) -> tuple[str, ...]:
        """All patients that may be learnt from in this fold."""
        return tuple(sorted({*self.fitting, *self.validation} - set(self.test)))

    @property
    def labels(self) -> pd.Series:
        """The class of every patient."""
        rows = self.cache.rows.drop_duplicates("patient")
        found: pd.Series = rows.set_index("patient")["label"].astype(str)
        return found

    @property
    def normalised_on(self) -> tuple[str, ...]:
        """Whose intensities the cohort's mean and deviation come from: the fitting patients;
        everybody under the paper's protocol."""
        return self.fitting if not self.peeks else (*self.fitting, *self.test)

    @property
    def peeks(self) -> bool:
        """Whether the test part is used for more than being tested."""
        return bool(set(self.validation) & set(self.test))

    def rows_of(self, patients: tuple[str, ...], *, masked: bool = False) -> np.ndarray:
        """Row numbers of these patients' slices; with `masked` only those that have a mask."""
        rows = self.cache.rows
        chosen = rows["patient"].isin(patients)
        if masked:
            chosen &= rows["has_mask"]
        return np.flatnonzero(chosen.to_numpy())

    def parts(self) -> pd.Series:
        """For every slice `train` (fitting), `validation` or `test`."""
        part = dict.fromkeys(self.fitting, "train") | dict.fromkeys(self.validation, "validation")
        part |= dict.fromkeys(self.test, "test")
        found: pd.Series = self.cache.rows["patient"].map(part)
        return found


def load_fold(context: Context) -> Fold:
    """Read a fold's patients from the run folder; the same patient on both sides is an error."""
    settings, at = context.settings, context.test_fold
    about = read_json(context.run / COHORT / "cohort.json")
    table = read_cohort_table(context.run / COHORT / "cohort.csv")
    tested = table[f"test_fold_{at.repeat}"] == at.fold
    test = tuple(sorted(set(table.loc[tested, "patient"])))
    rest = table[~tested].drop_duplicates("patient")
    labels = dict(zip(rest["patient"], rest["label"], strict=True))
    check_disjoint(tuple(labels), test)
    fitting, validation = set(labels), test  # as in the paper
    if settings.protocol == "sound":
        seed = derive(settings.seed, "validation", at.repeat, at.fold)
        validation = validation_patients(labels, fraction=settings.split.validation, seed=seed)
        fitting -= set(validation)
    missing = set(about["classes"]) - set(labels.values())
    if missing:
        raise DataError(
            f"{context.where()}: no training patient of class {', '.join(sorted(missing))}. "
            f"Take fewer folds (split.folds) or another split.kind."
        )
    return Fold(
        cache=SliceCache.open(context.run / SLICES),
        classes=tuple(about["classes"]),
        rare=about["rare"],
        fitting=tuple(sorted(fitting)),
        validation=tuple(sorted(validation)),
        test=test,
        sites={who: at for who, at in zip(table["patient"], table["site"], strict=True) if at},
    )


def load_part(context: Context, number: int) -> Part:
    """A part of the study's experiment, its percentages resolved."""
    settings, run = context.settings, context.run
    slices = read_parquet(run / SLICES / "rows.parquet")
    rows = sample_rows(slices, dimensions=settings.segmenter.dimensions)
    real = real_training_samples(rows, read_folds(run / COHORT / "cohort.csv"))
    return make_part(settings, settings.experiment[number], real=real)
