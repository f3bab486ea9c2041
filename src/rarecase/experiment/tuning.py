"""What is chosen on inner folds of the training patients: amount, grid point and threshold; and how
probabilities are moved after a fit, which ranks none anew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.experiment.arm import Arm, Move
from rarecase.experiment.classifiers.contract import Classifier, Point
from rarecase.experiment.sampling import prepare
from rarecase.experiment.training_set import InnerFold, TrainingPart, TrainingSet, at_level
from rarecase.ranking import class_concordance, mean_defined, rare_share
from rarecase.seeds import derive


@dataclass(frozen=True)
class Choice:
    """What an arm is fitted with; `threshold` is NaN where none could be tuned. `auc`: on the
    inner folds that chose it, which it has seen; NaN where none did."""

    level: float
    point: Point
    threshold: float
    auc: float = math.nan


def untuned(levels: tuple[float, ...], points: tuple[Point, ...]) -> Choice:
    """Where nothing can be tuned: balanced classes if there are several levels to choose from, the
    middle of the grid, no threshold."""
    level = levels[0] if len(levels) == 1 else 1.0
    return Choice(level, points[len(points) // 2], math.nan)


@dataclass(frozen=True, eq=False)
class Inner:
    """Out-of-fold probabilities of real inner patients for every level and point."""

    levels: tuple[float, ...]  # of the amount
    points: tuple[Point, ...]  # of the grid
    p: Floats  # (levels, points, patients, classes)
    auc: Floats  # (levels, points): within inner folds (see `class_concordance`)
    true: Ints  # (patients,)
    fold: Ints  # (patients,)
    parts: tuple[TrainingPart, ...]  # of each inner fold

    def best(self, *, level: float | None = None) -> tuple[int, int]:
        """The places of the level and the point with the largest AUC, as `choose` takes them."""
        allowed = np.array([level is None or each == level for each in self.levels])
        scores = np.nan_to_num(self.auc, nan=0.5).round(12)
        scores[~allowed] = -1.0
        s, k = np.unravel_index(int(np.argmax(scores)), scores.shape)
        return int(s), int(k)

    def choose(self, posterior: Move, *, level: float | None = None) -> Choice:
        """The level and point with the largest AUC; of equal ones the lower level and the more
        cautious point. `level`: among this one alone."""
        s, k = self.best(level=level)
        # The threshold is for what the arm makes of probabilities before it knows one.
        p = self.p[s, k].copy()
        for number, part in enumerate(self.parts):
            inside = self.fold == number
            p[inside] = moved(p[inside], posterior, part=part, threshold=math.nan)
        threshold = best_threshold(p, self.true, rare=self.parts[0].rare)
        return Choice(self.levels[s], self.points[k], threshold, float(self.auc[s, k]))


def moved(p: Floats, how: Move, *, part: TrainingPart, threshold: float) -> Floats:
    """Probabilities of patients (n, classes) as an arm reports them.

    ``threshold``: the odds of the rare class are moved so that its tuned `threshold` lies at one
    half (NaN: none was tuned). ``logit``: log p − log prior, post hoc (Menon et al. 2021, arXiv
    2007.07314, equation 9 with τ = 1); the prior is the share of a class among the patients of
    `part`, the real training samples. ``none``: as they are.

    >>> part = TrainingPart(np.zeros((2, 1)), np.array([0, 1]), np.arange(2), 2, 1)
    >>> moved(np.array([[0.8, 0.2]]), "threshold", part=part, threshold=0.2)
    array([[0.5, 0.5]])
    """
    if how == "logit":
        who, first = np.unique(part.patient, return_index=True)
        counts = np.bincount(part.y[first], minlength=part.classes)
        return _weighted(p, who.size / np.maximum(counts, 1))
    if how == "threshold" and 0 < threshold < 1:
        weight = np.ones(part.classes)
        weight[part.rare] = (1 - threshold) / threshold
        return _weighted(p, weight)
    return p


def _weighted(p: Floats, weight: Floats) -> Floats:
    after = p * weight
    normal: Floats = after / after.sum(axis=1, keepdims=True)
    return normal


def pooled(p: Floats, patient: Ints) -> tuple[Floats, Ints]:
    """Mean probabilities (…, samples, classes) of each patient's samples, and the patients,
    sorted."""
    order = np.argsort(patient, kind="stable")
    who, starts, count = np.unique(patient[order], return_index=True, return_counts=True)
    total = np.add.reduceat(p[..., order, :], starts, axis=-2)
    return np.asarray(total / count[:, None]), who


def fit_inner(
    arm: Arm,
    inner: Sequence[InnerFold],
    *,
    levels: tuple[float, ...],
    classifier: Classifier,
    label: Ints,
    seed: int,
    random_state: int,
) -> Inner:
    """Fit every level (see `levels_of`) and grid point on every inner fold. `label`: class indices
    of all patients; samplers draw from `seed`, classifiers from `random_state`."""
    points, classes, rare = classifier.points, inner[0].part.classes, inner[0].part.rare
    fits = classifier.fit_grid(
        _trainings(arm, inner, levels=levels, seed=seed), classes=classes,
        random_state=random_state,
    )  # fmt: skip
    found: list[Floats] = []
    for fold in inner:
        cells = [
            [fold.held.predicted(fit, copies=arm.test_copies) for fit in next(fits)] for _ in levels
        ]
        found.append(pooled(np.array(cells), fold.patient)[0])
    p = np.concatenate(found, axis=2)
    who = [np.unique(fold.patient) for fold in inner]
    true = label[np.concatenate(who)]
    within = np.repeat(np.arange(len(who)), [each.size for each in who])
    auc = class_concordance(p, true, within, rare=rare)
    return Inner(levels, points, p, auc, true, within, tuple(f.part for f in inner))


def _trainings(
    arm: Arm, inner: Sequence[InnerFold], *, levels: tuple[float, ...], seed: int
) -> Iterator[TrainingSet]:
    """The arm's training set of every inner fold at every level, fold by fold."""
    for number, fold in enumerate(inner):
        sets = prepare(arm, fold.part, seed=derive(seed, "inner", number))
        for level in levels:
            yield sets(at_level(fold.part, arm.amount, level))


def best_threshold(p: Floats, true: Ints, *, rare: int) -> float:
    """The threshold on `rare_share` that maximises balanced accuracy over all classes.

    Of equally good ones the middle of the widest gap between two patients' shares; NaN where `true`
    does not hold both kinds.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]])
    >>> best_threshold(p, np.array([0, 0, 1, 1]), rare=1)
    0.25
    """
    is_rare = true == rare
    if is_rare.all() or not is_rare.any():
        return math.nan
    share = rare_share(p, rare=rare)
    others = p.copy()
    others[:, rare] = -1.0
    right = (np.argmax(others, axis=1) == true) & ~is_rare  # called right if not called rare
    cuts = np.unique(np.concatenate([[0.0, 1.0], share]))
    middles, gaps = (cuts[:-1] + cuts[1:]) / 2, np.diff(cuts)
    below = share[None, :] <= middles[:, None]
    scores = [(~below[:, is_rare]).mean(axis=1)]
    scores += [(below & right)[:, true == c].mean(axis=1) for c in np.unique(true[~is_rare])]
    balanced = mean_defined(np.stack(scores)).round(12)
    best = np.flatnonzero(balanced == balanced.max())
    return float(middles[best[np.argmax(gaps[best])]])
