"""The registry of metrics: a metric is one weighted function and one line here.

Its value, interval, difference, column in tables and place in evidence.json follow from the line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rarecase.arrays import Floats
from rarecase.evidence import scores
from rarecase.evidence.fits import Fit
from rarecase.ranking import mean_defined

AUC = "auc_rare"
"""The metric that verdicts are about: no threshold can move it."""


@dataclass(frozen=True)
class Metric:
    """A score of predictions.

    Parameters
    ----------
    name, label
        As programs and as people know it; `{rare}` in a label stands for the rare class.
    function
        ``function(fit, weights, *, rare)``: weights (draws, n) of the fit's n samples, index of the
        rare class → (draws,).
    main
        Whether it stands in the main table (all stand in the full one).
    fewest_classes
        Where there are fewer classes, the metric says nothing new and is left out.
    """

    name: str
    label: str
    function: Callable[..., Floats]
    higher_is_better: bool = True
    main: bool = False
    fewest_classes: int = 2


@dataclass(frozen=True)
class PerClass:
    """A metric of each class, `{}` in name and label its name; the rare class's may be `main`."""

    name: str
    label: str
    function: Callable[..., Floats]  # as `Metric`'s, and `of`, the index of the class
    main: bool = False

    def each(self, classes: Sequence[str], rare: str) -> list[Metric]:
        """The metric of every class, the rare one first."""
        return [
            Metric(
                self.name.format(c), self.label.format(c),
                partial(self.function, of=classes.index(c)), main=self.main and c == rare,
            )
            for c in sorted(classes, key=lambda c: c != rare)
        ]  # fmt: skip


METRICS: tuple[Metric | PerClass, ...] = (
    Metric(AUC, "AUC {rare}", scores.auc_rare, main=True),
    Metric("auc_macro", "macro AUC", scores.auc_macro, fewest_classes=3),
    Metric("balanced_accuracy", "balanced accuracy", scores.balanced_accuracy, main=True),
    Metric("tuned_balanced_accuracy", "tuned balanced accuracy",
           partial(scores.balanced_accuracy, tuned=True), main=True),
    PerClass("recall_{}", "recall {}", scores.recall, main=True),
    PerClass("tuned_recall_{}", "tuned recall {}", partial(scores.recall, tuned=True), main=True),
    Metric("accuracy", "accuracy", scores.accuracy),
    Metric("tuned_accuracy", "tuned accuracy", partial(scores.accuracy, tuned=True)),
    Metric("macro_f1", "macro F1", scores.macro_f1),
    Metric("tuned_macro_f1", "tuned macro F1", partial(scores.macro_f1, tuned=True)),
    Metric("average_precision", "average precision {rare}", scores.average_precision),
    Metric("brier", "Brier score", scores.brier, higher_is_better=False),
    Metric("calibration_error", "calibration error", scores.calibration_error,
           higher_is_better=False),
)  # fmt: skip
"""In the order of tables."""


def metrics_of(classes: Sequence[str], *, rare: str) -> tuple[Metric, ...]:
    """The metrics of predictions of these classes.

    >>> [m.name for m in metrics_of(["HGG", "LGG"], rare="LGG") if m.main][3:]
    ['recall_LGG', 'tuned_recall_LGG']
    """
    found: list[Metric] = []
    for metric in METRICS:
        if isinstance(metric, PerClass):
            found += metric.each(classes, rare)
        elif len(classes) >= metric.fewest_classes:
            found.append(replace(metric, label=metric.label.format(rare=rare)))
    return tuple(found)


def fit_scores(fit: Fit, weights: Floats, *, metrics: Sequence[Metric], rare: int) -> Floats:
    """Every metric of a fit under `weights` (draws, n): (metrics, draws)."""
    return np.stack([metric.function(fit, weights, rare=rare) for metric in metrics])


def mean_scores(fits: Sequence[Fit], *, metrics: Sequence[Metric], rare: int) -> dict[str, float]:
    """Name → value, averaged over repeats and seeds, NaN where defined in none; empty without any
    fit."""
    each = [
        fit_scores(fit, np.ones((1, fit.true.size)), metrics=metrics, rare=rare)[:, 0]
        for fit in fits
    ]
    means = mean_defined(np.stack(each)).tolist() if each else []
    return {metric.name: mean for metric, mean in zip(metrics, means, strict=bool(each))}
