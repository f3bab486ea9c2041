"""Which column of a table names the cases: one that is called like ids, or text that fits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from rarecase.cohort.ids import DIGITS, END, LETTERS, Matching, match, starts
from rarecase.cohort.roles import is_identifier, is_index, is_patient, is_patient_of
from rarecase.cohort.values import are_dates

# Fewer ids than this that fit may be a coincidence in a large cohort's folder.
FEWEST = 3
NEARLY_ALL = 0.9  # of the cases
_NUMBER = re.compile(r"[+-]?\d+([.,]\d*)?")


@dataclass(frozen=True)
class Key:
    """A column that names cases. cases: by its value; bare: it holds plain numbers; matching: of
    its values with the ids of cases and patients; begun: cases begin with its values; rivals:
    columns that name other cases in the same rows."""

    column: str
    cases: Mapping[str, tuple[str, ...]]
    matching: Matching
    bare: bool = False
    named: bool = False
    begun: bool = False
    rivals: tuple[str, ...] = ()

    @property
    def hits(self) -> int:
        """How many cases it names."""
        return len({case for cases in self.cases.values() for case in cases})

    @property
    def rank(self) -> tuple[bool, int, bool, int, int]:
        """The best key is the greatest: a name or text before plain numbers in an unnamed column,
        ids nearly as written before others, a name, cases, and the most particular column."""
        (way, _), *_ = Counter(self.matching.way.values()).most_common(1)
        trust = 2 if way <= LETTERS else 1 if way <= DIGITS else 0
        return self.named or not self.bare, trust, self.named, self.hits, len(self.cases)


@dataclass(frozen=True)
class Ids:
    """The ids of cases and of their patients, in one order."""

    cases: Sequence[str]
    patients: Sequence[str]

    @cached_property
    def of_patient(self) -> dict[str, tuple[str, ...]]:
        """Cases by patient."""
        found: dict[str, dict[str, None]] = {}
        for case, patient in zip(self.cases, self.patients, strict=True):
            found.setdefault(patient, {})[case] = None
        return {patient: tuple(cases) for patient, cases in found.items()}

    @cached_property
    def bare(self) -> bool:
        """Whether cases or patients are called by plain numbers."""
        return _are_numbers(self.cases) or _are_numbers(self.of_patient)


def _are_numbers(values: Collection[str]) -> bool:
    return sum(_NUMBER.fullmatch(value) is not None for value in values) > len(values) / 2


def _padded(values: Iterable[str]) -> bool:
    """Whether numbers are filled up with zeros, as those of rows or ages never are."""
    return any(len(value) > 1 and value.startswith("0") for value in values)


def find_key(ids: Ids, table: pd.DataFrame, *, fewest: int = FEWEST) -> Key | None:
    """The column that names the cases best, by their own ids or their patients' (see `match`).

    A column that is called as ids are (see `is_identifier`) must name some cases; any other nearly
    all of them, and then by text, or by plain numbers where the ids are such and no two rows have
    the same. Plain numbers that are only the end of ids must name half of the cases, or all of them
    where they just number the rows, and no other column may have a word of its own in every row.
    Where none does, cases may begin with their patients' ids.
    """
    found = [_key(ids, str(name), table[name]) for name in table.columns]
    fitting = [key for key in found if key is not None and _fits(key, ids, table, fewest)]
    numbers = [key for key in fitting if key.bare and not key.named]
    if len(numbers) > 1:  # one of them may number the rows, and of two others nobody knows
        own = [key for key in numbers if not _numbers_rows(table[key.column])]
        aside = [key for key in numbers if len(own) != 1 or key is not own[0]]
        fitting = [key for key in fitting if key not in aside]
    best = max(fitting, key=lambda key: key.rank, default=None)  # the first of equals
    if best is None:
        return _beginnings(ids, table, fewest=fewest)
    others = [
        key
        for key in fitting
        if key is not best and not key.bare and (key.rank[1] or not _of_patients(key.column))
    ]  # the end of a patient's number says nothing of cases
    return replace(best, rivals=tuple(k.column for k in others if _differ(table, best, k)))


def _of_patients(column: str) -> bool:
    return is_patient(column) or is_patient_of(column)


def _differ(table: pd.DataFrame, one: Key, other: Key) -> bool:
    """Whether two keys name different cases in any row."""
    rows = table[[one.column, other.column]].dropna().drop_duplicates()
    pairs = ((one.cases.get(a), other.cases.get(b)) for a, b in rows.itertuples(index=False))
    return any(a and b and not {*a} & {*b} for a, b in pairs)


def _key(ids: Ids, name: str, column: pd.Series) -> Key | None:
    values = sorted({str(value) for value in column.dropna()})
    bare, named = _are_numbers(values), is_identifier(name)
    rows = is_index(name) and not _padded(values)
    if bare and (rows or not (named or ids.bare)):
        return None  # the row numbers of a saved data frame, an age
    if not named and len(values) < len(ids.of_patient) / 2:
        return None
    one, many = match(values, ids.cases), match(values, ids.of_patient)
    cases: dict[str, tuple[str, ...]] = {}
    pairs: dict[str, str] = {}
    way: dict[str, int] = {}
    for value in values:
        mine, theirs = one.pairs.get(value), many.pairs.get(value)
        if mine is not None and one.way[value] <= many.way.get(value, END):
            cases[value], pairs[value], way[value] = (mine,), mine, one.way[value]
        elif theirs is not None:
            cases[value], pairs[value] = ids.of_patient[theirs], theirs
            way[value] = many.way[value]
    if not cases:
        return None
    unsure = {v: could for v, could in {**many.unsure, **one.unsure}.items() if v not in cases}
    alone = tuple(v for v in values if v not in cases and v not in unsure)
    return Key(name, cases, Matching(pairs, way, unsure, alone=alone), bare=bare, named=named)


def _fits(key: Key, ids: Ids, table: pd.DataFrame, fewest: int) -> bool:
    count = len(set(ids.cases))
    words = key.named and not key.bare and max(key.matching.way.values()) <= LETTERS
    if key.hits < min(fewest, count) and not words:  # a word in a column of ids is no coincidence
        return False
    ends = sum(way == END for way in key.matching.way.values())
    if not key.named:
        if key.hits < NEARLY_ALL * count or ends:
            return False
        column = table[key.column].dropna()
        runs = _numbers_rows(column) and _has_others(table, key.column)
        return not key.bare or (column.is_unique and not runs)
    if not key.bare or _padded(key.cases) or ends <= len(key.cases) / 2:
        return True
    if fewest < FEWEST or _has_others(table, key.column):
        return False  # of a few scans a bare number may be anything
    return key.hits >= (count if _numbers_rows(table[key.column]) else count / 2)


def _has_others(table: pd.DataFrame, column: str) -> bool:
    """Whether another column has words that could well be the ids: an own one in every row, with a
    digit and without a blank."""
    for name in table.columns:
        words = table[name].dropna().map(str)
        alone = name != column and len(words) > 1 and len(words) == len(table) and words.is_unique
        like_ids = alone and words.str.fullmatch(r"\S*\d\S*").all() and not are_dates(words)
        if like_ids and not _are_numbers(words.tolist()):
            return True
    return False


def _numbers_rows(column: pd.Series) -> bool:
    """Whether a column counts the rows, from 0 or 1 on."""
    numbers = pd.to_numeric(column, errors="coerce").tolist()
    return any(numbers == [*range(first, first + len(numbers))] for first in (0, 1))


def _beginnings(ids: Ids, table: pd.DataFrame, *, fewest: int) -> Key | None:
    """The column of patients with whose ids nearly all cases begin, each with one; where few cases
    are looked for, any column of text with which some do."""
    few = fewest < FEWEST
    begun = {case: starts(case) for case in ids.cases}
    known = {start for beginnings in begun.values() for start in beginnings}
    found = []
    for column in map(str, table.columns):
        values = {str(value) for value in table[column].dropna()}
        names = {v for v in values if re.search("[A-Za-z]", v) or is_patient(column)}
        if not names or not (few or is_patient(column)):
            continue
        near = match(names, known)
        by_start = {near.pairs[name]: name for name, way in near.way.items() if way < END}
        mine: dict[str, tuple[str, ...]] = {}
        for case, beginnings in begun.items():
            own = [by_start[start] for start in beginnings if start in by_start]
            if len(own) == 1:
                mine[own[0]] = (*mine.get(own[0], ()), case)
        matching = Matching(
            pairs={name: near.pairs[name] for name in mine},
            way={name: near.way[name] for name in mine},
            alone=tuple(sorted(values - mine.keys())),
        )
        key = Key(column, mine, matching, named=True, begun=True)
        if key.hits >= (1 if few else max(NEARLY_ALL * len(begun), 1)):
            found.append(key)
    return max(found, key=lambda key: key.hits, default=None)
