"""What the clinical columns of a study's table may know beforehand, looked at before anything is
computed."""

from __future__ import annotations

import pandas as pd

from rarecase.cohort import Cohort
from rarecase.cohort.values import number
from rarecase.features.leaks import Suspicion, suspicions
from rarecase.features.sources.clinical import columns_of
from rarecase.features.sources.registry import names_in
from rarecase.pipeline.settings import Settings


def look_at_clinical(settings: Settings, cohort: Cohort) -> list[Suspicion]:
    """What looks like a leak in the clinical columns that are used (see `suspicions`); nothing
    where none is."""
    used = {name for said in settings.experiment for name in names_in(said.features)}
    if "clinical" not in used:
        return []
    columns = {}
    for name in columns_of(cohort.cases):
        values = pd.Series([case.clinical.get(name) for case in cohort.cases], dtype=object)
        known = values.dropna()
        numbers = name not in settings.cohort.categorical and known.map(number).notna().all()
        columns[name] = (
            values.map(number, na_action="ignore").astype(float)
            if numbers
            else values.astype("category")
        )
    return suspicions(
        pd.DataFrame(columns),
        [str(case.label) for case in cohort.cases],
        groups=[case.patient for case in cohort.cases],
        name=(settings.cohort.label or "").partition("=")[0],
    )
