"""Whether sites can be harmonised in every fold, asked before anything is computed."""

from __future__ import annotations

import pandas as pd

from rarecase.cohort import Cohort
from rarecase.errors import DataError
from rarecase.features.combat import FEWEST
from rarecase.pipeline.run_folder import folds_of
from rarecase.pipeline.settings import Settings


def refuse_small_sites(settings: Settings, cohort: Cohort, folds: pd.DataFrame) -> None:
    """Raise `DataError` for a study with ComBat in which a case has no site, or a site too few
    training patients in some fold. `folds`: columns repeat, patient, fold."""
    if not settings.tuning.combat:
        return
    bare = [case.case for case in cohort.cases if case.site is None]
    if bare:
        raise DataError(
            f"combat: {len(bare)} case(s) have no site, such as {bare[0]!r} (a column 'site'). "
            "Fill them in, or leave ComBat out."
        )
    site = {case.patient: str(case.site) for case in cohort.cases}
    where = folds.assign(site=folds["patient"].map(site))
    fewest: dict[str, int] = {}
    for at in folds_of(folds):
        mine = where[where["repeat"] == at.repeat]
        counts = mine[mine["fold"] != at.fold].groupby("site")["patient"].nunique()
        if settings.split.kind != "site":  # else the one that is left out has none
            counts = counts.reindex(sorted(set(site.values())), fill_value=0)
        for name, count in counts[counts < FEWEST].items():
            fewest[str(name)] = min(int(count), fewest.get(str(name), FEWEST))
    if fewest:
        named = ", ".join(f"{name} ({count})" for name, count in sorted(fewest.items()))
        ids = [case.case for case in cohort.cases if str(case.site) in fewest]
        raise DataError(
            f"combat: these sites have fewer than {FEWEST} training patients in a fold: {named}. "
            "Merge each with a site of the same scanner, leave its cases out (cohort.exclude: "
            f"{', '.join(ids[:5])}{', …' if ids[5:] else ''}), or leave ComBat out."
        )
