"""The registry of metrics: a metric is one weighted function and one line of `METRICS`. Its value,
interval, difference, column in tables and place in evidence.json follow from the line.

A function takes a fit's samples as they were drawn (`Drawn`) and returns one value per draw; where
everybody counts once it is the score itself. What is not defined (a recall without a sample of its
class) is NaN.

AUC and average precision rank samples: they are computed within each test fold and averaged over
the folds, since each fold has its own classifier and scores of two folds share no scale. All
others are computed over the test samples of all folds together.

Scores that need a decision exist at the default and (`tuned=True`) at the threshold that was tuned
inside the training part, so that a moved threshold is seen for what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rarecase.arrays import Floats
from rarecase.evidence.clinical import (
    calibration_intercept,
    calibration_slope,
    net_benefit,
    sensitivity_at,
    specificity_at,
)
from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit
from rarecase.ranking import mean_defined, ratio
from rarecase.shown import Brief

AUC = "auc_rare"
"""The metric that verdicts are about: no threshold can move it."""
BINS = 10  # of the calibration error, equally wide


@dataclass(frozen=True, repr=False)
class Metric(Brief):
    """A score of predictions.

    Parameters
    ----------
    name, label
        As programs and as people know it; `{rare}` in a label stands for the rare class.
    function
        ``function(drawn)``: a fit under its draws → (draws,).
    higher_is_better
        None: neither, it is best at a value of its own.
    main
        Whether it stands in the main table (all stand in the full one).
    fewest_classes
        Where there are fewer classes, the metric says nothing new and is left out.
    per_class
        Whether there is one of each class, `{of}` in name and label; the function then takes `of`,
        the index of the class, and the rare class's alone may be `main`.
    others
        Whether among more than two classes there is the same of each other class, too, which is
        named after it; the function takes `of` then, the index of the class.
    """

    name: str
    label: str
    function: Callable[..., Floats]
    higher_is_better: bool | None = True
    main: bool = False
    fewest_classes: int = 2
    per_class: bool = False
    others: bool = False


def recall(drawn: Drawn, *, of: int, tuned: bool = False) -> Floats:
    """Share of the samples of class `of` that are called so."""
    counts = drawn.confusion(tuned=tuned)[:, of]
    return ratio(counts[:, of], counts.sum(axis=1))


def accuracy(drawn: Drawn, *, tuned: bool = False) -> Floats:
    """Share of the samples that are called right."""
    return ratio(_right(drawn.confusion(tuned=tuned)).sum(axis=1), drawn.total)


def balanced_accuracy(drawn: Drawn, *, tuned: bool = False) -> Floats:
    """Mean of the recalls of the classes that are there."""
    counts = drawn.confusion(tuned=tuned)
    return mean_defined(ratio(_right(counts), counts.sum(axis=2)), axis=1)


def macro_f1(drawn: Drawn, *, tuned: bool = False) -> Floats:
    """Mean over the classes that are there of 2 × right / (samples + calls)."""
    counts = drawn.confusion(tuned=tuned)
    there = counts.sum(axis=2)
    f1 = ratio(2 * _right(counts), there + counts.sum(axis=1))
    return mean_defined(np.where(there > 0, f1, np.nan), axis=1)


def _right(counts: Floats) -> Floats:
    """Samples that are called right, by class (draws, classes)."""
    return np.asarray(np.einsum("dcc->dc", counts))


def auc_macro(drawn: Drawn) -> Floats:
    """Mean of the classes' AUCs, each against the rest, within folds."""
    return mean_defined(np.stack([auc(drawn, of=c) for c in range(drawn.fit.p.shape[1])]))


def auc(drawn: Drawn, *, of: int | None = None) -> Floats:
    """AUC against the rest, within folds."""
    ranked = drawn.ranked(drawn.rare if of is None else of)
    return np.full(len(drawn.weights), np.nan) if ranked is None else ranked.concordance()


def average_precision(drawn: Drawn, *, of: int | None = None) -> Floats:
    """Within folds: Σ over falling p of precision × rise in recall."""
    ranked = drawn.ranked(drawn.rare if of is None else of)
    return np.full(len(drawn.weights), np.nan) if ranked is None else ranked.average_precision()


def brier(drawn: Drawn, *, of: int | None = None) -> Floats:
    """Mean squared error of p (Brier 1950)."""
    of = drawn.rare if of is None else of
    gap = np.square(drawn.fit.p[:, of] - drawn.there[:, of])
    return ratio(drawn.weights @ gap, drawn.total)


def calibration_error(drawn: Drawn, *, of: int | None = None) -> Floats:
    """Expected calibration error of p in ten bins of equal width.

    The mean over samples of |mean p − share of positives| of their bin (Naeini et al. 2015).
    """
    of = drawn.rare if of is None else of
    p, positive = drawn.fit.p[:, of], drawn.there[:, of]
    inside = np.minimum((p * BINS).astype(np.int64), BINS - 1)[:, None] == np.arange(BINS)
    gaps = np.abs(drawn.weights @ (inside * (p - positive)[:, None]))
    return ratio(gaps.sum(axis=1), drawn.total)


METRICS = (
    Metric(AUC, "AUC {rare}", auc, main=True, others=True),
    Metric("auc_macro", "macro AUC", auc_macro, fewest_classes=3),
    Metric("balanced_accuracy", "balanced accuracy", balanced_accuracy, main=True),
    Metric("tuned_balanced_accuracy", "tuned balanced accuracy",
           partial(balanced_accuracy, tuned=True), main=True),
    Metric("recall_{of}", "recall {of}", recall, main=True, per_class=True),
    Metric("tuned_recall_{of}", "tuned recall {of}", partial(recall, tuned=True), main=True,
           per_class=True),
    Metric("accuracy", "accuracy", accuracy),
    Metric("tuned_accuracy", "tuned accuracy", partial(accuracy, tuned=True)),
    Metric("macro_f1", "macro F1", macro_f1),
    Metric("tuned_macro_f1", "tuned macro F1", partial(macro_f1, tuned=True)),
    Metric("average_precision", "average precision {rare}", average_precision, others=True),
    Metric("sensitivity_at_90", "sensitivity {rare} (specificity 90 %)",
           partial(sensitivity_at, specificity=0.9), others=True),
    Metric("specificity_at_90", "specificity {rare} (sensitivity 90 %)",
           partial(specificity_at, sensitivity=0.9), others=True),
    Metric("brier", "Brier score {rare}", brier, higher_is_better=False, others=True),
    Metric("calibration_slope", "calibration slope {rare}", calibration_slope,
           higher_is_better=None, others=True),
    Metric("calibration_intercept", "calibration in the large {rare}", calibration_intercept,
           higher_is_better=None, others=True),
    Metric("calibration_error", "calibration error {rare}", calibration_error,
           higher_is_better=False, others=True),
    Metric("net_benefit", "net benefit {rare}", net_benefit, others=True),
)  # fmt: skip
"""In the order of tables."""


def metrics_of(classes: Sequence[str], *, rare: str) -> tuple[Metric, ...]:
    """The metrics of predictions of these classes, of the rare one first.

    >>> [m.name for m in metrics_of(["HGG", "LGG"], rare="LGG") if m.main][3:]
    ['recall_LGG', 'tuned_recall_LGG']
    """
    found: list[Metric] = []
    rest = [c for c in classes if c != rare]
    for metric in METRICS:
        if metric.per_class:
            found += [
                _of(metric, c, classes, main=metric.main and c == rare) for c in (rare, *rest)
            ]
        elif len(classes) >= metric.fewest_classes:
            found.append(replace(metric, label=metric.label.format(rare=rare)))
            for c in rest if metric.others and len(rest) > 1 else ():
                name = f"{metric.name.removesuffix('_rare')}_{{of}}"
                found.append(_of(replace(metric, name=name), c, classes, main=False))
    return tuple(found)


def _of(metric: Metric, of: str, classes: Sequence[str], *, main: bool) -> Metric:
    return replace(
        metric, name=metric.name.format(of=of), label=metric.label.format(of=of, rare=of),
        function=partial(metric.function, of=classes.index(of)), main=main,
    )  # fmt: skip


def fit_scores(drawn: Drawn, metrics: Sequence[Metric]) -> Floats:
    """Every metric of a fit: (metrics, draws)."""
    return np.stack([metric.function(drawn) for metric in metrics])


def mean_scores(fits: Sequence[Fit], *, metrics: Sequence[Metric], rare: int) -> dict[str, float]:
    """Name → value, averaged over repeats and seeds, NaN where defined in none; empty without any
    fit."""
    each = [fit_scores(Drawn.once(fit, rare=rare), metrics)[:, 0] for fit in fits]
    means = mean_defined(np.stack(each)).tolist() if each else []
    return dict(zip((metric.name for metric in metrics), means, strict=bool(each)))
