"""Words of a table as what they stand for: numbers, truth values, dates, nothing."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
import pandas as pd

from rarecase.arrays import Floats
from rarecase.errors import DataError

# How tables write that there is no value, in small letters.
MISSING = frozenset(
    ("", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "nil", "none", "?", "-", "--", "'--",
     ".", "..", "missing", "unknown", "not available", "not applicable", "not reported",
     "not evaluated", "[not available]", "[not applicable]", "[not evaluated]", "[unknown]",
     "[discrepancy]")
)  # fmt: skip
TRUTH = {"true": 1.0, "false": 0.0}
POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
TUPLE = re.compile(r"[(\[]\s*-?[\d.]+(e-?\d+)?\s*(,\s*-?[\d.]+(e-?\d+)?\s*)*,?\s*[)\]]", re.I)
HASH = re.compile(r"(?=.*[a-f])(?=.*\d)([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
DATE = re.compile(
    r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4}|\d{1,2}[- ][a-z]{3}[- ]\d{4})"
    r"([ t]\d.*)?", re.IGNORECASE
)  # fmt: skip
FORMATS = (
    *(f"%Y{s}%m{s}%d" for s in "-/."), *(f"%d{s}%m{s}%Y" for s in "-/."),
    *(f"%m{s}%d{s}%Y" for s in "-/."), "%d-%b-%Y", "%d %b %Y",
)  # fmt: skip


def present(values: pd.Series, *, none: bool = False) -> pd.Series:
    """Values as trimmed text, None where there is none, however that is written. `none`: whether
    the word None is a value, as it may be of a category."""
    words = [None if pd.isna(value) else str(value).strip() for value in values]
    known = MISSING - {"none"} if none else MISSING
    found = [None if word is None or word.casefold() in known else word for word in words]
    return pd.Series(found, index=values.index, dtype=object)


def number(word: str) -> float:
    """One word as a number, in which a comma may stand for the point; NaN where it is none.

    >>> number("1,5"), number("3rd")
    (1.5, nan)
    """
    if POINT.fullmatch(word) or COMMA.fullmatch(word):
        return float(word.replace(",", "."))
    return np.nan


def as_numbers(words: pd.Series, name: str) -> Floats | None:
    """What `present` gave as numbers (n,), NaN where there is none; None where they are no numbers.
    A comma may stand for the point, in the whole column.

    >>> as_numbers(pd.Series(["456,78", None, "12"], dtype=object), "volume").tolist()
    [456.78, nan, 12.0]

    Raises
    ------
    DataError
        Numbers that can be read in two ways.
    """
    some = words.dropna()
    if all(word.casefold() in TRUTH for word in some):
        found = some.map(lambda w: TRUTH[w.casefold()])
    elif all(POINT.fullmatch(w) for w in some):
        found = some.astype(np.float64)
    elif all(POINT.fullmatch(w) or COMMA.fullmatch(w) for w in some):
        _check_commas(some, name)
        found = some.str.replace(",", ".").astype(np.float64)
    else:
        return None
    return found.reindex(words.index).to_numpy(np.float64)


def _check_commas(words: pd.Series, name: str) -> None:
    comma = words[words.str.contains(",", regex=False)]
    point = words[words.str.contains(".", regex=False)]
    if len(point):
        raise DataError(
            f"Column {name!r} has a decimal comma in row {comma.index[0]} ({comma.iloc[0]!r}) and "
            f"a point in row {point.index[0]} ({point.iloc[0]!r}). Write all in one way, or leave "
            f"the column out (--ignore {name})."
        )
    if all(THOUSANDS.fullmatch(word) for word in comma):
        raise DataError(
            f"Column {name!r}: {comma.iloc[0]!r} in row {comma.index[0]} may be "
            f"{comma.iloc[0].replace(',', '')} or {comma.iloc[0].replace(',', '.', 1)}. Write it "
            f"without the comma, or leave the column out (--ignore {name})."
        )


def are_dates(words: pd.Series) -> bool:
    """Whether all that `present` gave are dates."""
    some = words.dropna()
    return bool(len(some)) and all(DATE.fullmatch(word) for word in some)


def as_days(words: pd.Series, name: str) -> Floats:
    """Dates as days since 1970 (n,), NaN where there is none. Raises `DataError` where no one
    format fits them all, or two do."""
    some = words.dropna().map(lambda w: re.split(r"[ tT](?=\d+:)", w)[0])
    tried = {form: _days(some, form) for form in FORMATS}
    found = {form: each for form, each in tried.items() if each is not None}
    if len({tuple(days) for days in found.values()}) != 1:
        how = "no one format" if not found else f"{' and '.join(found)} both"
        raise DataError(
            f"Column {name!r}: dates such as {some.iloc[0]!r} (row {some.index[0]}): {how} fit all "
            f"{len(some)}. Write them as 2011-03-20, or leave the column out (--ignore {name})."
        )
    one = pd.Series(next(iter(found.values())), index=some.index).reindex(words.index)
    return np.asarray(one, dtype=np.float64)


def _days(words: pd.Series, form: str) -> list[float] | None:
    try:
        return [float(datetime.strptime(w, form).toordinal() - 719163) for w in words]
    except ValueError:
        return None


def shifted(words: pd.Series) -> str | None:
    """The first value that no feature has, a tuple or a hash; None where there is none."""
    return next((w for w in words.dropna() if TUPLE.fullmatch(w) or HASH.fullmatch(w)), None)
