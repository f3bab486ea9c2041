"""Scores of predictions: recall, balanced accuracy, F1, AUC, precision, calibration.

Everything but the AUC and the average precision is computed for each repeat and generator seed over
the test samples of all folds together, then averaged. Those two rank samples, and are computed
within each test fold and averaged over the folds: each fold has its own classifier, so that scores
of two folds share no scale.

Scores that need a decision come twice: at the default, and (named `tuned_…`) at the threshold that
was tuned inside the training part, so that a moved threshold is seen for what it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rarecase.arrays import Bools, Floats, Ints
from rarecase.ranking import fold_concordance, mean_defined, ratio

BINS = 10  # of the calibration error, equally wide


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


def rare_share(p: Floats, *, rare: int) -> Floats:
    """p_rare / (p_rare + the largest other p), (n,): what a threshold is held against.

    For two classes this is p_rare.
    """
    others = np.delete(p, rare, axis=1).max(axis=1)
    share: Floats = p[:, rare] / np.maximum(p[:, rare] + others, np.finfo(np.float64).tiny)
    return share


def called_scores(true: Ints, called: Ints, w: Floats, *, classes: int) -> list[Floats]:
    """Recall of every class, accuracy, balanced accuracy, macro F1; each (draws,).

    `w` (draws, n) says how often each sample counts. A class without a sample has no recall and no
    F1 (NaN), and the means leave it out.
    """
    hit = true == called
    recall, f1 = [], []
    for c in range(classes):
        drawn = w[:, true == c].sum(axis=1)
        right = w[:, hit & (true == c)].sum(axis=1)
        recall.append(ratio(right, drawn))
        both = ratio(2 * right, drawn + w[:, called == c].sum(axis=1))
        f1.append(np.where(drawn > 0, both, np.nan))
    accuracy = ratio(w[:, hit].sum(axis=1), w.sum(axis=1))
    return [*recall, accuracy, mean_defined(np.stack(recall)), mean_defined(np.stack(f1))]


def average_precision(score: Floats, positive: Bools, w: Floats) -> Floats:
    """Σ over falling thresholds of precision × rise in recall; (draws,), NaN without a positive."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # of each group of ties
    found = np.cumsum(w[:, order] * positive[order], axis=1)[:, last]
    seen = np.cumsum(w[:, order], axis=1)[:, last]
    rise = np.diff(found, axis=1, prepend=0.0)
    precision = found / np.maximum(seen, np.finfo(np.float64).tiny)
    return ratio((precision * rise).sum(axis=1), found[:, -1])


def probability_scores(p: Floats, positive: Bools, w: Floats) -> list[Floats]:
    """Brier score (mean squared error of p) and expected calibration error; each (draws,).

    The calibration error is the mean over samples of |mean p − share of positives| of their bin,
    ten bins of equal width (Naeini et al. 2015).
    """
    total = w.sum(axis=1)
    brier = ratio(w @ np.square(p - positive), total)
    inside = np.minimum((p * BINS).astype(np.int64), BINS - 1)[:, None] == np.arange(BINS)
    gaps = np.abs(w @ (inside * (p - positive)[:, None]))
    return [brier, ratio(gaps.sum(axis=1), total)]


def score_names(classes: Sequence[str]) -> list[str]:
    """The names of the scores, in the order in which they are reported.

    >>> score_names(["HGG", "LGG"])[:5]
    ['recall_HGG', 'recall_LGG', 'accuracy', 'balanced_accuracy', 'macro_f1']
    """
    macro = ["auc_macro"] if len(classes) > 2 else []
    called = [*(f"recall_{c}" for c in classes), "accuracy", "balanced_accuracy", "macro_f1"]
    ranked = ["auc_rare", *macro, "average_precision", "brier", "calibration_error"]
    return [*called, *ranked, *(f"tuned_{name}" for name in called)]


def score_fit(
    true: Ints, p: Floats, fold: Ints, *, rare: int, threshold: Floats | None = None
) -> Floats:
    """All scores of one repeat and generator seed, in the order of `score_names`.

    true (n,) class indices, p (n, classes), fold (n,) the test fold of each sample, rare the index
    of the rare class, threshold (n,) the tuned one of each sample's fold. The macro AUC is the mean
    of the classes' one-against-the-rest AUCs.
    """
    k, ones = p.shape[1], np.ones((1, true.size))
    auc = [fold_concordance(p[:, c], true == c, fold) for c in range(k)]
    macro = [float(mean_defined(auc))] if k > 2 else []
    folds = [fold == f for f in np.unique(fold)]
    precision = [average_precision(p[f, rare], true[f] == rare, ones[:, f]) for f in folds]
    tuned = decide(p, rare=rare, threshold=threshold)
    columns = [
        *called_scores(true, decide(p), ones, classes=k),
        auc[rare], *macro, mean_defined(np.stack(precision)),
        *probability_scores(p[:, rare], true == rare, ones),
        *called_scores(true, tuned, ones, classes=k),
    ]  # fmt: skip
    return np.array([np.asarray(column).item() for column in columns], dtype=np.float64)


def score_table(table: pd.DataFrame, *, classes: Sequence[str], rare: str) -> dict[str, float]:
    """Scores of one arm and amount, averaged over its repeats and generator seeds.

    `table` holds one row a sample (slice or patient): repeat, fold, generator_seed, label,
    p_<class> and, where one was tuned, threshold. A score that is defined nowhere (no rare sample
    in any fold) is NaN.
    """
    index = {name: i for i, name in enumerate(classes)}
    columns = [f"p_{c}" for c in classes]
    fits = [
        score_fit(
            part["label"].astype(str).map(index).to_numpy(dtype=np.int64),
            part[columns].to_numpy(dtype=np.float64),
            part["fold"].to_numpy(dtype=np.int64),
            rare=index[rare],
            threshold=part["threshold"].to_numpy(dtype=np.float64) if "threshold" in part else None,
        )
        for _, part in table.groupby(["repeat", "generator_seed"], dropna=False)
    ]
    values = mean_defined(np.stack(fits))
    return {name: float(v) for name, v in zip(score_names(classes), values, strict=True)}
