"""What an arm chooses on inner folds of its training patients: amount, strength and threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.evidence.scores import rare_share
from rarecase.experiment.classifiers.logistic import Model
from rarecase.experiment.posterior import Posterior
from rarecase.experiment.recipes import Recipe
from rarecase.experiment.training_set import TrainingPart
from rarecase.ranking import fold_concordance, mean_defined
from rarecase.seeds import derive


@dataclass(frozen=True)
class InnerFold:
    """The training part of an inner fold in its own space, and the real rows held out."""

    part: TrainingPart
    X: Floats
    patient: Ints


@dataclass(frozen=True)
class Grid:
    """Out-of-fold probabilities on real inner patients for every amount and strength.

    `p` (amounts, strengths, patients, classes), `auc` (amounts, strengths) of the rare class within
    inner folds; `true`, `fold` (patients,) and `parts`, the training part of each inner fold.
    """

    amounts: tuple[float, ...]
    strengths: tuple[float, ...]
    p: Floats
    auc: Floats
    true: Ints
    fold: Ints
    parts: tuple[TrainingPart, ...]

    def best(self, amount: float | None = None) -> tuple[int, int]:
        """Places of the amount and strength with the largest AUC; of equal ones the smaller amount
        and the more cautious strength. `amount`: among this one alone."""
        allowed = np.array([amount is None or a == amount for a in self.amounts])
        scores = np.where(np.isnan(self.auc), 0.5, self.auc).round(12)
        scores[~allowed] = -1.0
        place = np.unravel_index(int(np.argmax(scores)), scores.shape)
        return int(place[0]), int(place[1])


def pooled(p: Floats, patient: Ints) -> tuple[Floats, Ints]:
    """Mean probabilities of each patient's rows, and the patients, sorted."""
    who, at = np.unique(patient, return_inverse=True)
    total = np.zeros((who.size, p.shape[1]))
    np.add.at(total, at, p)
    return total / np.bincount(at)[:, None], who


def make_grid(
    recipe: Recipe,
    inner: Sequence[InnerFold],
    *,
    amounts: Sequence[float],
    model: Model,
    label: Ints,
    seed: int,
) -> Grid:
    """Fit every amount and strength on every inner fold; `label` (all patients,) class indices."""
    amounts = tuple(amounts) if recipe.adds else (0.0,)
    strengths = model.strengths
    found: list[Floats] = []
    who: list[Ints] = []
    for number, fold in enumerate(inner):
        sets = recipe.prepare(fold.part, seed=derive(seed, "inner", number))
        cells = [
            [
                pooled(
                    model.fit(training, strength=s, classes=fold.part.classes)(fold.X), fold.patient
                )[0]
                for s in strengths
            ]
            for training in (sets(fold.part.missing(a)) for a in amounts)
        ]
        found.append(np.array(cells))
        who.append(np.unique(fold.patient))
    p = np.concatenate(found, axis=2)
    patients = np.concatenate(who)
    true = label[patients]
    within = np.repeat(np.arange(len(who)), [each.size for each in who]).astype(np.int64)
    rare = inner[0].part.rare
    auc = np.array([[fold_concordance(q[:, rare], true == rare, within) for q in row] for row in p])
    return Grid(amounts, strengths, p, auc, true, within, tuple(f.part for f in inner))


def tuned_threshold(
    grid: Grid, place: tuple[int, int], posterior: Posterior, *, rare: int
) -> float:
    """The threshold for the rare class with the largest balanced accuracy on inner patients.

    Held against `rare_share`; the middle of all that are equally good. NaN when the inner patients
    do not hold both kinds.
    """
    p = np.empty_like(grid.p[place])
    for number, part in enumerate(grid.parts):
        inside = grid.fold == number
        p[inside] = posterior(grid.p[place][inside], part=part, threshold=math.nan)
    return best_threshold(p, grid.true, rare=rare)


def best_threshold(p: Floats, true: Ints, *, rare: int) -> float:
    """The threshold on `rare_share` that maximises balanced accuracy over all classes.

    Of equally good ones the middle of the widest gap between two patients' shares.

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
