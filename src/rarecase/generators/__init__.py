"""ACGAN and closed-form generators behind one contract."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ACGAN": "rarecase.generators.acgan",
        "BorderlineSmote": "rarecase.generators.smote",
        "DiscriminatingGenerator": "rarecase.generators.discriminating",
        "Duplicates": "rarecase.generators.duplicates",
        "Gaussian": "rarecase.generators.gaussian",
        "Generator": "rarecase.generators.base",
        "Mixup": "rarecase.generators.mixing",
        "Remix": "rarecase.generators.mixing",
        "Smote": "rarecase.generators.smote",
    },
)
