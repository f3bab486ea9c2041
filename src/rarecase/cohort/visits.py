"""Cases and patients that may be one, by their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rarecase.cohort.case import Case
from rarecase.cohort.ids import written_alike

_SCAN = re.compile(
    r"(.+?)[\s_-]+(ses|session|visit|scan|tp|time(point)?|baseline|bl|follow[\s_-]?up|fu|pre|post"
    r"|pre[\s_-]?op|post[\s_-]?op|day|week|month|year|t|v)[\s_-]*\d*",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(.+?)[\s_-]+(\d{1,2}|[a-z])", re.IGNORECASE)
_FEWEST, _MOST = 3, 4  # patients, and scans of each on average, for short endings to be scans


def doubts(cases: Sequence[Case]) -> Iterable[str]:
    """What the names of cases and patients let one suspect, in words: scans of one patient that
    count as different patients', and would be split between training and test."""
    yield from doubted_patients(case.patient for case in cases)
    groups = _scans(cases)
    if groups:
        first = " and ".join(map(repr, groups[0][:3]))
        more = f" (and {len(groups) - 1} more such groups)" if len(groups) > 1 else ""
        yield (
            f"cases {first}{more} look like scans of one patient, and count as different patients, "
            "who may be split between training and test; if they are one, say so in a column "
            "'patient' of the table of labels"
        )


def doubted_patients(names: Iterable[str]) -> Iterable[str]:
    """What to say of patients whose ids differ in writing alone."""
    groups = written_alike(names)
    for group in groups[:1]:
        more = f" (and {len(groups) - 1} more such groups)" if len(groups) > 1 else ""
        yield (
            f"patients {' and '.join(map(repr, group))}{more} are taken for {len(group)}, though "
            "their ids differ in writing alone; if they are one, write them alike"
        )


def _scans(cases: Sequence[Case]) -> list[list[str]]:
    """Cases of different patients whose names are alike but for a visit at the end, in groups."""
    said = _groups(cases, _SCAN)
    found = [group for group in said.values() if len(group) > 1]
    if found:
        return found
    short = _groups(cases, _SHORT)
    several = [group for group in short.values() if len(group) > 1]
    size = sum(map(len, short.values())) / max(len(short), 1)
    enough = len(several) >= max(_FEWEST, len(short) / 2) and size <= _MOST
    return several if enough else []


def _groups(cases: Sequence[Case], pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """Cases by the beginning of their names, one of each patient."""
    found: dict[str, dict[str, str]] = {}
    for case in cases:
        match = pattern.fullmatch(case.case)
        if match is not None:
            found.setdefault(match.group(1), {}).setdefault(case.patient, case.case)
    return {stem: list(each.values()) for stem, each in found.items()}
