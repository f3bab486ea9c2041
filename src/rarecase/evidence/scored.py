"""Two arms on the same test patients by any metric: the difference, and what chance makes of it.

Of a metric that is no mean over patients there are no placements. The variance of a difference is
that over the bootstrap's draws of patients and seeds, times what learning adds to it (see
`evidence.paired`), and Student's t has as many degrees of freedom as the smallest class has
patients, less one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from rarecase.errors import SettingError, nearest
from rarecase.evidence.components import UNKNOWN
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import Draws, Scorer, arm_differences
from rarecase.evidence.metrics import AUC, Metric
from rarecase.evidence.paired import TRAINED, Comparison, Learning, compare_fits

Compare = Callable[[Sequence[Fit], Sequence[Fit]], Comparison]


def primary_metric(name: str, metrics: Sequence[Metric]) -> Metric:
    """The metric that verdicts are about. Raises `SettingError` for one that is not there, or that
    is best at a value of its own."""
    known = {metric.name: metric for metric in metrics if metric.higher_is_better is not None}
    if name not in known:
        raise SettingError(f"metric={name!r}: {nearest(name, known)}")
    return known[name]


def comparing(metric: Metric, draws: Draws, *, rare: int, learning: Learning = TRAINED) -> Compare:
    """What compares two arms by a metric; larger is better, whichever way the metric has it.
    `learning`: see `compare_fits`."""
    if metric.name == AUC:
        return partial(compare_fits, rare=rare, learning=learning)
    scorer = Scorer(draws, [metric], rare)
    return partial(compare_scores, metric=metric, scorer=scorer, learning=learning)


def compare_scores(
    arm: Sequence[Fit], control: Sequence[Fit], *, metric: Metric, scorer: Scorer,
    learning: Learning = TRAINED,
) -> Comparison:  # fmt: skip
    """Compare two arms by a metric on the folds both have; `scorer` knows that metric alone."""
    ranked = compare_fits(arm, control, rare=scorer.rare, learning=learning)
    moved = arm_differences(arm, control, scorer)
    if moved is None or math.isnan(moved[0, 0]):
        return Comparison(math.nan, math.nan, math.nan)
    sign = 1.0 if metric.higher_is_better else -1.0
    drawn = moved[0, 1:][~np.isnan(moved[0, 1:])]
    error = float(drawn.std(ddof=1)) if drawn.size > 1 else 0.0
    tested = {int(who): int(c) for fit in arm for who, c in zip(fit.patient, fit.true, strict=True)}
    fewest = min(np.unique([*tested.values()], return_counts=True)[1])
    return replace(
        ranked, difference=sign * float(moved[0, 0]), error=error * math.sqrt(ranked.learning),
        freedom=float(fewest - 1), chance=UNKNOWN,
    )  # fmt: skip
