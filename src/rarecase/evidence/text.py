"""Numbers in prose and in cells of tables."""

from __future__ import annotations

import math
from collections.abc import Mapping

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"

Score = Mapping[str, float | None]  # value, low, high


def number(value: float, *, digits: int = 2) -> str:
    """A number for prose: a true minus sign, no minus zero.

    >>> number(-0.004), number(0.418)
    ('0.00', '0.42')
    """
    text = f"{abs(value):.{digits}f}"
    return MINUS + text if value < 0 and float(text) else text


def signed(value: float, *, digits: int = 2) -> str:
    """A change: a sign always, but none for zero.

    >>> signed(0.024), signed(0.001), signed(0.001, digits=3)
    ('+0.02', '0.00', '+0.001')
    """
    text = number(value, digits=digits)
    return f"+{text}" if value > 0 and float(text) else text


def percent(share: float) -> str:
    """A share for a cell.

    >>> percent(0.276), percent(1.0)
    ('28 %', '100 %')
    """
    return f"{100 * share:.0f} %"


def p_value(p: float) -> str:
    """A p value as journals want it.

    >>> p_value(0.00004), p_value(0.0312), p_value(1.0)
    ('< 0.001', '0.031', '1.00')
    """
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def cell(value: float | None, *, digits: int = 2, change: bool = False) -> str:
    """A number for a table, signed where it is a `change`; a dash for what is not defined.

    >>> cell(0.417), cell(None), cell(0.04, change=True)
    ('0.42', '–', '+0.04')
    """
    if value is None or math.isnan(value):
        return DASH
    return signed(value) if change else number(value, digits=digits)


def interval(score: Score | None) -> str:
    """The interval of a score; empty where it has none.

    >>> interval({"value": 0.84, "low": 0.71, "high": 0.93})
    '0.71 to 0.93'
    """
    low, high = (None, None) if score is None else (score["low"], score["high"])
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def with_interval(score: Score | None, *, change: bool = False) -> str:
    """A value and its interval, as a row of the evidence holds them.

    >>> with_interval({"value": 0.84, "low": 0.71, "high": 0.93})
    '0.84 (0.71 to 0.93)'
    >>> with_interval({"value": 0.1, "low": -0.05, "high": 0.2}, change=True)
    '+0.10 (−0.05 to 0.20)'
    """
    value = cell(None if score is None else score["value"], change=change)
    return f"{value} ({interval(score)})" if interval(score) else value


def class_counts(counts: Mapping[str, int], column: str | None = None) -> str:
    """Patients of each class, with the name of the column that says so.

    >>> class_counts({"HGG": 24, "LGG": 12}, "Grade")
    'Grade: 24 HGG, 12 LGG'
    """
    words = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return f"{column}: {words}" if column else words
