"""Reading a cohort: recognise the layout, choose labels and channels, check."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rarecase.cohort.case import Case, Cohort, Dropped
from rarecase.cohort.checks import Conflict, check_classes, check_unique, patient_labels
from rarecase.cohort.clinical import clinical_values
from rarecase.cohort.ids import match
from rarecase.cohort.labels import choose_labels
from rarecase.cohort.layouts import RawCohort, read_layout
from rarecase.cohort.layouts.base import FOLDERS, USUAL
from rarecase.cohort.visits import doubts
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
    cases have. conflict: see `patient_labels`. exclude: case ids to leave out (see `match`).
    tumour: the values of mask volumes that are tumour (default: all above 0). labels=False reads
    images and masks alone, to pre-train on: everybody's label is 'any', nobody is dropped for
    lacking one. clinical: columns that are features besides age and sex (labels=False: where there
    are). Cases without a label, without a channel, or excluded, are in `dropped`. Raises DataError
    or SettingError.
    """
    path = Path(path)
    raw = _with_tumours(read_layout(path), tumour)
    check_unique(raw.cases)
    left_out = _excluded(exclude, raw)
    column = None
    if labels:
        # What is excluded takes its labels along: it may be excluded for them.
        table = raw.labels[~raw.labels["case"].isin(left_out)]
        classes = choose_labels(table, label, own=raw.own, merge=merge, hint=raw.hint)
        column = str(classes.name)
        by_patient, without = patient_labels(table["patient"], classes, conflict=conflict)
    else:
        by_patient, without = dict.fromkeys((case.patient for case in raw.cases), ANY), {}
    known = clinical_values(raw.labels, wanted=clinical, label=label or raw.own, strict=labels)
    if labels or clinical:
        _check_disputed(raw, [column, *next(iter(known.values()), ())])
    labelled = [
        replace(case, label=by_patient[case.patient], clinical=known.get(case.case, {}))
        for case in raw.cases
        if case.case not in left_out and case.patient in by_patient
    ]
    chosen = _choose_channels(raw, labelled, channels)
    kept = [case for case in labelled if set(chosen) <= set(case.channels)]
    dropped = [*raw.dropped, *_dropped(raw, labelled, left_out, without)]
    dropped += [without_it for case in labelled if (without_it := _lacking(case, chosen))]
    cohort = Cohort(
        cases=tuple(sorted(_with_origins(kept, raw, column), key=lambda case: case.case)),
        dropped=tuple(sorted(dropped, key=lambda d: d.case)),
        layout=raw.layout,
        channels=chosen,
        notes=(*raw.notes, *_unmatched(raw, column), *doubts(kept)),
        root=path if path.is_dir() else path.parent,
        column=column if raw.tells(column) else None,
        labelled=labels,
    )
    check_classes(cohort.patients, cohort.dropped, several=labels)
    _say(cohort, path.name, left_out, notes=labels or bool(clinical))
    return cohort


def _lacking(case: Case, channels: Sequence[str]) -> Dropped | None:
    """A case without some of the channels: they are not there, or the user is to choose."""
    missing = [name for name in channels if name not in case.channels]
    asked = [case.undecided[name] for name in missing if name in case.undecided]
    reason = "; ".join(asked) or f"no {', '.join(missing)} image"
    return Dropped(case.case, reason, asks=bool(asked)) if missing else None


def _dropped(
    raw: RawCohort, labelled: Sequence[Case], left_out: Collection[str], without: Mapping[str, str]
) -> list[Dropped]:
    """The cases that are not `labelled`, and why; `without`: the reasons by patient."""
    there = {case.case for case in labelled}
    found = []
    for case in raw.cases:
        if case.case in left_out:
            found.append(Dropped(case.case, "excluded"))
        elif case.case not in there:
            why, near = without.get(case.patient, UNNAMED), raw.near.get(case.case)
            found.append(Dropped(case.case, f"{why} ({near})" if near else why))
    return found


def _unmatched(raw: RawCohort, column: str | None) -> list[str]:
    """Ids without a counterpart, of the tables that labels come from (None: of all)."""
    used = [o.file for o in raw.origins if column is None or o.cases.get(column)]
    return [words for file in used for words in raw.unmatched.get(file, ())]


def _say(cohort: Cohort, name: str, left_out: Collection[str], *, notes: bool) -> None:
    for note in cohort.notes if notes else ():
        _log.warning("%s", note)
    for origin, count in cohort.labels_from.items():
        _log.info("labels of %d cases are from %s", count, origin)
    if unasked := [d for d in cohort.dropped if d.case not in left_out]:
        _log.warning("%d of the cases in %s are left out", len(unasked), name)


def _check_disputed(raw: RawCohort, columns: Sequence[str | None]) -> None:
    """Refuse columns that are used and in which two tables disagree."""
    for column in columns:
        if column is not None and column in raw.disputed:
            raise DataError(raw.disputed[column])


def _with_origins(cases: Sequence[Case], raw: RawCohort, column: str | None) -> list[Case]:
    """The cases with the table that their label comes from; of those that it does not name, which
    are labelled as others of their patient are, the one of these."""
    if column is None:
        return list(cases)
    named = {case.case: raw.origin_of(column, case.case) for case in raw.cases}
    patients = {c.patient: origin for c in raw.cases if (origin := named[c.case]) is not None}
    return [replace(c, label_from=named[c.case] or patients.get(c.patient, FOLDERS)) for c in cases]


def _with_tumours(raw: RawCohort, tumour: Sequence[int] | None) -> RawCohort:
    if tumour is None:
        return raw
    return replace(raw, cases=tuple(_with_tumour(case, tumour) for case in raw.cases))


def _with_tumour(case: Case, tumour: Sequence[int]) -> Case:
    if not tumour or min(tumour) < 1:
        raise SettingError(f"tumour: {list(tumour)}, one or more values of 1 and above expected.")
    if case.slices and case.has_mask:
        raise SettingError(
            f"tumour: the mask of case {case.case!r} is a picture, where everything above 0 is "
            "tumour. Leave cohort.tumour out."
        )
    return replace(case, tumour=tuple(tumour))


def _excluded(exclude: Sequence[str], raw: RawCohort) -> set[str]:
    """The cases that are meant; one that is written otherwise is said."""
    if isinstance(exclude, str):
        raise SettingError(f"exclude: {exclude!r}, a list of case ids was expected.")
    known = [case.case for case in raw.cases]
    # A case that is dropped anyway may be named too.
    found = match(exclude, [*known, *(dropped.case for dropped in raw.dropped)])
    for name, could in found.unsure.items():
        shown = " or ".join(map(repr, could[:3]))
        raise SettingError(f"exclude: {name!r} could be {shown}; write it as it is there.")
    if found.alone:
        name = min(found.alone)
        raise SettingError(f"exclude: no case {name!r} in this cohort; {nearest(name, known)}")
    for words in found.rewritten():
        _log.warning("exclude: cases are read %s", words)
    return set(found.pairs.values())


def _choose_channels(
    raw: RawCohort, cases: Sequence[Case], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    counts = {name: sum(name in case.channels for case in cases) for name in raw.channels}
    # What is yet to be decided is there, though nobody would miss an odd series.
    asked = {name: sum(name in case.undecided for case in cases) for name in raw.channels}
    there = {name: count for name in raw.channels if (count := counts[name] + asked[name])}
    if wanted is None:
        known = {name: n if name in USUAL else counts[name] for name, n in there.items()}
        usual = tuple(name for name, count in known.items() if 2 * count > len(cases))
        usual = usual or tuple(name for name, count in there.items() if 2 * count > len(cases))
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
