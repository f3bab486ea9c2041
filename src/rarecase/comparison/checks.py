"""Self-checks of a comparison: would it find something where nothing is?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from rarecase.arms.registry import pick_arms
from rarecase.cohort.splits import stratified_folds
from rarecase.comparison.cell import Plan, compare_fold
from rarecase.comparison.table import FeatureTable
from rarecase.evidence.pooling import CONTROL, pool_patients
from rarecase.evidence.scores import mean_defined, score_table
from rarecase.seeds import derive, numpy_rng

PERMUTATIONS = 20
TOLERATED = 3.0  # standard errors from one half


@dataclass(frozen=True)
class SelfChecks:
    """`permuted`: AUC of the rare class for every permutation of the labels. `leak`: AUC on rows
    when rows, and when patients, are split; None where every patient has one row."""

    permuted: tuple[float, ...]
    leak: dict[str, float] | None

    @property
    def mean(self) -> float:
        return float(np.mean(self.permuted))

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return float(np.std(self.permuted, ddof=1) / np.sqrt(len(self.permuted)))

    @property
    def suspicious(self) -> bool:
        """Whether permuted labels could be told apart: then something leaks."""
        return abs(self.mean - 0.5) > TOLERATED * self.error

    def as_json(self) -> dict[str, Any]:
        return {
            "permuted_auc": list(self.permuted), "permuted_mean": self.mean,
            "permuted_error": self.error, "suspicious": self.suspicious, "leak": self.leak,
        }  # fmt: skip


def self_checks(
    table: FeatureTable, plan: Plan, *, folds: int, n_jobs: int | None = None
) -> SelfChecks:
    """Twenty permutations of the labels among patients, and a split by rows beside one by patients
    (never used for a result). All with the arm `none`, one repeat each."""
    arms = [arm for arm in pick_arms([CONTROL]) if arm.name == CONTROL]
    none = replace(plan, arms=arms, generator_seeds=1, rare_patients=None)
    seeds = [derive(plan.seed, "permuted labels", number) for number in range(PERMUTATIONS)]
    permuted = Parallel(n_jobs=n_jobs)(
        delayed(_auc)(_permuted(table, seed), none, folds, seed) for seed in seeds
    )
    leak = None
    if len(table.patients) < len(table.X):
        seed = derive(plan.seed, "rows split")
        alone = replace(table, patient=np.arange(len(table.X)), patients=tuple(map(str, table.row)))
        leak = {
            "rows split": _auc(alone, none, folds, seed, rows=True),
            "patients split": _auc(table, none, folds, seed, rows=True),
        }
    return SelfChecks(tuple(permuted), leak)


def _permuted(table: FeatureTable, seed: int) -> FeatureTable:
    """The same rows under labels that were handed out anew among patients."""
    label = numpy_rng(seed, "labels").permutation(table.label)
    return replace(table, y=label[table.patient])


def _auc(table: FeatureTable, plan: Plan, folds: int, seed: int, *, rows: bool = False) -> float:
    """AUC of the rare class within test folds, of patients or of rows."""
    fold_of = stratified_folds(table.label, folds=folds, seed=seed)
    found = []
    for fold in range(folds):
        cell = compare_fold(table, plan, fold_of=fold_of, repeat=0, fold=fold)
        scored = cell if rows else pool_patients(cell)
        scores = score_table(scored, classes=table.classes, rare=table.classes[table.rare])
        found.append(scores["auc_rare"])
    return float(mean_defined(found))
