"""How a table of text is written: what separates columns, what is quoted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

from rarecase.cohort.tables.words import QUOTED
from rarecase.cohort.values import MISSING

SEPARATORS = ",;\t|"
_SAID = re.compile(r'\s*"?sep=([^"\r\n])"?[^\r\n]*(\r\n|\r|\n)', re.IGNORECASE)  # Excel's own line
FEWEST_BELOW_TITLE = 3
"""Cells of a header that may stand below a title of one; above two one is a header, as R writes."""
_SAMPLE = 20  # rows that show which separator it is
_GAPS = "|".join(sorted(map(re.escape, MISSING - {""}), key=len, reverse=True))
_QUOTED_GAP = re.compile(rf'"\s*({_GAPS})\s*"', re.IGNORECASE)


def rows_of(text: str, separator: str) -> csv.Reader:  # type: ignore[name-defined]
    """Rows of cells; blanks after a separator are none of theirs."""
    lines = io.TextIOWrapper(io.BytesIO(text.encode("utf-8")), encoding="utf-8", newline="")
    return csv.reader(lines, delimiter=separator, skipinitialspace=True)


def said_separator(text: str) -> tuple[str | None, str]:
    """The separator of a first line `sep=;`, as Excel writes it, and the text after that line."""
    said = _SAID.match(text)
    return (None, text) if said is None else (said[1], text[said.end() :])


def find_separator(text: str) -> str:
    """The one that cuts header and rows into as many cells, most of all; blanks where no other
    does, as R writes tables; or the one that does so below a title."""
    text = "\n".join(text.split("\n", _SAMPLE)[:_SAMPLE])
    _, width, separator = _best(text)
    if width > 1:
        return separator
    fits, width = _fit(text.rstrip(), " ")
    if fits and width > 1:
        return " "
    fits, width, separator = _best(text.lstrip().partition("\n")[2])
    return separator if fits and width >= FEWEST_BELOW_TITLE else ","


def _best(text: str) -> tuple[bool, int, str]:
    """The separator that fits best, the first of equals, with what `_fit` says of it."""
    return max(((*_fit(text, each), each) for each in SEPARATORS), key=lambda each: each[:2])


def _fit(text: str, separator: str) -> tuple[bool, int]:
    """Whether the first rows are cut as the header is (or have a name in front, as R writes it),
    and into how many cells."""
    try:
        widths = [len(row) for row in islice(_filled(rows_of(text, separator)), _SAMPLE)]
    except csv.Error:  # a value longer than any is: it is not cut so
        return False, 0
    if not widths:
        return False, 0
    head, rest = widths[0], set(widths[1:])
    return head > 1 and (rest <= {head} or rest == {head + 1}), head


def _filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    return (row for row in rows if row)


def mark_quoted(text: str, separator: str) -> str:
    """The text with `QUOTED` before words that would mean missing, were they not quoted."""
    if '"' not in text or _QUOTED_GAP.search(text) is None:
        return text
    field = re.compile(rf'(^|[{re.escape(separator)}\r\n])( *)"([^"]*(?:""[^"]*)*)"')

    def marked(match: re.Match[str]) -> str:
        gap = match[3].strip().casefold()
        return f'{match[1]}"{QUOTED}{match[3]}"' if gap and gap in MISSING else match[0]

    return field.sub(marked, text)
