"""Before anything is learnt: which cases of a study cannot be read, all of them at once."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

from rarecase.cohort import Cohort, count_slices
from rarecase.cohort.cache import unreadable_cases
from rarecase.cohort.unreadable import UNREADABLE, attempt, refuse_unreadable
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.run_folder import SETTINGS
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.cohort import load_cohort, slices_step

log = logging.getLogger(__name__)


def with_names(settings: Settings, run: Path) -> Settings:
    """The settings with the cases that cannot be read by name, where `cohort.exclude` leaves them
    out whoever they are: every case is read for it, once."""
    if UNREADABLE not in settings.cohort.exclude:
        return settings
    others = [name for name in settings.cohort.exclude if name != UNREADABLE]
    whole = load_cohort(_without(settings, others), run)
    reasons = _as_before(settings, whole, run, others)
    if reasons is None:
        reasons = _unreadable(settings, whole)
    for case, why in reasons.items():
        log.warning("case %s is left out: %s", case, why)
    return _without(settings, [*others, *reasons])


def refuse_bad_headers(settings: Settings, cohort: Cohort) -> None:
    """Raise `DataError` that lists all cases that cannot be read, where the headers of some say
    so; steps that come before the images are read would stop at the first."""
    headers = {}
    for case in cohort.cases:
        _, why = attempt(partial(count_slices, case, cohort.channels), cohort.root)
        if why is not None:
            headers[case.case] = why
    if headers:
        found = sorted((headers | _unreadable(settings, cohort)).items())
        refuse_unreadable(dict(found), cases=len(cohort.cases))


def _without(settings: Settings, exclude: list[str]) -> Settings:
    cohort = settings.cohort.model_copy(update={"exclude": exclude})
    return settings.model_copy(update={"cohort": cohort})


def _unreadable(settings: Settings, cohort: Cohort) -> dict[str, str]:
    chosen = settings.slices
    return unreadable_cases(
        cohort, size=chosen.size, normalise=chosen.alone, skip_empty=chosen.skip_empty,
        pixel=chosen.pixel,
    )  # fmt: skip


def _as_before(
    settings: Settings, whole: Cohort, run: Path, others: list[str]
) -> dict[str, str] | None:
    """The same cases as in the run that goes on, if its slices are those of all others and these
    still cannot be read; None where that is not so."""
    if not (run / SETTINGS).is_file():
        return None
    before = {*resolve(preset=None, file=run / SETTINGS).cohort.exclude} - {*others}
    those = replace(whole, cases=tuple(case for case in whole.cases if case.case in before))
    rest = _without(settings, [*others, *(case.case for case in those.cases)])
    step = slices_step(Context(run=run, settings=rest), cohort=load_cohort(rest, run))
    if not step.done():
        return None
    reasons = _unreadable(settings, those)
    return reasons if len(reasons) == len(those.cases) else None
