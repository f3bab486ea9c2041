"""Reading a cohort: recognise the layout, choose labels and channels, check."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rarecase.cohort.case import Case, Cohort, Dropped
from rarecase.cohort.checks import Conflict, check_classes, check_unique, patient_labels
from rarecase.cohort.clinical import clinical_values
from rarecase.cohort.labels import choose_labels
from rarecase.cohort.layouts import RawCohort, read_layout
from rarecase.errors import DataError, SettingError, nearest

_log = logging.getLogger(__name__)
UNNAMED = "not in the table of labels"
ANY = "any"  # the label of everybody where labels do not matter


def read_cohort(
    path: str | Path,
    label: str | None = None,
    *,
    merge: Mapping[str, Sequence[str]] | None = None,
    channels: Sequence[str] | None = None,
    conflict: Conflict = "error",
    exclude: Sequence[str] = (),
    tumour: Sequence[int] | None = None,
    labels: bool = True,
    clinical: Sequence[str] = (),
) -> Cohort:
    """Read the cohort in a folder or CSV file; no image is loaded.

    label: see `choose_labels`. channels: which, and in which order; by default all that most
    cases have. conflict: see `patient_labels`. exclude: case ids to leave out. tumour: the values
    of mask volumes that are tumour (default: all above 0). labels=False reads images and masks
    alone, to pre-train on: everybody's label is 'any', nobody is dropped for lacking one. clinical:
    columns that are features besides age and sex (labels=False: where there are). Cases without a
    label, without a channel, or excluded, are in `dropped`. Raises DataError or SettingError.
    """
    raw = read_layout(Path(path))
    if tumour is not None:
        raw = replace(raw, cases=tuple(_with_tumour(case, tumour) for case in raw.cases))
    check_unique(raw.cases)
    _check_excluded(exclude, raw)
    if labels:
        # What is excluded takes its labels along: it may be excluded for them.
        table = raw.labels[~raw.labels["case"].isin(list(exclude))]
        classes = choose_labels(table, label, own=raw.own, merge=merge, hint=raw.hint)
        by_patient, without = patient_labels(table["patient"], classes, conflict=conflict)
    else:
        by_patient, without = dict.fromkeys((case.patient for case in raw.cases), ANY), {}
    known = clinical_values(raw.labels, wanted=clinical, label=label or raw.own, strict=labels)
    dropped = list(raw.dropped)
    labelled: list[Case] = []
    for case in raw.cases:
        if case.case in exclude:
            dropped.append(Dropped(case.case, "excluded"))
        elif case.patient in by_patient:
            whose, about = by_patient[case.patient], known.get(case.case, {})
            labelled.append(replace(case, label=whose, clinical=about))
        else:
            dropped.append(Dropped(case.case, without.get(case.patient, UNNAMED)))
    chosen = _choose_channels(raw, labelled, channels)
    kept = [case for case in labelled if set(chosen) <= set(case.channels)]
    for case in labelled:
        if missing := [name for name in chosen if name not in case.channels]:
            dropped.append(Dropped(case.case, f"no {', '.join(missing)} image"))
    cohort = Cohort(
        cases=tuple(sorted(kept, key=lambda case: case.case)),
        dropped=tuple(sorted(dropped, key=lambda d: d.case)),
        layout=raw.layout,
        channels=chosen,
        root=Path(path) if Path(path).is_dir() else Path(path).parent,
    )
    check_classes(cohort.patients, cohort.dropped, several=labels)
    if unasked := [d for d in cohort.dropped if d.case not in exclude]:
        _log.warning("%d of the cases in %s are left out", len(unasked), Path(path).name)
    return cohort


def _with_tumour(case: Case, tumour: Sequence[int]) -> Case:
    if not tumour or min(tumour) < 1:
        raise SettingError(f"tumour: {list(tumour)}, one or more values of 1 and above expected.")
    if case.slices and case.has_mask:
        raise SettingError(
            f"tumour: the mask of case {case.case!r} is a picture, where everything above 0 is "
            "tumour. Leave cohort.tumour out."
        )
    return replace(case, tumour=tuple(tumour))


def _check_excluded(exclude: Sequence[str], raw: RawCohort) -> None:
    if isinstance(exclude, str):
        raise SettingError(f"exclude: {exclude!r}, a list of case ids was expected.")
    known = [case.case for case in raw.cases]
    # A case that is dropped anyway may be named too.
    unknown = set(exclude) - {*known, *(dropped.case for dropped in raw.dropped)}
    if unknown:
        name = min(unknown)
        raise SettingError(f"exclude: no case {name!r} in this cohort; {nearest(name, known)}")


def _choose_channels(
    raw: RawCohort, cases: Sequence[Case], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    counts = {name: sum(name in case.channels for case in cases) for name in raw.channels}
    there = {name: count for name, count in counts.items() if count}
    if wanted is None:
        usual = tuple(name for name, count in there.items() if 2 * count > len(cases))
        if not usual and cases:
            found = ", ".join(f"{name} ({count})" for name, count in there.items())
            raise DataError(
                f"No channel is there in most of the {len(cases)} cases: {found or 'none at all'}. "
                "Name the ones to use with channels."
            )
        return usual
    names = tuple(name.lower() for name in wanted)
    if not names or len(set(names)) < len(names):
        raise SettingError(f"channels: {list(wanted)}, one or more different names were expected.")
    for name in names:
        if name not in there:
            raise SettingError(f"channels: no {name!r} in this cohort; {nearest(name, there)}")
    return names
