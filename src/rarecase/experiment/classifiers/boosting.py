"""Gradient boosting of histograms."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier

from rarecase.experiment.classifiers.contract import Classifier


def make() -> Classifier:
    """Shallow trees, since a hundred patients do not fill deep ones; how many of them is tuned."""
    trees = HistGradientBoostingClassifier(
        learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False
    )
    return Classifier("boosting", trees, grid={"max_iter": (30, 100)}, takes_missing=True)
