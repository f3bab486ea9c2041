"""What must hold for a cohort: unique cases, one label per patient, at least two classes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

import pandas as pd

from rarecase.cohort.case import Case, Cohort, Dropped
from rarecase.errors import DataError, SettingError, alike, nearest

_log = logging.getLogger(__name__)

Conflict = Literal["error", "most-common", "first", "drop"]


def check_unique(cases: Sequence[Case]) -> None:
    """Refuse two cases with one id."""
    twice = sorted(name for name, n in Counter(c.case for c in cases).items() if n > 1)
    if twice:
        shown = ", ".join(repr(name) for name in twice[:5])
        first = [str(c.files[0].parent) for c in cases if c.case == twice[0] and c.files]
        raise DataError(
            f"{len(twice)} case id(s) appear twice: {shown} (in {' and '.join(first[:2])}). "
            "Every case needs its own id: rename or remove one."
        )


def chosen_rare(cohort: Cohort, wanted: str | None) -> str:
    """The rare class as it was chosen, or the one with the fewest patients."""
    if wanted is not None and wanted not in cohort.classes:
        raise SettingError(f"cohort.rare={wanted!r}: {nearest(wanted, cohort.classes)}")
    return wanted or cohort.rare


def patient_labels(
    patients: pd.Series, labels: pd.Series, *, conflict: Conflict = "error"
) -> tuple[dict[str, str], dict[str, str]]:
    """One label per patient from rows of patient and label (None: missing).

    Returns label by patient, and for the patients without one the reason. conflict, for a patient
    with several labels: 'error'; 'most-common' of the rows (of equals the first by name);
    'first' row; 'drop' the patient.
    """
    if conflict not in get_args(Conflict):
        raise SettingError(
            f"conflict: {conflict!r} is unknown; {nearest(conflict, get_args(Conflict))}"
        )
    chosen: dict[str, str] = {}
    without: dict[str, str] = {}
    fighting: dict[str, list[str]] = {}
    for patient, values in labels.groupby(patients.to_numpy(), sort=True):
        name = str(patient)
        present = [str(value) for value in values if not pd.isna(value)]
        counts = Counter(present)
        if not counts:
            without[name] = "no label"
        elif len(counts) == 1 or conflict == "first":
            chosen[name] = present[0]
        elif conflict == "most-common":
            chosen[name] = min(counts, key=lambda value: (-counts[value], value))
        else:
            fighting[name] = sorted(counts)
            without[name] = f"conflicting labels {', '.join(sorted(counts))}"
    if fighting and conflict == "error":
        shown = "; ".join(f"{p!r} has {', '.join(v)}" for p, v in list(fighting.items())[:5])
        raise DataError(
            f"{len(fighting)} patient(s) have more than one label: {shown}. Mend the labels, or "
            "set conflict (--cohort.conflict) to most-common, first or drop."
        )
    return chosen, without


def check_classes(
    labels: dict[str, str], dropped: Sequence[Dropped], *, several: bool = True
) -> None:
    """Refuse a cohort without patients, or with `several` one of a single class. labels: by
    patient."""
    classes = set(labels.values())
    if not classes:
        reasons = Counter(d.reason for d in dropped).most_common(3)
        words = "; ".join(f"{reason} ({count})" for reason, count in reasons)
        raise DataError(
            f"The cohort is empty: no case is left that can be used. Dropped: {words or '0'}."
        )
    for group in alike(classes):
        _log.warning(
            "classes %s differ in capitals alone; if they are one, say so with merge "
            "(--cohort.merge)", " and ".join(map(repr, group)),
        )  # fmt: skip
    if several and len(classes) == 1:
        only = next(iter(classes))
        raise DataError(
            f"All {len(labels)} labelled patients have the label {only!r}: two classes at least "
            "are needed. Choose another column, or another value of it, with label."
        )
