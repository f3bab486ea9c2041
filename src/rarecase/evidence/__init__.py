"""Scores, pooling and intervals, all from the predictions table alone."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "PUBLISHED_TABLE_3": "rarecase.evidence.paper",
        "concordance": "rarecase.ranking",
        "make_evidence": "rarecase.evidence.evidence",
        "pool_patients": "rarecase.evidence.predictions",
        "recompute_table_3": "rarecase.evidence.paper",
        "score_table": "rarecase.evidence.scores",
    },
)
