"""Words of a table as what they stand for: numbers, truth values, dates, nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from rarecase.arrays import Floats
from rarecase.errors import DataError

# How tables write that there is no value, in small letters: pandas, R, SPSS, spreadsheets, people.
MISSING = frozenset(
    ("", "na", "n/a", "n.a.", "n.a", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "nat",
     "null", "(null)", "#null!", "nil", "none", "<none>", "1.#ind", "-1.#ind", "1.#qnan",
     "-1.#qnan", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "?", "-", "--", "---", "'--",
     "\u2013", "\u2014", ".", "..", "missing", "unknown", "not available", "not applicable",
     "not reported", "not evaluated", "[not available]", "[not applicable]", "[not evaluated]",
     "[unknown]", "[discrepancy]")
)  # fmt: skip
TRUTH = {"true": 1.0, "false": 0.0}
POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
BOTH = re.compile(r"[+-]?[1-9]\d{0,2}(?:(,)\d{3}(?:,\d{3})*\.\d+|(\.)\d{3}(?:\.\d{3})*,\d+)")
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:['\u2019]\d{3})+(?:[.,]\d*)?")  # as in Switzerland
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


def typed(word: str) -> str:
    """A number with signs for printing as it is typed on a keyboard: a minus as a hyphen, nothing
    between thousands; any other word as it is.

    >>> typed("\u22120.5"), typed("1'326.0"), typed("\u2212 mutant")
    ('-0.5', '1326.0', '\u2212 mutant')
    """
    plain = word.replace("\u2212", "-") if word.startswith("\u2212") else word
    if GROUPED.fullmatch(plain):
        return plain.replace("'", "").replace("\u2019", "")
    return plain if POINT.fullmatch(plain) or COMMA.fullmatch(plain) else word


def number(word: str) -> float:
    """One word as a number, in which a comma may stand for the point; NaN where it is none.

    >>> number("1,5"), number("3rd")
    (1.5, nan)
    """
    if POINT.fullmatch(word) or COMMA.fullmatch(word):
        return float(word.replace(",", "."))
    return np.nan


def number_values(words: Iterable[str | None], *, comma: bool = False) -> Floats | None:
    """Words as numbers (n,), NaN where there is none; None where one is no number. `comma`: whether
    commas stand for points.

    >>> number_values(["456.78", None, "?"]).tolist(), number_values(["1,5"])
    ([456.78, nan, nan], None)
    """
    said = [None if w is None or w.casefold() in MISSING else typed(w) for w in words]
    some = [word for word in said if word is not None]
    if comma and all(COMMA.fullmatch(w) or (POINT.fullmatch(w) and "." not in w) for w in some):
        said = [None if word is None else word.replace(",", ".") for word in said]
    elif not all(map(POINT.fullmatch, some)):
        return None
    return np.array([np.nan if word is None else float(word) for word in said])


def decimal_comma(columns: Iterable[Sequence[str | None]], *, sure: bool, points: bool) -> bool:
    """Whether a table writes commas for points. `columns`: those of its words that are no plain
    numbers; `sure`: that a comma between digits is one, as nothing else is written so in the table;
    `points`: whether other columns have points, so that a comma may be of thousands."""
    for words in columns:
        some = [typed(w) for w in words if w is not None and w.casefold() not in MISSING]
        commas = [word for word in some if "," in word]
        unclear = points or all(map(THOUSANDS.fullmatch, commas))
        fit = all(POINT.fullmatch(word) or COMMA.fullmatch(word) for word in some)
        if commas and fit and (sure or not unclear):
            return True
    return False


def as_numbers(words: pd.Series, name: str) -> Floats | None:
    """What `present` gave as numbers (n,), NaN where there is none; None where they are no numbers.
    A comma may stand for the point, in the whole column, and may part thousands where points are
    there, too (1,234.5).

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
    else:
        some = _ungrouped(some.map(typed))
        if not all(POINT.fullmatch(w) or COMMA.fullmatch(w) for w in some):
            return None
        if some.str.contains(",", regex=False).any():
            _check_commas(some, name)
        found = some.str.replace(",", ".").astype(np.float64)
    return found.reindex(words.index).to_numpy(np.float64)


def _ungrouped(words: pd.Series) -> pd.Series:
    """Numbers without the sign between thousands, where one of them shows which it is."""
    shown = {match[1] or match[2] for word in words if (match := BOTH.fullmatch(word))}
    if len(shown) != 1:
        return words
    sign = shown.pop()
    other = "." if sign == "," else ","
    whole = re.compile(rf"[+-]?(\d{{1,3}}(\{sign}\d{{3}})+|\d+)(\{other}\d*)?")
    if not all(map(whole.fullmatch, words)):
        return words
    return words.str.replace(sign, "", regex=False).str.replace(other, ".", regex=False)


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
