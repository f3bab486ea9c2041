"""Self-checks of a comparison: would it find something where nothing is?

All with the arm `none`, and never used for a result: labels that were handed out anew must give
chance; a split by rows shows what a leak would have read; and whoever can tell training from test
patients by their features sees a shift between the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from rarecase.arrays import Floats, Ints
from rarecase.cohort.splits import stratified_folds
from rarecase.evidence.predictions import CONTROL, pool_patients
from rarecase.evidence.rows import plain
from rarecase.evidence.scores import score_table
from rarecase.experiment.arms import pick_arms
from rarecase.experiment.fold import LEFT_OUT, TRAINS, Plan, compare_fold
from rarecase.features.feature_set import FeatureTable
from rarecase.ranking import mean_defined
from rarecase.seeds import derive, numpy_rng

PERMUTATIONS = 20
TOLERATED = 3.0  # standard errors from one half
SHIFT_FOLDS = 5
FEWEST_SHIFT = 5  # patients on either side: fewer can always be told from the others


@dataclass(frozen=True)
class FoldChecks:
    """One test fold. `permuted`: AUC of the rare class for every permutation of the labels;
    `shift`: AUC with which its patients can be told from those who trained."""

    permuted: tuple[float, ...]
    shift: float

    def as_json(self) -> dict[str, Any]:
        return {"permuted": [plain(p) for p in self.permuted], "shift": plain(self.shift)}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> FoldChecks:
        """What `as_json` wrote."""
        return cls(tuple(_number(p) for p in said["permuted"]), _number(said["shift"]))


@dataclass(frozen=True)
class SelfChecks:
    """The folds of one repeat together. `permuted`: mean AUC over the folds for every permutation;
    `shift`: one AUC a fold. `leak`: AUC on rows when rows, and when patients, are split; None where
    every patient has one row."""

    permuted: tuple[float, ...]
    shift: tuple[float, ...]
    leak: dict[str, float] | None

    @property
    def mean(self) -> float:
        return _mean(self.permuted)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        defined = [p for p in self.permuted if not math.isnan(p)]
        if len(defined) < 2:
            return math.nan
        return float(np.std(defined, ddof=1) / np.sqrt(len(defined)))

    @property
    def suspicious(self) -> bool:
        """Whether permuted labels could be told apart: then something leaks."""
        return abs(self.mean - 0.5) > TOLERATED * self.error

    def as_json(self) -> dict[str, Any]:
        leak = None if self.leak is None else {k: plain(v) for k, v in self.leak.items()}
        return {
            "permuted_auc": [plain(p) for p in self.permuted], "permuted_mean": plain(self.mean),
            "permuted_error": plain(self.error), "suspicious": self.suspicious, "leak": leak,
            "shift_auc": [plain(s) for s in self.shift], "shift_mean": plain(_mean(self.shift)),
        }  # fmt: skip


def self_checks(
    table: FeatureTable, plan: Plan, fold_of: Ints, *, n_jobs: int | None = None
) -> SelfChecks:
    """All checks on the folds of one repeat; `fold_of` as in `compare_fold`."""
    folds = np.unique(fold_of[fold_of >= 0]).tolist()
    found = Parallel(n_jobs=n_jobs)(
        delayed(fold_checks)(table, plan, fold_of=fold_of, repeat=0, fold=fold) for fold in folds
    )
    possible = min(len(folds), *table.per_class.values())
    return gather(found, leak=row_leak(table, plan, folds=max(possible, 2)))


def gather(folds: Sequence[FoldChecks], *, leak: dict[str, float] | None = None) -> SelfChecks:
    """The checks of several folds in one."""
    permuted = np.array([fold.permuted for fold in folds])
    means: Floats = mean_defined(permuted)
    return SelfChecks(tuple(means.tolist()), tuple(fold.shift for fold in folds), leak)


def fold_checks(
    table: FeatureTable, plan: Plan, *, fold_of: Ints, repeat: int, fold: int
) -> FoldChecks:
    """Permuted labels, and the shift between training and test patients, in one test fold."""
    none = _none(plan)
    seed = derive(plan.seed, "checks", repeat, fold)
    permuted = []
    for number in range(PERMUTATIONS):
        other = _permuted(table, fold_of == fold, seed=derive(seed, "permuted labels", number))
        cell = compare_fold(other, none, fold_of=fold_of, repeat=repeat, fold=fold)
        permuted.append(_auc(cell, other))
    return FoldChecks(tuple(permuted), shift_auc(table, plan, fold_of=fold_of, fold=fold))


def shift_auc(table: FeatureTable, plan: Plan, *, fold_of: Ints, fold: int) -> float:
    """How well the patients of a fold can be told from those who train for it by their features:
    the AUC, on patients held out, of a classifier that learns just that. One half: not at all;
    NaN with fewer than five patients on either side."""
    there = fold_of >= TRAINS
    tested = fold_of == fold
    if min(int(tested.sum()), int((there & ~tested).sum())) < FEWEST_SHIFT:
        return math.nan
    sides = replace(
        table, y=tested[table.patient].astype(np.int64), classes=("training", "test"), rare=1
    )
    seed = derive(plan.seed, "shift", fold)
    again = np.full(fold_of.size, LEFT_OUT)
    again[there] = stratified_folds(tested[there], folds=SHIFT_FOLDS, seed=seed)
    return _cross_validated(sides, _none(plan), again)


def row_leak(table: FeatureTable, plan: Plan, *, folds: int) -> dict[str, float] | None:
    """AUC on rows when rows are split, whosever they are, and when patients are."""
    if len(table.patients) == len(table.X):
        return None
    none, seed = _none(plan), derive(plan.seed, "rows split")
    alone = replace(table, patient=np.arange(len(table.X)), patients=tuple(map(str, table.row)))
    found = {}
    for name, each in (("rows split", alone), ("patients split", table)):
        split = stratified_folds(each.label, folds=folds, seed=seed)
        found[name] = _cross_validated(each, none, split, rows=True)
    return found


def _none(plan: Plan) -> Plan:
    arms = [arm for arm in pick_arms([CONTROL]) if arm.name == CONTROL]
    return replace(plan, arms=arms, generator_seeds=1, rare_patients=None)


def _permuted(table: FeatureTable, tested: np.ndarray, *, seed: int) -> FeatureTable:
    """The same rows under labels that were handed out anew, among those tested and among the
    others, so that both sides keep their numbers of each class."""
    label, rng = table.label, numpy_rng(seed, "labels")
    for side in (tested, ~tested):
        label[side] = rng.permutation(label[side])
    return replace(table, y=label[table.patient])


def _cross_validated(
    table: FeatureTable, plan: Plan, fold_of: Ints, *, rows: bool = False
) -> float:
    """AUC within test folds, averaged over them."""
    folds = np.unique(fold_of[fold_of >= 0]).tolist()
    cells = [compare_fold(table, plan, fold_of=fold_of, repeat=0, fold=f) for f in folds]
    return _mean([_auc(cell, table, rows=rows) for cell in cells])


def _auc(cell: Any, table: FeatureTable, *, rows: bool = False) -> float:
    """AUC of the rare class in one test fold, of patients or of rows."""
    scored = cell if rows else pool_patients(cell)
    scores = score_table(scored, classes=table.classes, rare=table.classes[table.rare])
    return float(scores["auc_rare"])


def _mean(values: Sequence[float]) -> float:
    return float(mean_defined(list(values)))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
