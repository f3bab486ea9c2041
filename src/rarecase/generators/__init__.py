"""ACGAN behind one contract."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ACGAN": "rarecase.generators.acgan",
        "Generator": "rarecase.generators.base",
    },
)
