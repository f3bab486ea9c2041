"""The paper's CNN for maps; a linear model for vectors."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Classifier": "rarecase.experiment.classifiers.contract",
        "FeatureCNN": "rarecase.experiment.classifiers.cnn",
        "LinearClassifier": "rarecase.experiment.classifiers.linear",
        "make_classifier": "rarecase.experiment.classifiers.registry",
    },
)
