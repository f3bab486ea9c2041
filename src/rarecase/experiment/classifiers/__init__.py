"""Classifiers: scikit-learn's estimators with a grid; the paper's CNN for maps."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CLASSIFIERS": "rarecase.experiment.classifiers.registry",
        "Classifier": "rarecase.experiment.classifiers.contract",
        "FeatureCNN": "rarecase.experiment.classifiers.cnn",
        "make_classifier": "rarecase.experiment.classifiers.registry",
    },
)
