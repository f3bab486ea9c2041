"""Cases, patients, labels, folder layouts, splits, and the cache of slices."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Case": "rarecase.cohort.case",
        "CaseArrays": "rarecase.cohort.load",
        "Cohort": "rarecase.cohort.case",
        "Dropped": "rarecase.cohort.case",
        "Inspection": "rarecase.cohort.inspect",
        "Problem": "rarecase.cohort.problems",
        "SliceCache": "rarecase.cohort.cache",
        "SliceFiles": "rarecase.cohort.case",
        "assign_folds": "rarecase.cohort.splits",
        "cache_slices": "rarecase.cohort.cache",
        "check_disjoint": "rarecase.cohort.splits",
        "count_slices": "rarecase.cohort.load",
        "inspect_cohort": "rarecase.cohort.inspect",
        "load_groups": "rarecase.cohort.load",
        "read_cohort": "rarecase.cohort.read",
        "validation_patients": "rarecase.cohort.splits",
    },
)
