"""The average of all features × classifiers, weighted by what inner folds say of them together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.experiment.arm import Arm
from rarecase.experiment.arms import REFERENCE
from rarecase.experiment.auto import Candidate, check_candidates, fit_auto
from rarecase.experiment.choosing import Option
from rarecase.experiment.fold import FoldResult, fit_arms
from rarecase.experiment.fold_data import FoldData, Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.tuning import best_threshold
from rarecase.features.sources.registry import STACK
from rarecase.ranking import class_concordance

FEWEST = 0.01  # the weight below which a candidate is left out
ROUNDS, CLOSE = 1000, 1e-6


def stacked_weights(p: Sequence[Floats], true: Ints) -> Floats:
    """Shares (k,) of predictors whose average makes the classes that came most likely.

    Convex combinations of cross-validated predictions (stacking: Wolpert, Neural Networks 1992;
    Breiman, Machine Learning 1996; van der Laan, Polley and Hubbard, Super Learner, Statistical
    Applications in Genetics and Molecular Biology 2007), by the EM algorithm for the weights of a
    mixture, which begins with equal ones. Those below 1 % are left out.

    Parameters
    ----------
    p
        Of each predictor the probabilities of patients who did not train it (patients, classes).
    true
        Their classes (patients,).

    Examples
    --------
    >>> good, bad = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.1, 0.9], [0.9, 0.1]])
    >>> stacked_weights([good, bad, good], np.array([0, 1])).tolist()
    [0.5, 0.0, 0.5]
    """
    own = np.stack([each[np.arange(true.size), true] for each in p])  # (k, patients)
    own = np.maximum(own, 1e-6)  # one certain error does not end a predictor
    weight = np.full(len(p), 1 / len(p))
    for _ in range(ROUNDS):
        before, part = weight, weight[:, None] * own
        weight = (part / part.sum(axis=0)).mean(axis=1)
        if np.abs(weight - before).max() < CLOSE:
            break
    weight = np.where(weight < min(FEWEST, weight.max()), 0.0, weight)
    found: Floats = weight / weight.sum()
    return found


@dataclass(frozen=True, eq=False)
class Weighted:
    """Candidates' data in one fold and their weights (k,) of the average. `threshold`, `auc`: what
    inner folds make of it and promise, on the patients that the weights come from; NaN where inner
    folds can tell of none, and all weigh the same."""

    each: Sequence[FoldData]
    weights: Floats
    threshold: float
    auc: float

    @property
    def chosen(self) -> dict[str, Any]:
        """What stands in the table."""
        names = [f"{e.features.name} × {e.design.classifier.name}" for e in self.each]
        weights = {n: round(float(w), 3) for n, w in zip(names, self.weights, strict=True) if w}
        return {"weights": weights} | (
            {} if math.isnan(self.auc) else {"promised": round(self.auc, 4)}
        )


def weigh(candidates: Sequence[Candidate], place: Place, tools: Tools) -> Weighted:
    """The weights of `candidates` in a fold, by the arm `none` on inner folds of its training
    patients. Arms are asked on what is chosen, and not on an average."""
    check_candidates(candidates)
    each = [FoldData(c.features, averaged(c).design, place, tools) for c in candidates]
    tried = [here.tried(here.design.arms[0]) for here in each]
    options = {i: Option.of(inner) for i, inner in enumerate(tried) if inner is not None}
    if not options:
        return Weighted(each, np.full(len(each), 1 / len(each)), math.nan, math.nan)
    first, p = next(iter(options.values())), [option.p for option in options.values()]
    weights = np.zeros(len(each))
    weights[[*options]] = stacked_weights(p, first.true)
    mean = np.tensordot(weights[[*options]], np.stack(p), axes=1)
    threshold = best_threshold(mean, first.true, rare=first.rare)
    auc = float(class_concordance(mean, first.true, first.fold, rare=first.rare))
    return Weighted(each, weights, threshold, auc)


def averaged(candidate: Candidate) -> Candidate:
    """The candidate as it is averaged: with the arm `none` alone."""
    none = tuple(arm for arm in candidate.design.arms if arm.name == REFERENCE)
    return replace(candidate, design=replace(candidate.design, arms=none))


def stands_for(how: str, candidates: Sequence[Candidate]) -> Candidate:
    """Under which names, and with which arms, the choice among candidates or their average is in
    the tables (`how`: AUTO or STACK)."""
    return (averaged(candidates[0]) if how == STACK else candidates[0]).renamed(how)


def fit_stack(
    candidates: Sequence[Candidate], place: Place, *, tools: Tools | None = None
) -> FoldResult:
    """`fit_fold` for the average of candidates: each fitted to the training patients, averaged with
    its weight. Rows are those of the candidate that has most; of another that has no such sample,
    what it says of the patient counts."""
    found = weigh(candidates, place, tools or Tools())
    fits = [
        fit_arms(here) if w else None for here, w in zip(found.each, found.weights, strict=True)
    ]
    frames = [fit.predictions for fit in fits if fit is not None]
    base = max(frames, key=len)
    columns = [str(c) for c in base.columns if str(c).startswith("p_")]
    weights = found.weights[found.weights > 0]
    p = sum(w * _on(base, frame, columns) for w, frame in zip(weights, frames, strict=True))
    names = {"features": STACK, "classifier": STACK}
    chances = np.clip(np.asarray(p), 0, 1)  # weights may add up to more by a rounding error
    rows = base.assign(
        **names, threshold=found.threshold, chosen=json.dumps(found.chosen),
        **dict(zip(columns, chances.T, strict=True)),
    )  # fmt: skip
    each = [fit.cells for fit in fits if fit is not None]
    cells = each[0].assign(**names, seconds=sum(float(one["seconds"].iloc[0]) for one in each))
    return FoldResult(rows, pd.DataFrame(), cells)


def fit_among(
    how: str,
    candidates: Sequence[Candidate],
    place: Place,
    *,
    arms: Sequence[Arm] | None = None,
    tools: Tools | None = None,
) -> FoldResult:
    """One of the candidates, or the average of all (`how`: AUTO or STACK)."""
    if how == STACK:
        return fit_stack(candidates, place, tools=tools)
    return fit_auto(candidates, place, arms=arms, tools=tools)


def _on(base: pd.DataFrame, frame: pd.DataFrame, columns: list[str]) -> Floats:
    """Probabilities of a fit (n, classes) on the rows of `base`: of the same slice where there is
    one, else the patient's mean."""
    key = ["case", "slice"]
    same = frame.set_index(key)[columns].reindex(pd.MultiIndex.from_frame(base[key]))
    mean = frame.groupby("patient")[columns].mean().reindex(base["patient"])
    values, means = same.to_numpy(np.float64), mean.to_numpy(np.float64)
    return np.where(np.isnan(values), means, values)
