"""Recall, accuracy, balanced accuracy and concordance (AUC), on slices or on patients.

Recall and accuracies are computed for each repeat and generator seed over the test samples of all
folds together, then averaged. Concordance is computed within each test fold and averaged over the
folds: each fold has its own classifier, so that scores of two folds share no scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]


def decide(p: Floats) -> Ints:
    """The class called: the largest of p (n, classes); of equal ones the first.

    For two classes that sum to 1 this is the threshold 0.5.

    >>> decide(np.array([[0.2, 0.8], [0.6, 0.4]])).tolist()
    [1, 0]
    """
    return np.asarray(np.argmax(p, axis=1))


def mean_defined(values: Floats | Sequence[float], axis: int = 0) -> Floats:
    """Mean over `axis` of the entries that are not NaN; NaN where there is none.

    >>> mean_defined([0.5, float("nan"), 1.0])
    array(0.75)
    """
    array = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(array)
    count = defined.sum(axis=axis)
    total = np.where(defined, array, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def recalls(true: Ints, called: Ints, n_classes: int) -> Floats:
    """Share of each class's samples that are called right (n_classes,); NaN for an absent class."""
    hit = true == called
    return np.array(
        [hit[true == c].mean() if (true == c).any() else np.nan for c in range(n_classes)]
    )


def concordance(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Share of (positive, negative) pairs in which the positive scores higher; ties count half.

    The area under the ROC curve, as the Mann-Whitney statistic. NaN without a pair.

    >>> concordance(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if not n_positive or not n_negative:
        return math.nan
    ranks = rankdata(score)[positive].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def fold_concordance(score: Floats, positive: NDArray[np.bool_], fold: Ints) -> float:
    """Concordance within each fold, averaged over the folds that have both kinds; else NaN."""
    inside = [concordance(score[fold == f], positive[fold == f]) for f in np.unique(fold)]
    return float(mean_defined(inside))


def score_names(classes: Sequence[str]) -> list[str]:
    """The names of the scores, in the order in which they are reported.

    >>> score_names(["HGG", "LGG"])
    ['recall_HGG', 'recall_LGG', 'accuracy', 'balanced_accuracy', 'auc_rare']
    """
    macro = ["auc_macro"] if len(classes) > 2 else []
    return [*(f"recall_{c}" for c in classes), "accuracy", "balanced_accuracy", "auc_rare", *macro]


def score_fit(true: Ints, p: Floats, fold: Ints, *, rare: int) -> Floats:
    """All scores of one repeat and generator seed, in the order of `score_names`.

    true (n,) class indices, p (n, classes), fold (n,) the test fold of each sample, rare the index
    of the rare class. The macro AUC is the mean of the classes' one-against-the-rest AUCs.
    """
    k = p.shape[1]
    called = decide(p)
    recall = recalls(true, called, k)
    auc = [fold_concordance(p[:, c], true == c, fold) for c in range(k)]
    macro = [float(mean_defined(auc))] if k > 2 else []
    total = float((true == called).mean())
    return np.array([*recall, total, float(mean_defined(recall)), auc[rare], *macro])


def score_table(table: pd.DataFrame, *, classes: Sequence[str], rare: str) -> dict[str, float]:
    """Scores of one arm and amount, averaged over its repeats and generator seeds.

    `table` holds one row a sample (slice or patient): repeat, fold, generator_seed, label and
    p_<class>. A score that is defined nowhere (no rare sample in any fold) is NaN.
    """
    index = {name: i for i, name in enumerate(classes)}
    columns = [f"p_{c}" for c in classes]
    fits = [
        score_fit(
            part["label"].astype(str).map(index).to_numpy(dtype=np.int64),
            part[columns].to_numpy(dtype=np.float64),
            part["fold"].to_numpy(dtype=np.int64),
            rare=index[rare],
        )
        for _, part in table.groupby(["repeat", "generator_seed"], dropna=False)
    ]
    values = mean_defined(np.stack(fits))
    return {name: float(v) for name, v in zip(score_names(classes), values, strict=True)}
