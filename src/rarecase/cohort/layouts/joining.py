"""What tables say of the cases, joined one table after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case
from rarecase.cohort.ids import listed, match, same_text
from rarecase.cohort.labels import plain_value
from rarecase.cohort.layouts.base import FOLDERS, Origin
from rarecase.cohort.layouts.keys import FEWEST, Ids, Key, find_key
from rarecase.cohort.roles import (
    is_index,
    is_patient_of,
    patient_columns,
    site_column,
    squeezed,
    together,
)
from rarecase.cohort.values import present
from rarecase.errors import DataError, closest

_MOST_GUESSES = 200  # ids for each of which the nearest of the other side is looked for


class Joining:
    """Cases with their patients and sites, and the table of everything that could be a label.

    labels: columns case, patient and the candidates, a row or more a case. origins: which values
    come from which table. disputed: columns in which two tables disagree, and how. notes: how ids
    were matched that are not as written; unmatched: by table the ids that have no counterpart, in
    words; near: by case without one what the table has instead. `gone`: cases that were left out,
    whose ids a table may well have.
    """

    def __init__(
        self, cases: Sequence[Case], labels: pd.DataFrame, *, gone: Sequence[str] = ()
    ) -> None:
        self.cases = tuple(cases)
        self._gone = gone
        self.labels = labels
        self.origins: list[Origin] = []
        self.disputed: dict[str, str] = {}
        self.notes: list[str] = []
        self.unmatched: dict[str, list[str]] = {}
        self.near: dict[str, str] = {}
        self._patients: dict[str, str] = {}
        self._sites: dict[str, str] = {}

    @property
    def ids(self) -> Ids:
        """Ids of the cases and their patients as they are known so far."""
        return Ids(self.labels["case"].tolist(), self.labels["patient"].tolist())

    def add(
        self, path: Path, table: pd.DataFrame, *, fewest: int = FEWEST, share: float = 0.0
    ) -> bool:
        """Join a table by the column that names the cases (see `find_key`), at least `share` of
        them; False where it has none. Raises `DataError` where a case has two patients or sites, or
        two tables disagree about these."""
        key = find_key(self.ids, table, fewest=fewest)
        if key is None or key.hits < share * len(self.cases):
            return False
        self._say(path, key)
        rows = table.assign(case=table[key.column].map(key.cases)).dropna(subset="case")
        rows = rows.explode("case", ignore_index=True)
        whose = self._join_patients(path, rows, key)
        self._join_sites(path, rows, site_column(c for c in rows.columns if c != key.column))
        aside = {"case", "patient", key.column, whose}
        columns = [c for c in rows.columns if c not in aside and not is_index(c)]
        self._join_columns(path, rows, key, columns)
        return True

    def _say(self, path: Path, key: Key) -> None:
        found = key.matching
        named = {case for cases in key.cases.values() for case in cases}
        without = [name for name in dict.fromkeys(self.ids.cases) if name not in named]
        start = f"{path.name}: cases are named by its column {key.column!r}"
        if key.begun:
            self.notes.append(f"{start}, with whose ids they begin; these are their patients")
        self.notes += [f"{start}, {words}" for words in found.rewritten()]
        for name, could in list(found.unsure.items())[:5]:
            shown = " or ".join(map(repr, could[:3]))
            self.notes.append(f"{start}, where {name!r} could be {shown}; it names none")
        for name in key.rivals:
            self.notes.append(f"{start}; the column {name!r} names other cases in the same rows")
        lacking = []
        known = match(found.alone, self._gone).pairs
        alone = [name for name in found.alone if name not in known]
        if alone:
            words = listed(alone, without)
            lacking.append(f"{start}; {len(alone)} of its ids name no case: {words}")
        if without:
            words = listed(without, alone)
            lacking.append(f"{start}; {len(without)} case(s) are not in it: {words}")
        self.unmatched[path.name] = lacking
        few = max(len(without), len(alone)) <= _MOST_GUESSES
        for name in without if few else ():
            if (near := closest(name, [*alone, *found.unsure])) is not None:
                self.near[name] = f"{path.name} has {near!r}"

    def _join_patients(self, path: Path, rows: pd.DataFrame, key: Key) -> str | None:
        """Give the cases the table's patients; the column that they are in."""
        columns = [str(name) for name in rows.columns if name != key.column]
        known = patient_columns(columns) or _shared(rows, filter(is_patient_of, columns))
        column = key.column if key.begun else next(iter(known), None)
        if column is None:
            return None
        told = present(rows[column])
        if not key.begun and told.notna().all() and told.nunique() < 2 <= rows["case"].nunique():
            self.notes.append(
                f"{path.name}: its column {column!r} is the same for all cases, and tells no "
                "patients"
            )
            return column
        if lacking := 0 if key.begun else int(told.isna().sum()):
            self.notes.append(
                f"{path.name}: {lacking} row(s) have no {column!r}; each of their cases counts as "
                "a patient, unless its name or another row says whose it is"
            )
        together(rows, path, column=column)
        named: dict[str, str] = {}
        for case, patient in zip(rows["case"], told, strict=True):
            if patient is None:
                continue
            if named.setdefault(case, same_text(patient)) != same_text(patient):
                raise DataError(
                    f"{path}: case {case!r} is of the patients {named[case]!r} and {patient!r}. "
                    "Keep one."
                )
        named = self._as_told(path, named) | self._patients
        self._check_split(path, named, column)
        # Cases that no table names follow their patient's others, so that no table splits the
        # visits of one patient by leaving some out.
        follow = {c.patient: named[c.case] for c in self.cases if c.case in named}
        whose = {c.case: named.get(c.case, follow.get(c.patient, c.patient)) for c in self.cases}
        self.cases = tuple(replace(c, patient=whose[c.case]) for c in self.cases)
        self.labels = self.labels.assign(patient=self.labels["case"].map(whose))
        self._patients = named
        return column

    def _as_told(self, path: Path, named: Mapping[str, str]) -> dict[str, str]:
        """Patients by case, called as a table before has called them. Refuses those that it has
        told otherwise: not who is called how matters, but who is one."""
        both = [case for case in named if case in self._patients]
        pairs = {(self._patients[case], named[case]) for case in both}
        if len({a for a, _ in pairs}) < len(pairs) or len({b for _, b in pairs}) < len(pairs):
            raise DataError(
                f"{path}: its patients are not those of another table there: cases that are one "
                "patient's in one of them are of two in the other. Keep one of the tables, or "
                "rename the column of patients that is none."
            )
        called = {named[case]: self._patients[case] for case in both}
        return {case: called.get(patient, patient) for case, patient in named.items()}

    def _check_split(self, path: Path, named: Mapping[str, str], column: str) -> None:
        told: dict[str, set[str]] = {}
        for case in self.cases:
            if case.case in named:
                told.setdefault(case.patient, set()).add(named[case.case])
        split = sorted(patient for patient, names in told.items() if len(names) > 1)
        if split:
            self.notes.append(
                f"{path.name}: its column {column!r} has several patients where the cases' names "
                f"tell one ({', '.join(split[:3])}); the table's are taken"
            )

    def _join_sites(self, path: Path, rows: pd.DataFrame, column: str | None) -> None:
        if column is None:
            return
        found: dict[str, str] = {}
        for case, word in zip(rows["case"], present(rows[column]), strict=True):
            site = None if word is None else same_text(word)
            known = found.get(case, self._sites.get(case, site))
            if site is not None and known != site:
                raise DataError(
                    f"{path}: column {column!r} says {site!r} of case {case!r}, and another row or "
                    f"table {known!r}. Keep one."
                )
            if site is not None:
                found[case] = site
        self._sites |= found
        self.cases = tuple(
            c if c.site is not None else replace(c, site=found.get(c.case)) for c in self.cases
        )

    def _join_columns(
        self, path: Path, rows: pd.DataFrame, key: Key, columns: Sequence[str]
    ) -> None:
        known_names = [str(c) for c in self.labels.columns if c not in ("case", "patient")]
        there = {squeezed(name): name for name in known_names}
        told: dict[str, frozenset[str]] = {}
        fresh: dict[str, str] = {}
        for column in columns:
            old, new = there.get(squeezed(column)), _values(rows, column)
            if old is None:
                fresh[column] = column
                told[column] = frozenset(new)
                continue
            known = _values(self.labels, old)
            if self._other_words(old, known, new):
                name = column if column != old else f"{column} ({path.name})"
                fresh[column] = name
                told[name] = frozenset(new)
                continue
            self._dispute(path, old, known, new)
            told[old] = frozenset(self._fill(old, known, rows, column))
        table = rows[["case", *fresh]].rename(columns=fresh).drop_duplicates()
        # An id that is in the table twice with two labels must stay visible as a conflict.
        self.labels = self.labels.merge(table, on="case", how="left")
        self.origins.append(Origin(path.name, key.column, told))

    def _other_words(
        self, column: str, known: Mapping[str, set[str]], new: Mapping[str, set[str]]
    ) -> bool:
        """Whether a column that the folders tell has quite other values in a table: 4 for HGG."""
        if any(column in origin.cases for origin in self.origins):
            return False
        mine, other = (set().union(*values.values()) for values in (known, new))
        return bool(mine and other) and not mine & other

    def _dispute(
        self, path: Path, column: str, known: Mapping[str, set[str]], new: Mapping[str, set[str]]
    ) -> None:
        unlike = sorted(case for case in new if case in known and known[case] != new[case])
        if unlike:
            first = unlike[0]
            file = next((o.file for o in self.origins if first in o.cases.get(column, ())), FOLDERS)
            values = [", ".join(sorted(values[first])) for values in (known, new)]
            self.disputed[column] = (
                f"{file} and {path.name} disagree about {column!r} of {len(unlike)} case(s), such "
                f"as {first!r}: {values[0]} and {values[1]}. Remove the wrong table or mend it, or "
                "name the right one as DATA."
            )

    def _fill(
        self, old: str, known: Mapping[str, set[str]], rows: pd.DataFrame, column: str
    ) -> list[str]:
        """Take values that the labels lack from a table; the cases for which it has them."""
        some = rows[rows[column].notna() & ~rows["case"].isin(list(known))]
        values = {case: list(dict.fromkeys(each)) for case, each in some.groupby("case")[column]}
        if values:
            filled = [
                values.get(case, value)
                for case, value in zip(self.labels["case"], self.labels[old], strict=True)
            ]
            self.labels = self.labels.assign(**{old: pd.Series(filled, index=self.labels.index)})
            self.labels = self.labels.explode(old, ignore_index=True)
        return [str(case) for case in values]


def _values(table: pd.DataFrame, column: str) -> dict[str, set[str]]:
    """The values of a column by case, without cases that have none."""
    found: dict[str, set[str]] = {}
    for case, value in zip(table["case"], table[column], strict=True):
        if (plain := plain_value(value)) is not None:
            found.setdefault(str(case), set()).add(plain)
    return found


def _shared(rows: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Of columns those with one value for several cases."""
    return [
        name
        for name in columns
        if (rows.groupby(present(rows[name]).to_numpy())["case"].nunique() > 1).any()
    ]
