"""Scores, intervals and verdicts, all from the predictions table alone."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "METRICS": "rarecase.evidence.metrics",
        "Metric": "rarecase.evidence.metrics",
        "PUBLISHED_TABLE_3": "rarecase.evidence.paper",
        "Plan": "rarecase.evidence.planning",
        "Result": "rarecase.evidence.result",
        "ScarcityCurve": "rarecase.evidence.scarcity",
        "Scores": "rarecase.evidence.views",
        "Verdicts": "rarecase.evidence.views",
        "check_predictions": "rarecase.evidence.predictions",
        "concordance": "rarecase.ranking",
        "make_evidence": "rarecase.evidence.evidence",
        "pool_patients": "rarecase.evidence.predictions",
        "recompute_table_3": "rarecase.evidence.paper",
    },
)
