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
from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit
from rarecase.ranking import mean_defined, ratio

AUC = "auc_rare"
"""The metric that verdicts are about: no threshold can move it."""
BINS = 10  # of the calibration error, equally wide


@dataclass(frozen=True)
class Metric:
    """A score of predictions.

    Parameters
    ----------
    name, label
        As programs and as people know it; `{rare}` in a label stands for the rare class.
    function
        ``function(drawn)``: a fit under its draws → (draws,).
    main
        Whether it stands in the main table (all stand in the full one).
    fewest_classes
        Where there are fewer classes, the metric says nothing new and is left out.
    per_class
        Whether there is one of each class, `{of}` in name and label; the function then takes `of`,
        the index of the class, and the rare class's alone may be `main`.
    """

    name: str
    label: str
    function: Callable[..., Floats]
    higher_is_better: bool = True
    main: bool = False
    fewest_classes: int = 2
    per_class: bool = False


def recall(drawn: Drawn, *, of: int, tuned: bool = False) -> Floats:
    """Share of the samples of class `of` that are called so."""
    there = drawn.there[:, of]
    return ratio(drawn.sum(there & drawn.hits(tuned=tuned)), drawn.sum(there))


def accuracy(drawn: Drawn, *, tuned: bool = False) -> Floats:
    """Share of the samples that are called right."""
    return ratio(drawn.sum(drawn.hits(tuned=tuned)), drawn.total)


def balanced_accuracy(drawn: Drawn, *, tuned: bool = False) -> Floats:
    """Mean of the recalls of the classes that are there."""
    right = drawn.there & drawn.hits(tuned=tuned)[:, None]
    return mean_defined(ratio(drawn.sum(right), drawn.sum(drawn.there)))


def macro_f1(drawn: Drawn, *, tuned: bool = False) -> Floats:
    """Mean over the classes that are there of 2 × right / (samples + calls)."""
    calls = drawn.one_hot(drawn.called(tuned=tuned))
    there, right = drawn.sum(drawn.there), drawn.sum(drawn.there & calls)
    f1 = ratio(2 * right, there + drawn.sum(calls))
    return mean_defined(np.where(there > 0, f1, np.nan))


def auc_rare(drawn: Drawn) -> Floats:
    """AUC of the rare class against the rest, within folds."""
    return _auc(drawn, drawn.rare)


def auc_macro(drawn: Drawn) -> Floats:
    """Mean of the classes' AUCs, each against the rest, within folds."""
    return mean_defined(np.stack([_auc(drawn, c) for c in range(drawn.fit.p.shape[1])]))


def _auc(drawn: Drawn, of: int) -> Floats:
    ranked = drawn.ranked(of)
    return np.full(len(drawn.weights), np.nan) if ranked is None else ranked.concordance()


def average_precision(drawn: Drawn) -> Floats:
    """Of the rare class, within folds: Σ over falling p of precision × rise in recall."""
    ranked = drawn.ranked(drawn.rare)
    return np.full(len(drawn.weights), np.nan) if ranked is None else ranked.average_precision()


def brier(drawn: Drawn) -> Floats:
    """Mean squared error of p_rare (Brier 1950)."""
    gap = np.square(drawn.fit.p[:, drawn.rare] - drawn.there[:, drawn.rare])
    return ratio(drawn.weights @ gap, drawn.total)


def calibration_error(drawn: Drawn) -> Floats:
    """Expected calibration error of p_rare in ten bins of equal width.

    The mean over samples of |mean p − share of positives| of their bin (Naeini et al. 2015).
    """
    p, positive = drawn.fit.p[:, drawn.rare], drawn.there[:, drawn.rare]
    inside = np.minimum((p * BINS).astype(np.int64), BINS - 1)[:, None] == np.arange(BINS)
    gaps = np.abs(drawn.weights @ (inside * (p - positive)[:, None]))
    return ratio(gaps.sum(axis=1), drawn.total)


METRICS = (
    Metric(AUC, "AUC {rare}", auc_rare, main=True),
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
    Metric("average_precision", "average precision {rare}", average_precision),
    Metric("brier", "Brier score", brier, higher_is_better=False),
    Metric("calibration_error", "calibration error", calibration_error,
           higher_is_better=False),
)  # fmt: skip
"""In the order of tables."""


def metrics_of(classes: Sequence[str], *, rare: str) -> tuple[Metric, ...]:
    """The metrics of predictions of these classes, of the rare one first.

    >>> [m.name for m in metrics_of(["HGG", "LGG"], rare="LGG") if m.main][3:]
    ['recall_LGG', 'tuned_recall_LGG']
    """
    found: list[Metric] = []
    for metric in METRICS:
        if metric.per_class:
            found += [
                replace(
                    metric, name=metric.name.format(of=c), label=metric.label.format(of=c),
                    function=partial(metric.function, of=classes.index(c)),
                    main=metric.main and c == rare,
                )
                for c in sorted(classes, key=lambda c: c != rare)
            ]  # fmt: skip
        elif len(classes) >= metric.fewest_classes:
            found.append(replace(metric, label=metric.label.format(rare=rare)))
    return tuple(found)


def fit_scores(drawn: Drawn, metrics: Sequence[Metric]) -> Floats:
    """Every metric of a fit: (metrics, draws)."""
    return np.stack([metric.function(drawn) for metric in metrics])


def mean_scores(fits: Sequence[Fit], *, metrics: Sequence[Metric], rare: int) -> dict[str, float]:
    """Name → value, averaged over repeats and seeds, NaN where defined in none; empty without any
    fit."""
    each = [fit_scores(Drawn.once(fit, rare=rare), metrics)[:, 0] for fit in fits]
    means = mean_defined(np.stack(each)).tolist() if each else []
    return dict(zip((metric.name for metric in metrics), means, strict=bool(each)))
