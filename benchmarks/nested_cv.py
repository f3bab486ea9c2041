"""The test of two arms beside nested cross-validation (Bates, Hastie and Tibshirani 2024).

    python benchmarks/nested_cv.py [--sets 300] [--jobs -1]

Their Algorithm 1 for a difference of two AUCs: in every one of ten random partitions into five
folds both arms are fitted without each fold, and without each pair of folds. Of each fold k the
inner estimate (mean of ΔAUC over the other folds, fitted without both) is set against ΔAUC on k
itself: the mean squared difference, less DeLong's variance of ΔAUC on k, estimates the mean squared
error of cross-validation with one fold less. The error lies between the naive one and √5 times as
much, as they say; their correction of bias is taken. ΔAUC over that error is held against a normal
distribution, one-sided at 5 %. Beside it, from the same fits without each fold: the product's rule.

Scenarios and tables are those of `level_scenarios.py`; `results/nested_cv/` keeps every data set,
and the next call goes on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from level import kept_lines
from level_scenarios import (
    FOLDS,
    SCENARIOS,
    SIZES,
    Scenario,
    arm_of,
    draw,
    models_of,
    pooled,
    trained,
)
from scipy.stats import norm, t

from rarecase.cohort.splits import stratified_folds
from rarecase.evidence.fits import Fit
from rarecase.evidence.paired import OTHER_FEATURES, TRAINED, compare_fits
from rarecase.features.feature_set import FeatureSet
from rarecase.ranking import placements
from rarecase.seeds import derive

RESULTS = Path(__file__).with_name("results")
PARTITIONS, ALPHA = 10, 0.05
ASKED = ("none", "noise", "unlike", "much true")
OTHER = ("unlike",)  # sets of features, which the product gives another factor


def predicted(
    features: FeatureSet, sampler: str | None, scenario: Scenario, *, fold: Any, seed: int
) -> dict[tuple[int, ...], Any]:
    """Every patient's probability of the rare class by models fitted without one fold or two, NaN
    where it was trained on: folds left out → (n,)."""
    left = [*itertools.combinations(range(FOLDS), 1), *itertools.combinations(range(FOLDS), 2)]
    arm, sets, parts = arm_of(features, sampler, scenario), [], []
    for out in left:
        held = np.flatnonzero(np.isin(fold, out))
        train = np.setdiff1d(np.arange(fold.size), held)
        training, X = trained(
            features, arm, scenario, train=train, held=held, seed=derive(seed, *out)
        )
        sets.append(training)
        parts.append((held, X))
    found = {}
    for out, model, (held, X) in zip(
        left, models_of(sets, scenario, seed=seed), parts, strict=True
    ):
        found[out] = np.full(fold.size, np.nan)
        found[out][held] = pooled(model(X), features, held)[:, 1]
    return found


def moved(arm: Any, control: Any, is_rare: Any, tested: Any) -> tuple[float, float]:
    """ΔAUC on the patients `tested`, and its variance (DeLong)."""
    rare = is_rare[tested]
    apart = placements(arm[tested], rare) - placements(control[tested], rare)
    variance = sum(apart[side].var(ddof=1) / side.sum() for side in (rare, ~rare))
    return float(apart[rare].mean()), float(variance)


def one(scenario: Scenario, size: tuple[int, int], seed: int) -> dict[str, Any]:
    sets, _ = draw(scenario, size, seed)
    label, outer, inner, squares, fits = sets[0].label, [], [], [], ([], [])  # type: ignore[var-annotated]
    for number in range(PARTITIONS):
        fold = stratified_folds(label, folds=FOLDS, seed=derive(seed, "folds", number))
        both = [
            predicted(features, sampler, scenario, fold=fold, seed=derive(seed, stream, number))
            for stream, (features, sampler) in enumerate(
                zip(sets, (scenario.arm, scenario.control), strict=True), 1
            )
        ]
        for k in range(FOLDS):
            d, variance = moved(both[0][k,], both[1][k,], label == 1, fold == k)
            rest = []
            for j in (j for j in range(FOLDS) if j != k):
                pair = (min(j, k), max(j, k))
                rest.append(moved(both[0][pair], both[1][pair], label == 1, fold == j)[0])
            outer.append(d)
            inner.append(np.mean(rest))
            squares.append((np.mean(rest) - d) ** 2 - variance)
        for mine, p in zip(fits, both, strict=True):
            rare = sum(np.where(fold == k, p[k,], 0.0) for k in range(FOLDS))
            who = np.arange(label.size)
            mine.append(Fit(number, 0, who, label, np.stack([1 - rare, rare], 1), fold))
    first = compare_fits(fits[0][:1], fits[1][:1], rare=1, learning=TRAINED)  # one, so × 1
    error = math.sqrt(max(np.mean(squares), 0.0) * (FOLDS - 1) / FOLDS)
    error = min(max(error, first.error), math.sqrt(FOLDS) * first.error)
    bias = (1 + (FOLDS - 2) / FOLDS) * (np.mean(inner) - np.mean(outer))
    product = compare_fits(*fits, rare=1, learning=TRAINED)
    return {
        "seed": seed, "nested": [float(np.mean(inner) - bias), error],
        "product": [product.difference, product.error, product.freedom],
    }  # fmt: skip


def summary(lines: list[dict[str, Any]], *, other: bool) -> dict[str, float]:
    """How often each rejects; deviation of each difference, and its error (root mean square)."""
    nested = np.array([line["nested"] for line in lines]).T
    d, error, freedom = np.array([line["product"] for line in lines]).T
    if other:
        error = error * math.sqrt(OTHER_FEATURES.repeated / TRAINED.repeated)
    found = {
        "sets": len(lines), "mean": d.mean(), "deviation": d.std(ddof=1),
        "error": np.sqrt(np.mean(error**2)), "rejects": (t.sf(d / error, freedom) < ALPHA).mean(),
        "nested mean": nested[0].mean(), "nested deviation": nested[0].std(ddof=1),
        "nested error": np.sqrt(np.mean(nested[1] ** 2)),
        "nested rejects": (norm.sf(nested[0] / nested[1]) < ALPHA).mean(),
    }  # fmt: skip
    return {name: round(float(value), 4) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    file = RESULTS / "nested_cv.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    for name, size in itertools.product(ASKED, ("24 of 110", "76 of 285")):
        work, line = partial(one, SCENARIOS[name], SIZES[size]), f"{name}, {size}"
        lines = kept_lines(RESULTS / "nested_cv", line, work, sets=args.sets, jobs=args.jobs)
        found[line] = summary(list(lines), other=name in OTHER)
        print(line, found[line], flush=True)
        file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
