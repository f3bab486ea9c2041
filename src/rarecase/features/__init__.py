"""Taking features from any block of a network, and the store that holds them."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "FeatureStore": "rarecase.features.store",
        "extract_features": "rarecase.features.extract",
        "feature_shape": "rarecase.features.extract",
        "tumour_vectors": "rarecase.features.tumour",
    },
)
