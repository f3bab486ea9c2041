"""Of one arm, what a score alone does not show: which class is called which, whether probabilities
mean what they say, and at which thresholds acting on them does good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rarecase.arrays import Floats
from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import Draws, value_with_interval
from rarecase.ranking import plain, ratio

BINS = 5  # of the calibration curve, equally full
THRESHOLDS = np.arange(1, 20) / 20  # of the decision curve


def curves_of(
    fits: Sequence[Fit], draws: Draws, *, classes: Sequence[str], rare: int
) -> dict[str, Any]:
    """For JSON, over all fits of an arm, with intervals as those of scores:

    * confusion {default, tuned: {true class: {class called: patients}}}, means over fits
    * calibration [{p, patients, share {value, low, high}}], from low to high p of the rare class:
      its mean in one fifth of the predictions, how many patients those are in a fit, and the share
      of the rare class among them
    * decision [{threshold, net_benefit {value, low, high}, all}]: see `clinical.net_benefit`;
      `all`: of acting on everybody
    """
    return {
        "confusion": {
            name: _confusion(fits, classes=classes, rare=rare, tuned=name == "tuned")
            for name in ("default", "tuned")
        },
        "calibration": _calibration(fits, draws, rare=rare),
        "decision": _decision(fits, draws, rare=rare),
    }


def _summed(fits: Sequence[Fit], draws: Draws, columns: Callable[[Fit], Floats]) -> Floats:
    """Sums over fits and their samples of `columns` (n, m), in each draw (draws, m)."""
    total = np.zeros(())
    for seed in dict.fromkeys(fit.seed for fit in fits):  # a set has no order that stays
        mine = [fit for fit in fits if fit.seed == seed]
        each = [columns(fit) for fit in mine]
        of_patients = np.zeros((draws.patients.shape[1], each[0].shape[1]))
        for fit, values in zip(mine, each, strict=True):
            np.add.at(of_patients, fit.patient, values)
        total = total + draws.of_seed(mine[0])[:, None] * (draws.patients @ of_patients)
    return total


def _confusion(
    fits: Sequence[Fit], *, classes: Sequence[str], rare: int, tuned: bool
) -> dict[str, dict[str, float]]:
    each = [Drawn.once(fit, rare=rare).confusion(tuned=tuned)[0] for fit in fits]
    rows = np.mean(each, axis=0).tolist()
    return {
        true: dict(zip(classes, row, strict=True)) for true, row in zip(classes, rows, strict=True)
    }


def _calibration(fits: Sequence[Fit], draws: Draws, *, rare: int) -> list[dict[str, Any]]:
    p = np.concatenate([fit.p[:, rare] for fit in fits])
    cuts = np.unique(np.quantile(p, np.arange(1, BINS) / BINS))

    def columns(fit: Fit) -> Floats:
        here = np.searchsorted(cuts, fit.p[:, rare], side="left")[:, None] == np.arange(BINS)
        there = (fit.true == rare)[:, None]
        return np.hstack([here, here & there, here * fit.p[:, [rare]]]).astype(np.float64)

    count, positive, summed = np.split(_summed(fits, draws, columns), 3, axis=1)
    share = ratio(positive, count)
    return [
        {
            "p": summed[0, at] / count[0, at], "patients": count[0, at] / len(fits),
            "share": value_with_interval(share[:, at]),
        }
        for at in range(BINS) if count[0, at] > 0
    ]  # fmt: skip


def _decision(fits: Sequence[Fit], draws: Draws, *, rare: int) -> list[dict[str, Any]]:
    odds = THRESHOLDS / (1 - THRESHOLDS)

    def columns(fit: Fit) -> Floats:
        there = (fit.true == rare)[:, None]
        worth = np.where(there, 1.0, -odds)
        acted = worth * (fit.p[:, [rare]] >= THRESHOLDS)
        return np.hstack([acted, worth, np.ones_like(there)])

    summed = _summed(fits, draws, columns)
    many = THRESHOLDS.size
    worth = ratio(summed[:, : 2 * many], summed[:, -1:])
    return [
        {
            "threshold": float(THRESHOLDS[at]), "net_benefit": value_with_interval(worth[:, at]),
            "all": plain(worth[0, many + at]),
        }
        for at in range(many)
    ]  # fmt: skip
