"""What an arm finds at every rate of false alarms, and what its scores of patients are: the charts
of its predictions, of the same fits and draws as its row of the evidence.

ROC and precision–recall curves are drawn within each test fold, as AUC and average precision are
computed, and averaged over folds, repeats and seeds at the same height (vertical averaging, Fawcett
2006): scores of two folds share no scale. Their areas are the numbers in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rarecase.arrays import Floats
from rarecase.evidence.clinical import precision_at, sensitivity_at
from rarecase.evidence.fits import Fit, fits_of
from rarecase.evidence.intervals import (
    Draws,
    Scorer,
    arm_scores,
    make_draws,
    percentile_interval,
)
from rarecase.evidence.metrics import Metric
from rarecase.evidence.predictions import KEY, pool_patients
from rarecase.evidence.rows import Key

GRID = np.linspace(0, 1, 51)
DRAWS = 300  # of a band: it is looked at, and its ends are not read as numbers


@dataclass(frozen=True, eq=False)
class Band:
    """A value at every place of `GRID`, and the ends of its 95 % interval."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class Operating:
    """Of one arm: `found` (sensitivity by rate of false alarms), `precision` (by recall), each
    patient's class and mean `p` (patients, classes) over repeats and seeds, and the distinct tuned
    `thresholds` of its folds."""

    found: Band
    precision: Band
    label: Sequence[str]
    p: Floats
    thresholds: Floats


def operating_curves(
    predictions: pd.DataFrame, evidence: Mapping[str, Any], keys: Sequence[Key]
) -> dict[Key, Operating]:
    """Those of the rows `keys`; bands of the first one, of the others values alone."""
    classes = [str(c) for c in evidence["classes"]]
    known = predictions.drop_duplicates("patient").sort_values("patient")
    labels = known["label"].astype(str).map(classes.index).to_numpy(np.int64)
    wanted = pd.Index([tuple(key) for key in keys])
    mine = predictions[pd.MultiIndex.from_frame(predictions[KEY].astype(str)).isin(wanted)]
    fits = fits_of(pool_patients(mine), classes=classes, patients=[*known["patient"]])
    seed, rare = evidence["bootstrap"]["seed"], classes.index(evidence["rare"])
    drawn = make_draws(labels, evidence["seeds"], draws=DRAWS, seed=seed)
    once = Draws(drawn.patients[:1], {name: each[:1] for name, each in drawn.seeds.items()})
    return {
        key: _of_arm(fits[tuple(key)], drawn if i == 0 else once, classes, labels, rare=rare)
        for i, key in enumerate(keys)
    }


def _of_arm(
    fits: Sequence[Fit], drawn: Draws, classes: Sequence[str], labels: Any, *, rare: int
) -> Operating:
    found = [Metric("", "", partial(sensitivity_at, specificity=1 - x)) for x in GRID]
    precision = [Metric("", "", partial(precision_at, recall=x)) for x in GRID]
    values = arm_scores(fits, Scorer(drawn, [*found, *precision], rare))
    who, p = mean_patients(fits)
    tuned = [fit.threshold for fit in fits if fit.threshold is not None]
    thresholds = np.unique(np.concatenate(tuned)) if tuned else np.array([])
    return Operating(
        _band(values[: GRID.size]), _band(values[GRID.size :]),
        [classes[labels[i]] for i in who], p, thresholds[~np.isnan(thresholds)],
    )  # fmt: skip


def mean_patients(fits: Sequence[Fit]) -> tuple[Any, Floats]:
    """Indices of the patients that fits have, and the mean of each one's probabilities over
    repeats and seeds (patients, classes)."""
    who, at = np.unique(np.concatenate([fit.patient for fit in fits]), return_inverse=True)
    p = np.concatenate([fit.p for fit in fits])
    summed = np.zeros((who.size, p.shape[1]))
    np.add.at(summed, at, p)
    return who, summed / np.bincount(at)[:, None]


def _band(values: Floats) -> Band:
    """Of values (places, draws), of which the first draw is the value itself."""
    ends = np.array([percentile_interval(each[1:]) for each in values])
    return Band(values[:, 0], ends[:, 0], ends[:, 1])
