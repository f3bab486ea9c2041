"""Which synthetic samples to keep."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Taken": "rarecase.filters.agreement",
        "filter_table": "rarecase.filters.agreement",
        "take_per_class": "rarecase.filters.agreement",
    },
)
