"""Columns that may know the class because it was known when they were written: leaks.

Pure functions of columns, classes and patients. What is found is data (`Suspicion`); whoever calls
decides with `refuse` what a person has accepted by name.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api.types import is_float_dtype, is_numeric_dtype

from rarecase.arrays import Ints
from rarecase.cohort.tables import FEWEST, like_patients
from rarecase.errors import LeakError
from rarecase.features.column_names import (
    names_dates,
    names_ids,
    names_sites,
    outcome_word,
)
from rarecase.features.separation import HIGH, Separation, by_cut, by_value
from rarecase.shown import Brief

log = logging.getLogger(__name__)
LIMIT = 0.001  # of the probability that noise separates so in some column
SAME = 0.05  # of the probability that a column of noise has the classes' own groups
FEW = 10  # values of a column of numbers that may be codes of categories
DAYS = (19000101, 21001231)
SHOWN = 5  # of a kind
Kind = Literal[
    "rows", "separates", "label", "id", "date", "outcome", "site",
    "empty", "constant", "unseen",
]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Suspicion(Brief):
    """What looks like a leak. `words`: what was found, to follow the column's name; `stops`: an
    error unless it is accepted by name, else a warning."""

    column: str
    kind: Kind
    words: str
    stops: bool


def suspicions(
    columns: pd.DataFrame,
    label: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    name: str = "",
    aside: pd.DataFrame | None = None,
    site: str | None = None,
) -> list[Suspicion]:
    """What looks like a leak in a table, in the order of its columns.

    Parameters
    ----------
    columns
        The features (n, d): numbers, or categories.
    label, groups
        The class and the patient of each row (n,); without `groups` each row is a patient.
    name
        What the column of classes is called.
    aside
        Columns that are no features, in which ids of patients or sites may be (n, e).
    site
        Which of them is the site; else those are looked at that are called like one.
    """
    columns = columns.set_axis(columns.columns.map(str), axis=1)
    y = np.asarray(label).astype(str)
    whose = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    first = np.unique(whose, return_index=True)[1]
    classes, codes = np.unique(y[first], return_inverse=True)
    found: list[Suspicion] = []
    for each in (aside, columns):
        for title, values in () if each is None else _countable(each):
            if groups is None:
                found += _repeated(values, y, title)
            if title == site or names_sites(title):
                found += _site(_of_patients(values, whose), classes, codes, title)
            if each is columns:
                found += _numbering(values, title)
    for title in columns.columns:
        if names_dates(title):
            found.append(Suspicion(title, "date", "is named like a date", True))
        word = outcome_word(title, name)
        if word is not None and columns[title].nunique() > 1:
            words = f"is named like an outcome ({word!r})"
            found.append(Suspicion(title, "outcome", words, True))
    return list(dict.fromkeys([*found, *_separating(columns, whose, classes, codes)]))


def refuse(found: Sequence[Suspicion], accept: Collection[str] = ()) -> None:
    """Log what is a warning, and what is accepted by name. Raises `LeakError` for all other that
    stops."""
    stops = [each for each in found if each.stops and each.column not in accept]
    say([each for each in found if each not in stops])
    if stops:
        kinds = {kind: _names(s for s in stops if s.kind == kind) for kind in ("rows", "site")}
        used = _names(each for each in stops if each.kind not in kinds)
        ways = [f"leave out what is none (--ignore {used})"] * bool(used)
        ways += ["name the patients (--groups COLUMN)"] * bool(kinds["rows"])
        ways += [f"accept what you know to be right (--accept {_names(stops)}, accept=)"]
        lines = [f"  column {each.column!r} {each.words}" for each in stops[:SHOWN]]
        lines += [f"  and {len(stops) - SHOWN} more"] * (len(stops) > SHOWN)
        raise LeakError(
            "What may know the class beforehand is looked at by a person first:\n"
            + "\n".join(lines) + f"\nThe ways out: {', or '.join(ways)}."
        )  # fmt: skip


def _names(found: Iterable[Suspicion]) -> str:
    return ",".join(dict.fromkeys(each.column for each in found))


def say(found: Sequence[Suspicion]) -> None:
    """Log what was found, of each kind the first few."""
    kinds: dict[str, list[Suspicion]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each)
    for alike in kinds.values():
        for each in alike[:SHOWN]:
            said = "accepted: " if each.stops else ""
            log.warning("%scolumn %r %s", said, each.column, each.words)
        if len(alike) > SHOWN:
            log.warning("and %d more such columns", len(alike) - SHOWN)


def _countable(frame: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Columns of names, categories and whole numbers (as integers)."""
    floats = frame.loc[:, [is_float_dtype(dtype) for dtype in frame.dtypes]]
    numbers = floats.to_numpy(np.float64, na_value=np.nan)
    are_whole = ((np.mod(numbers, 1) == 0) | np.isnan(numbers)).all(axis=0)
    whole = dict(zip(floats.columns, are_whole, strict=True))
    for name in frame.columns:
        if whole.get(name, True):
            values = frame[name]
            yield str(name), values.astype("Int64") if name in whole else values


def _repeated(values: pd.Series, y: NDArray[Any], name: str) -> Iterator[Suspicion]:
    """Ids that repeat: rows of one patient would be in training and test."""
    some = values.dropna()
    repeats = int(some.duplicated(keep=False).sum())
    named, text = names_ids(name) and some.nunique() > 1, not is_numeric_dtype(values)
    if (named and repeats) or like_patients(values, pd.Series(y, values.index)) == "repeated":
        yield Suspicion(
            name, "rows", f"looks like one of patients: {repeats} rows share theirs with another, "
            "and would be split between training and test", named or text,
        )  # fmt: skip


def _numbering(values: pd.Series, name: str) -> Iterator[Suspicion]:
    """Ids and dates among the features."""
    numbers, distinct = values.dropna(), len(values) >= FEWEST and values.is_unique
    if isinstance(values.dtype, pd.CategoricalDtype):
        if distinct:
            yield Suspicion(name, "id", "has a category of its own in every row", True)
        return
    if distinct and len(numbers) == len(values):
        dense = int(numbers.max() - numbers.min()) + 1 == len(values)
        if names_ids(name) or dense or like_patients(values, values) == "distinct":
            words = "numbers the rows or the patients"
            yield Suspicion(name, "id", words, names_ids(name) or dense)
    if _in_days(numbers) and not names_dates(name):
        yield Suspicion(name, "date", "holds dates written as numbers", True)


def _in_days(numbers: pd.Series) -> bool:
    """Whether whole numbers are days written as 20110320."""
    if not len(numbers) or not numbers.between(*DAYS).all():
        return False
    return bool(
        (numbers // 100 % 100).between(1, 12).all() and (numbers % 100).between(1, 31).all()
    )


def _site(values: pd.Series, classes: NDArray[Any], codes: Ints, name: str) -> Iterator[Suspicion]:
    """A site that tells the class: so does whatever tells sites apart, a scanner's noise."""
    places, sites = np.unique(values.astype(str)[values.notna()], return_inverse=True)
    at = np.full(len(values), -1)
    at[values.notna()] = sites
    found = [by_value(at, codes == c) for c in range(len(classes))]
    best = max((s for s in found if s is not None), key=lambda s: s.balanced, default=None)
    if best is None or best.balanced < HIGH or best.chance > SAME or 2 * len(places) > len(values):
        return
    counts = pd.crosstab(at[at >= 0], codes[at >= 0])
    said = "; ".join(
        f"{place}: " + ", ".join(f"{row.get(c, 0)} {k}" for c, k in enumerate(classes))
        for place, (_, row) in zip(places[:5], counts.iterrows(), strict=False)
    )
    yield Suspicion(
        name, "site", f"tells the class, so that whatever tells sites apart does, too ({said})",
        best.perfect and best.chance < LIMIT,
    )  # fmt: skip


def _separating(
    columns: pd.DataFrame, whose: Ints, classes: NDArray[Any], codes: Ints
) -> Iterator[Suspicion]:
    """Columns whose values, or gaps, tell a class. Noise would in one of all these tests."""
    gaps = columns.isna()
    rarest = int(np.bincount(codes).argmin())
    sides = [rarest] if len(classes) == 2 else range(len(classes))
    tests = (columns.shape[1] + int(gaps.any().sum())) * len(sides)
    patients = whose.max(initial=-1) + 1
    numbers = columns.select_dtypes(exclude="category").astype(np.float64)
    means = numbers if patients == len(whose) else numbers.groupby(whose).mean()
    filled = _any(~gaps.loc[:, gaps.any()], whose, patients)
    steps = (np.diff(np.sort(means.to_numpy(), axis=0), axis=0) > 0).sum(axis=0)
    many = dict(zip(means.columns, steps >= min(FEW, patients / 2), strict=True))
    for name in columns.columns:
        values: pd.Series = means[name] if name in means else _of_patients(columns[name], whose)
        plain = bool(many.get(name))  # else codes of categories, it may be, in no order
        levels = np.empty(0, dtype=np.int64) if plain else pd.factorize(values)[0]
        there = filled.get(name)
        for side in sides:
            inside = codes == side
            found = by_cut(values.to_numpy(), inside) if plain else by_value(levels, inside)
            missing = None if there is None else by_value(there, inside)
            for each, what in ((found, "alone tells"), (missing, "by its gaps alone tells")):
                if each is None or each.balanced < HIGH:
                    continue
                said = _judged(each, str(name), f"{what} class {str(classes[side])!r}", tests)
                same = each is found and not plain and _same(levels, codes, each)
                yield from [_relabelled(str(name))] if same else said


def _any(flags: pd.DataFrame, whose: Ints, patients: int) -> dict[Any, Ints]:
    """Whether any row of each patient has the flag, by column."""
    found = np.zeros((patients, flags.shape[1]), dtype=np.int64)
    np.maximum.at(found, whose, flags.to_numpy(np.int64))
    return dict(zip(flags.columns, found.T, strict=True))


def _judged(found: Separation, name: str, words: str, tests: int) -> Iterator[Suspicion]:
    """One that separates perfectly stops, where noise hardly would; else it is a warning."""
    chance = min(1.0, found.chance * tests)
    if not found.perfect and chance >= LIMIT:
        return
    if found.chance > SAME:  # as many categories as patients would
        return
    odds = "below 0.001" if chance < LIMIT else f"{chance:.2g}"
    yield Suspicion(
        name, "separates", f"{words} from the others in {found.right} of {found.patients} patients "
        f"(noise would in one of {tests} such tests with a probability of {odds})",
        found.perfect and chance < LIMIT,
    )  # fmt: skip


def _same(levels: Ints, codes: Ints, found: Separation) -> bool:
    """Whether values and classes are the same groups of patients."""
    known = levels >= 0
    pairs = np.unique(np.stack([levels[known], codes[known]]), axis=1)
    groups = len(np.unique(levels[known])) == len(np.unique(codes)) == pairs.shape[1]
    return groups and found.chance < SAME


def _relabelled(name: str) -> Suspicion:
    return Suspicion(name, "label", "is the classes under another name: the same groups", True)


def _of_patients(values: pd.Series, whose: Ints) -> pd.Series:
    """The most frequent value of each patient, of equals the first."""
    if whose.max(initial=-1) + 1 == len(whose):
        return values.reset_index(drop=True)
    codes, found = pd.factorize(values.astype(object))
    table = np.zeros((whose.max() + 1, len(found)), dtype=np.int64)
    np.add.at(table, (whose[codes >= 0], codes[codes >= 0]), 1)
    best = pd.Series(table.argmax(axis=1))
    return best.map(dict(enumerate(found))).where(pd.Series(table.any(axis=1)))
