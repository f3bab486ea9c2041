"""A support vector machine with a Gaussian kernel."""

from __future__ import annotations

from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC

from rarecase.experiment.classifiers.contract import Classifier


def make() -> Classifier:
    """Its distances become probabilities by Platt's sigmoid, fitted to training samples that were
    left out in turn; the kernel's width is scikit-learn's `scale`, `C` is tuned."""
    machine = CalibratedClassifierCV(SVC(kernel="rbf"), ensemble=False, cv=3)
    return Classifier("svm", machine, grid={"estimator__C": (0.1, 1.0, 10.0)}, rotate=True)
