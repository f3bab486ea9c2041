"""The registry of metrics: a metric is one weighted function and one line of `METRICS`. Its value,
interval, difference, column in tables and place in evidence.json follow from the line.

A function takes a `Fit` of n samples and `weights` (draws, n), how often each sample counts in each
draw, and returns one value per draw; with weights of 1 it is the score itself. What is not defined
(a recall without a sample of its class) is NaN.

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

from rarecase.arrays import Bools, Floats, Ints
from rarecase.evidence.fits import Fit
from rarecase.ranking import mean_defined, rare_share, ratio

AUC = "auc_rare"
"""The metric that verdicts are about: no threshold can move it."""
BINS = 10  # of the calibration error, equally wide
TINY = np.finfo(np.float64).tiny


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


def decide(p: Floats, *, rare: int | None = None, threshold: Floats | None = None) -> Ints:
    """The class called: the largest of p (n, classes); of equal ones the first.

    With `threshold` (n,), each from 0 to 1, the rare class is called when its share of
    p_rare + the largest of the others is above it; one half, or NaN, leaves the call as it is.

    >>> p = np.array([[0.2, 0.8], [0.6, 0.4]])
    >>> decide(p).tolist(), decide(p, rare=1, threshold=np.array([0.3, 0.3])).tolist()
    ([1, 0], [1, 1])
    """
    called = np.asarray(np.argmax(p, axis=1))
    if threshold is None or rare is None:
        return called
    others = p.copy()
    others[:, rare] = -1.0
    moved = np.where(rare_share(p, rare=rare) > threshold, rare, np.argmax(others, axis=1))
    return np.where(np.isnan(threshold) | (threshold == 0.5), called, moved)


def recall(fit: Fit, weights: Floats, *, rare: int, of: int, tuned: bool = False) -> Floats:
    """Share of the samples of class `of` that are called so."""
    there = fit.true == of
    return ratio(_sum(weights, there & _hits(fit, rare, tuned)), _sum(weights, there))


def accuracy(fit: Fit, weights: Floats, *, rare: int, tuned: bool = False) -> Floats:
    """Share of the samples that are called right."""
    return ratio(_sum(weights, _hits(fit, rare, tuned)), weights.sum(axis=1))


def balanced_accuracy(fit: Fit, weights: Floats, *, rare: int, tuned: bool = False) -> Floats:
    """Mean of the recalls of the classes that are there."""
    there, hit = _one_hot(fit.true, fit), _hits(fit, rare, tuned)[:, None]
    return mean_defined(ratio(_sum(weights, there & hit), _sum(weights, there)))


def macro_f1(fit: Fit, weights: Floats, *, rare: int, tuned: bool = False) -> Floats:
    """Mean over the classes that are there of 2 × right / (samples + calls)."""
    called = decide(fit.p, rare=rare, threshold=fit.threshold if tuned else None)
    there, calls = _one_hot(fit.true, fit), _one_hot(called, fit)
    drawn, right = _sum(weights, there), _sum(weights, there & calls)
    f1 = ratio(2 * right, drawn + _sum(weights, calls))
    return mean_defined(np.where(drawn > 0, f1, np.nan))


def auc_rare(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """AUC of the rare class against the rest, within folds."""
    return _mean_of_folds(_concordance, fit, weights, of=rare)


def auc_macro(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """Mean of the classes' AUCs, each against the rest, within folds."""
    each = [auc_rare(fit, weights, rare=c) for c in range(fit.p.shape[1])]
    return mean_defined(np.stack(each))


def average_precision(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """Of the rare class, within folds: Σ over falling p of precision × rise in recall."""
    return _mean_of_folds(_average_precision, fit, weights, of=rare)


def brier(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """Mean squared error of p_rare (Brier 1950)."""
    gap = np.square(fit.p[:, rare] - (fit.true == rare))
    return ratio(weights @ gap, weights.sum(axis=1))


def calibration_error(fit: Fit, weights: Floats, *, rare: int) -> Floats:
    """Expected calibration error of p_rare in ten bins of equal width.

    The mean over samples of |mean p − share of positives| of their bin (Naeini et al. 2015).
    """
    p, positive = fit.p[:, rare], fit.true == rare
    inside = np.minimum((p * BINS).astype(np.int64), BINS - 1)[:, None] == np.arange(BINS)
    gaps = np.abs(weights @ (inside * (p - positive)[:, None]))
    return ratio(gaps.sum(axis=1), weights.sum(axis=1))


def _hits(fit: Fit, rare: int, tuned: bool) -> Bools:
    called = decide(fit.p, rare=rare, threshold=fit.threshold if tuned else None)
    return np.asarray(called == fit.true)


def _one_hot(label: Ints, fit: Fit) -> Bools:
    return np.asarray(label[:, None] == np.arange(fit.p.shape[1]))


def _sum(weights: Floats, which: Bools) -> Floats:
    """Weights of the samples in `which` (n,) or (n, m): (draws,) or (m, draws)."""
    return np.asarray((weights @ which.astype(np.float64)).T)


def _mean_of_folds(
    ranked: Callable[[Floats, Floats], Floats], fit: Fit, weights: Floats, *, of: int
) -> Floats:
    """The mean over the folds in which it is defined of what `ranked` makes of the counts."""
    found = []
    for fold in sorted(fit.folds):
        inside = np.flatnonzero(fit.fold == fold)
        found.append(ranked(*_counts(fit.p[inside, of], fit.true[inside] == of, weights.T[inside])))
    return mean_defined(np.stack(found))


def _counts(score: Floats, positive: Bools, w: Floats) -> tuple[Floats, Floats]:
    """Positives and others found down to each distinct score, from the top; `w` (n, draws), each
    returned (distinct, draws)."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # of each group of ties
    w = w[order]
    found = np.cumsum(w * positive[order][:, None], axis=0)[last]
    return found, np.cumsum(w, axis=0)[last] - found


def _concordance(found: Floats, others: Floats) -> Floats:
    """Share of pairs (positive, other) in which the positive ranks higher; ties count half."""
    rise = np.diff(found, axis=0, prepend=0.0)
    wins = np.diff(others, axis=0, prepend=0.0) * (found - rise / 2)
    return ratio(wins.sum(axis=0), found[-1] * others[-1])


def _average_precision(found: Floats, others: Floats) -> Floats:
    rise = np.diff(found, axis=0, prepend=0.0)
    precision = found / np.maximum(found + others, TINY)
    return ratio((precision * rise).sum(axis=0), found[-1])


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
    return dict(zip((metric.name for metric in metrics), means, strict=bool(each)))
