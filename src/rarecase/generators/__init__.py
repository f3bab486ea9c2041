"""ACGAN, its relatives and closed-form generators behind one contract."""

from rarecase._lazy import attach
from rarecase.generators.registry import KINDS

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        **{kind.class_name: kind.module for kind in KINDS.values()},
        "Generator": "rarecase.generators.base",
        "load_generator": "rarecase.generators.registry",
        "make_generator": "rarecase.generators.registry",
    },
)
