"""Arms against each other on any features: the same folds, fair controls, a verdict."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CompareResult": "rarecase.comparison.compare",
        "FeatureTable": "rarecase.comparison.table",
        "Logistic": "rarecase.comparison.model",
        "Plan": "rarecase.comparison.cell",
        "compare": "rarecase.comparison.compare",
        "compare_external": "rarecase.comparison.external",
        "make_table": "rarecase.comparison.table",
        "scarcity_curve": "rarecase.comparison.scarcity",
    },
)
