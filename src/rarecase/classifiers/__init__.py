"""The paper's CNN for maps; a linear model for vectors."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Classifier": "rarecase.classifiers.base",
        "FeatureCNN": "rarecase.classifiers.cnn",
        "LinearClassifier": "rarecase.classifiers.linear",
        "make_classifier": "rarecase.classifiers.make",
    },
)
