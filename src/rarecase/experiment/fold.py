"""One test fold: every arm tuned on inner folds, fitted on the training patients, and judged."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.evidence.predictions import DUPLICATES, TUNED
from rarecase.experiment.arms import Arm
from rarecase.experiment.classifiers.logistic import Model
from rarecase.experiment.inner_folds import inner_folds, training_part
from rarecase.experiment.posterior import unmoved
from rarecase.experiment.recipes import Recipe
from rarecase.experiment.training_set import TrainingPart, TrainingSet
from rarecase.experiment.tuning import Grid, InnerFold, make_grid, pooled, tuned_threshold
from rarecase.features.feature_set import FeatureTable
from rarecase.features.standardise import Space
from rarecase.seeds import derive, numpy_rng

log = logging.getLogger(__name__)
TRAINS, LEFT_OUT = -1, -2  # the fold of patients who are never tested; who are in no part


@dataclass(frozen=True)
class Plan:
    """What is compared: the arms, and how each is tuned."""

    arms: Sequence[Arm]
    model: Model
    amounts: tuple[float, ...] = (0.5, 1.0, 2.0)
    inner: int = 3
    generator_seeds: int = 2
    rare_patients: int | None = None
    """Train with this many rare patients only (the scarcity curve)."""
    seed: int = 0
    own: bool = False
    """Whether an arm or the model is the caller's own, which a name does not identify."""


@dataclass
class _Fold:
    """One fold's data, and what its arms have in common."""

    table: FeatureTable
    plan: Plan
    part: TrainingPart
    inner: list[InnerFold]
    test: Floats
    held: Ints  # the patient of each test row
    seed: int
    grids: dict[int, Grid] = field(default_factory=dict)

    def grid(self, recipe: Recipe) -> Grid | None:
        """The inner results of a recipe, computed once for all arms that share it."""
        if not self.inner:
            return None
        if id(recipe) not in self.grids:
            self.grids[id(recipe)] = make_grid(
                recipe, self.inner, amounts=self.plan.amounts, model=self.plan.model,
                label=self.table.label, seed=self.seed,
            )  # fmt: skip
        return self.grids[id(recipe)]

    def choose(self, arm: Arm, amount: float | None = None) -> tuple[float, float, float]:
        """Amount, strength and threshold for an arm; the middle ones where nothing can be tuned."""
        grid, plan = self.grid(arm.recipe), self.plan
        if grid is None:
            middle = plan.model.strengths[len(plan.model.strengths) // 2]
            return (1.0 if amount is None else amount), middle, math.nan
        place = grid.best(amount if arm.recipe.adds else None)
        threshold = tuned_threshold(grid, place, arm.posterior, rare=self.table.rare)
        return grid.amounts[place[0]], grid.strengths[place[1]], threshold

    def predict(self, arm: Arm, training: TrainingSet, strength: float, threshold: float) -> Floats:
        """Probabilities of the test rows. What moves them afterwards moves a patient's, and the
        patient's rows all have it then: a threshold is for patients."""
        p = self.plan.model.fit(training, strength=strength, classes=self.part.classes)(self.test)
        if arm.posterior is unmoved:
            return p
        mean, who = pooled(p, self.held)
        moved = arm.posterior(mean, part=self.part, threshold=threshold)
        return moved[np.searchsorted(who, self.held)]


def compare_fold(
    table: FeatureTable, plan: Plan, *, fold_of: Ints, repeat: int, fold: int
) -> pd.DataFrame:
    """Predictions of every arm on the patients of `fold`; `fold_of` (patients,) says who is in it
    (−1: trains only; −2: left out).

    The columns are those of predictions.parquet (`evidence.pooling.COLUMNS`, added, p_<class>).
    A synthetic arm is followed by its control: as many duplicates of each class as it added.
    """
    seed = derive(plan.seed, "cell", repeat, fold)
    others = np.flatnonzero((fold_of != fold) & (fold_of >= TRAINS))
    trained = _trained(table, others, plan, seed=seed)
    train = np.flatnonzero(np.isin(table.patient, trained))
    held = np.flatnonzero(np.isin(table.patient, np.flatnonzero(fold_of == fold)))
    space = Space.fit(table.X[train])
    here = _Fold(
        table=table,
        plan=plan,
        part=training_part(table, train, space),
        inner=inner_folds(table, trained, folds=plan.inner, seed=derive(seed, "inner folds")),
        test=space(table.X[held]),
        held=table.patient[held],
        seed=seed,
    )
    arms = plan.arms
    if here.part.counts.min() < 2 and any(arm.recipe.adds for arm in arms):
        log.warning(
            "repeat %d, fold %d: class %s has one row to train on, too few to make others from; "
            "arms that add rows are left out there", repeat, fold,
            table.classes[int(here.part.counts.argmin())],
        )  # fmt: skip
        arms = [arm for arm in plan.arms if not arm.recipe.adds]
    copies = next((arm for arm in arms if arm.name == DUPLICATES), None)
    frames = []
    for arm in arms:
        frames += _arm_frames(here, arm, held, duplicates=copies)
    cell = pd.concat(frames, ignore_index=True)
    cell.insert(2, "repeat", repeat)
    cell.insert(3, "fold", fold)
    return cell


def _trained(table: FeatureTable, patients: Ints, plan: Plan, *, seed: int) -> Ints:
    """The training patients; of the rare ones no more than the plan wants."""
    if plan.rare_patients is None:
        return patients
    is_rare = table.label[patients] == table.rare
    rare = patients[is_rare]
    kept = numpy_rng(seed, "rare patients kept").permutation(rare)[: plan.rare_patients]
    return np.sort(np.concatenate([patients[~is_rare], kept]))


def _arm_frames(here: _Fold, arm: Arm, held: Ints, *, duplicates: Arm | None) -> list[pd.DataFrame]:
    amount, strength, threshold = here.choose(arm)
    seeds = range(here.plan.generator_seeds if arm.recipe.random else 1)
    frames = []
    for number in seeds:
        sets = arm.recipe.prepare(here.part, seed=derive(here.seed, "generator seed", number))
        training = sets(here.part.missing(amount))
        p = here.predict(arm, training, strength, threshold)
        # The threshold arm's own lies at one half after its move.
        cut = 0.5 if arm.name == "threshold" else threshold
        frames.append(_frame(here, arm, held, p, training, seed=number, threshold=cut))
        if arm.synthetic and duplicates is not None:
            frames.append(_control(here, arm, duplicates, held, training, amount, number))
    return frames


def _control(
    here: _Fold,
    arm: Arm,
    duplicates: Arm,
    held: Ints,
    made: TrainingSet,
    amount: float,
    number: int,
) -> pd.DataFrame:
    """The control of a synthetic arm: as many duplicates of each class, its strength and threshold
    tuned at the same amount."""
    _, strength, threshold = here.choose(duplicates, amount)
    sets = duplicates.recipe.prepare(here.part, seed=derive(here.seed, "generator seed", number))
    training = sets(made.added)
    p = here.predict(duplicates, training, strength, threshold)
    named = Arm(f"{DUPLICATES}:{arm.name}", duplicates.recipe, duplicates.posterior)
    return _frame(here, named, held, p, training, seed=number, threshold=threshold)


def _frame(
    here: _Fold,
    arm: Arm,
    held: Ints,
    p: Floats,
    training: TrainingSet,
    *,
    seed: int,
    threshold: float,
) -> pd.DataFrame:
    table = here.table
    who = table.patient[held]
    columns = {
        "arm": arm.name,
        "amount": TUNED if arm.recipe.adds else 0,
        "generator_seed": seed if arm.recipe.random else -1,
        "threshold": threshold,
        "added": training.size,
        "case": np.asarray(table.patients)[who],
        "slice": table.row[held],
        "patient": np.asarray(table.patients)[who],
        "label": np.asarray(table.classes)[table.y[held]],
        "predicted": 1,
    }
    chances = {f"p_{name}": p[:, i] for i, name in enumerate(table.classes)}
    return pd.DataFrame(columns | chances)
