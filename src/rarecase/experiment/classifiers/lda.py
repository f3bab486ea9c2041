"""Linear discriminant analysis with a shrunken covariance."""

from __future__ import annotations

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from rarecase.experiment.classifiers.contract import Classifier


def make() -> Classifier:
    """The shrinkage is Ledoit and Wolf's, estimated from the training samples: nothing is tuned. A
    Gaussian per class with one covariance is what it assumes, so that it is what endless synthetic
    samples of the arm `gaussian` would lead to."""
    return Classifier(
        "lda", LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), rotate=True
    )
