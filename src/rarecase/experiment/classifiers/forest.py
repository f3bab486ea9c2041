"""A random forest."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier

from rarecase.experiment.classifiers.contract import Classifier


def make() -> Classifier:
    """Trees whose leaves hold at least 5 samples or 1: with few patients the first is calmer."""
    forest = RandomForestClassifier(n_estimators=200, max_features="sqrt")
    return Classifier("forest", forest, grid={"min_samples_leaf": (5, 1)})
