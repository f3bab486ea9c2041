"""Which synthetic samples to keep."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Taken": "rarecase.filters.agreement",
        "dense": "rarecase.filters.independent",
        "filter_table": "rarecase.filters.agreement",
        "near": "rarecase.filters.independent",
        "recognised": "rarecase.filters.independent",
        "take_per_class": "rarecase.filters.agreement",
    },
)
