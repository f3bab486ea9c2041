"""Self-checks of an experiment: would it find something where nothing is?

All with the arm `none`, and never used for a result: labels that were handed out anew must give
chance; a split by samples shows what a leak would have read; and whoever can tell training from
test patients by their features sees a shift between the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rarecase.arrays import Bools, Floats, Ints
from rarecase.cohort.splits import stratified_folds
from rarecase.experiment.design import Design, reference_alone
from rarecase.experiment.fold_data import LEFT_OUT, TRAINS, FoldData, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.sampling import prepare
from rarecase.experiment.tuning import pooled
from rarecase.features.feature_set import FeatureSet
from rarecase.ranking import concordance, mean_defined, plain
from rarecase.seeds import derive, numpy_rng

PERMUTATIONS = 20
TOLERATED = 3.0  # standard errors from one half
SHIFT_FOLDS = 5
FEWEST_SHIFT = 5  # patients on either side: fewer can always be told from the others


def fold_checks(features: FeatureSet, design: Design, place: Place) -> dict[str, Any]:
    """In one test fold: `permuted`, the AUC of the rare class for every permutation of the labels,
    and `shift` (see `shift_auc`); None where not defined."""
    none = reference_alone(design)
    seed = derive(design.seed, "checks", place.repeat, place.fold)
    tested, permuted = place.fold_of == place.fold, []
    for number in range(PERMUTATIONS):
        other = _permuted(features, tested, seed=derive(seed, "permuted labels", number))
        permuted.append(_auc(other, none, place))
    return {"permuted": [plain(a) for a in permuted], "shift": shift_auc(features, none, place)}


def gather(
    folds: Sequence[Mapping[str, Any]], *, leak: Mapping[str, float | None] | None = None
) -> dict[str, Any]:
    """The checks of several folds in one: `permuted_auc` (means over folds, a value a permutation),
    `permuted_mean`, `permuted_error` (its standard error), `suspicious` (the AUC of permuted
    labels is above chance: something leaks), `leak` (see `row_leak`), `shift_auc` (a value a fold),
    `shift_mean`."""
    values = np.array([fold["permuted"] for fold in folds], dtype=np.float64)
    permuted: Floats = mean_defined(values)
    mean = float(mean_defined(permuted))
    defined = permuted[~np.isnan(permuted)]
    error = float(np.std(defined, ddof=1) / np.sqrt(defined.size)) if defined.size > 1 else math.nan
    shift = [fold["shift"] for fold in folds]
    return {
        "permuted_auc": [plain(a) for a in permuted.tolist()], "permuted_mean": plain(mean),
        "permuted_error": plain(error), "suspicious": abs(mean - 0.5) > TOLERATED * error,
        "leak": None if leak is None else dict(leak), "shift_auc": shift,
        "shift_mean": plain(float(mean_defined(np.array(shift, dtype=np.float64)))),
    }  # fmt: skip


def shift_auc(features: FeatureSet, design: Design, place: Place) -> float | None:
    """How well the patients of a fold can be told from those who train for it by their features:
    the AUC, on patients held out, of a classifier that learns just that. One half: not at all;
    None with fewer than five patients on either side."""
    there = place.fold_of >= TRAINS
    tested = place.fold_of == place.fold
    if min(int(tested.sum()), int((there & ~tested).sum())) < FEWEST_SHIFT:
        return None
    sides = replace(
        features, y=tested[features.patient].astype(np.int64), classes=("training", "test"), rare=1,
        nested=(),
    )  # fmt: skip
    again = np.full(place.fold_of.size, LEFT_OUT)
    seed = derive(design.seed, "shift", place.fold)
    again[there] = stratified_folds(tested[there], folds=SHIFT_FOLDS, seed=seed)
    return _cross_validated(sides, reference_alone(design), again)


def row_leak(features: FeatureSet, design: Design, *, folds: int) -> dict[str, float | None] | None:
    """AUC on samples when samples are split, whosever they are, and when patients are; None where
    every patient has one sample."""
    if len(features.patients) == len(features):
        return None
    none, seed = reference_alone(design), derive(design.seed, "rows split")
    names = tuple(map(str, features.rows["slice"]))
    alone = replace(features, patient=np.arange(len(features)), patients=names, nested=())
    found = {}
    for name, each in (("rows split", alone), ("patients split", replace(features, nested=()))):
        split = stratified_folds(each.label, folds=folds, seed=seed)
        found[name] = _cross_validated(each, none, split, samples=True)
    return found


def _permuted(features: FeatureSet, tested: Bools, *, seed: int) -> FeatureSet:
    """The same samples under labels that were handed out anew, among those tested and among the
    others, so that both sides keep their numbers of each class."""
    label, rng = features.label, numpy_rng(seed, "labels")
    for side in (tested, ~tested):
        label[side] = rng.permutation(label[side])
    return replace(features, y=label[features.patient], nested=())


def _cross_validated(
    features: FeatureSet, design: Design, fold_of: Ints, *, samples: bool = False
) -> float | None:
    """AUC within test folds, averaged over them."""
    places = [Place(fold_of, 0, int(f)) for f in np.unique(fold_of[fold_of >= 0])]
    found = [_auc(features, design, place, samples=samples) for place in places]
    return plain(float(mean_defined(found)))


def _auc(features: FeatureSet, design: Design, place: Place, *, samples: bool = False) -> float:
    """AUC of the rare class in one test fold, of patients or of samples, with the arm `none`."""
    here, arm = FoldData(features, design, place, Tools()), design.arms[0]
    sets = prepare(arm, here.part, seed=here.seed)
    p, _ = here.predict(arm, sets({}), here.choose(arm), name="check")
    rare, true = p[:, features.rare], features.y[here.held] == features.rare
    if not samples:
        both = np.column_stack([rare, true]).astype(np.float64)
        rare, true = pooled(both, features.patient[here.held])[0].T
    return concordance(rare, true > 0)
