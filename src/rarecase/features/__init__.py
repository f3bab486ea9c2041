"""Sources of features, and the store that holds them."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "FeatureStore": "rarecase.features.store",
        "SourceData": "rarecase.features.sources.contract",
        "load_source": "rarecase.features.sources.registry",
        "source_of": "rarecase.features.sources.registry",
        "feature_batches": "rarecase.features.sources.unet",
        "tumour_vectors": "rarecase.features.sources.unet",
        "write_features": "rarecase.features.writing",
    },
)
