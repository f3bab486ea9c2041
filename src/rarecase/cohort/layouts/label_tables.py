"""Finding which column of a table holds the case ids, and joining its labels to the cases."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.layouts.base import (
    VOLUME_SUFFIXES,
    RawCohort,
    Source,
    case_table,
    own_label,
)
from rarecase.cohort.tables import read_table
from rarecase.errors import DataError

_log = logging.getLogger(__name__)
# Fewer ids than this that fit as written may be a coincidence in a large cohort's folder.
_FEWEST = 3


@dataclass(frozen=True)
class _Key:
    """A column that names cases. trust: 2 for ids as written, 1 for padded numbers, 0 for bare
    ones; cases: by its value."""

    column: str
    trust: int
    cases: dict[str, list[str]]

    @property
    def hits(self) -> int:
        return len({case for cases in self.cases.values() for case in cases})


def labelled(
    layout: str,
    source: Source,
    cases: Sequence[Case],
    *,
    channels: tuple[str, ...],
    dropped: Sequence[Dropped],
    own: Sequence[str] = ("label", "grade", "class"),
    known: pd.DataFrame | None = None,
    hint: str = "",
) -> RawCohort:
    """Cases with the labels of every table that names them.

    A column `patient` of such a table becomes the patient of the cases. A table that the user did
    not name and that cannot be read is left out.

    `own`: how the layout's own label may be called; `known`: labels beside case and patient that
    the folders tell; `hint`: what to say where there is no label and no table.
    """
    labels = case_table(cases) if known is None else known
    unused = []
    for path in source.tables():
        try:
            table = read_table(path)
        except DataError as error:
            if source.csv is not None:
                raise
            _log.warning("left out: %s", error)
            unused.append(f"{path.name} (which cannot be read)")
            continue
        key = find_key(labels["case"].tolist(), labels["patient"].tolist(), table)
        if key is None:
            unused.append(path.name)
            continue
        if "patient" in table.columns and key.column != "patient":
            cases = _with_patients(cases, table, key, path)
            labels = labels.assign(patient=[case.patient for case in cases])
        labels = _join(labels, table, key)
    if unused:
        example = f" (such as {cases[0].case})" if cases else ""
        hint = f" {source.root} holds {', '.join(unused)}, but no column there names the cases"
        hint += f"{example}."
    own_column = own_label(labels, own)
    return RawCohort(layout, channels, tuple(cases), labels, own_column, tuple(dropped), hint)


def find_key(
    cases: Sequence[str], patients: Sequence[str], table: pd.DataFrame, *, fewest: int = _FEWEST
) -> _Key | None:
    """The column that names the most cases, ids as written before bare numbers.

    Ids fit as written, as the patient's id, or as the number at the end of the case id: padded
    (MGMT tables write 00005 for BraTS2021_00005), or bare if at least half of the cases fit, since
    a column of row numbers looks the same.
    """
    found = []
    for name in table.columns:
        if not str(name) or str(name).startswith("Unnamed:"):
            continue  # the row numbers of a saved data frame
        values = sorted({str(value) for value in table[name].dropna()})
        found += [
            _as_written(str(name), values, cases, patients),
            _numbers(str(name), values, cases),
        ]
    needed = min(fewest, len(set(cases)))
    fitting = [
        key
        for key in found
        if key.hits >= (needed if key.trust else max(needed, len(set(cases)) / 2))
    ]
    # max keeps the first of equals: the first column.
    return max(fitting, key=lambda key: (key.trust, key.hits), default=None)


def _as_written(
    name: str, values: Sequence[str], cases: Sequence[str], patients: Sequence[str]
) -> _Key:
    own = {case: [case] for case in cases}
    by_patient: dict[str, list[str]] = {}
    for case, patient in zip(cases, patients, strict=True):
        by_patient.setdefault(patient, []).append(case)
    both = by_patient | own
    found = {value: _without_suffix(value) for value in values}
    return _Key(name, 2, {v: both.get(v, both.get(stem)) or [] for v, stem in found.items()
                          if v in both or stem in both})  # fmt: skip


def _without_suffix(value: str) -> str:
    """An id that was written as a file's name, less the suffix."""
    low = value.lower()
    return next((value[: -len(s)] for s in VOLUME_SUFFIXES if low.endswith(s)), value)


def _numbers(name: str, values: Sequence[str], cases: Sequence[str]) -> _Key:
    ends = {case: match.group(1) for case in cases if (match := re.search(r"(\d+)$", case))}
    if len({int(end) for end in ends.values()}) < len(cases) or not all(
        value.isdecimal() for value in values
    ):
        return _Key(name, 0, {})
    padded = any(len(value) > 1 and value.startswith("0") for value in values)
    if padded:
        by_end = {end: case for case, end in ends.items()}
        return _Key(name, 1, {v: [by_end[v]] for v in values if v in by_end})
    by_number = {int(end): case for case, end in ends.items()}
    return _Key(name, 0, {v: [by_number[int(v)]] for v in values if int(v) in by_number})


def _with_patients(
    cases: Sequence[Case], table: pd.DataFrame, key: _Key, path: Path
) -> tuple[Case, ...]:
    """The cases with the table's patients. Cases that it does not name follow their patient's
    others, so that no table splits the visits of one patient by leaving some out."""
    named: dict[str, str] = {}
    for value, patient in table[[key.column, "patient"]].dropna().itertuples(index=False):
        for case in key.cases.get(str(value), []):
            if named.setdefault(case, str(patient)) != patient:
                raise DataError(
                    f"{path}: case {case!r} is of the patients {named[case]!r} and {patient!r}. "
                    "Keep one."
                )
    follow = {c.patient: named[c.case] for c in cases if c.case in named}
    return tuple(
        replace(c, patient=named.get(c.case, follow.get(c.patient, c.patient))) for c in cases
    )


def of_cases(cases: Sequence[Case], path: Path) -> pd.DataFrame:
    """The rows of a table for cases: case, patient, and its columns. Raises `DataError` where no
    column names them."""
    labels, table = case_table(cases), read_table(path)
    key = find_key(labels["case"].tolist(), labels["patient"].tolist(), table, fewest=1)
    if key is None or not key.trust:  # a bare number may be an age
        key = _beginnings(labels["case"].tolist(), table)
    if key is None:
        shown = ", ".join(str(case.case) for case in cases[:3])
        raise DataError(f"{path}: no column names the cases ({shown}{', …' if cases[3:] else ''}).")
    return _join(labels, table, key)


def begins(case: str, name: str) -> bool:
    """Whether a case's name is that of a patient, or begins with it.

    >>> begins("P1_2001", "P1"), begins("P12_2001", "P1")
    (True, False)
    """
    return case == name or bool(re.match(rf"{re.escape(name)}[^A-Za-z0-9]", case))


def _beginnings(cases: Sequence[str], table: pd.DataFrame) -> _Key | None:
    """The column in which the most cases begin with a name that holds a letter."""
    found = []
    for column in table.columns:
        names = [name for name in table[column].dropna().unique() if re.search("[A-Za-z]", name)]
        mine = {name: [case for case in cases if begins(case, name)] for name in names}
        found.append(_Key(str(column), 1, {name: each for name, each in mine.items() if each}))
    best = max(found, key=lambda key: key.hits, default=None)
    return best if best is not None and best.hits else None


def _join(labels: pd.DataFrame, table: pd.DataFrame, key: _Key) -> pd.DataFrame:
    table = table.assign(case=table[key.column].map(key.cases)).dropna(subset="case")
    table = table.explode("case")
    # An id that is in the table twice with two labels must stay visible as a conflict.
    new = [c for c in table.columns if c not in labels.columns and c != key.column]
    return labels.merge(table[["case", *new]].drop_duplicates(), on="case", how="left")
