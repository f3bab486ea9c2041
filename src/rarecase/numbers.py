"""Numbers for people, of any size, never with an exponent."""

from __future__ import annotations

import math
from decimal import Decimal


def plain_number(value: float, *, digits: int = 4) -> str:
    """A number with so many digits that count; from 1,000 on a whole one.

    >>> plain_number(0.00001234567), plain_number(2.50), plain_number(1234567.8)
    ('0.00001235', '2.5', '1,234,568')
    >>> plain_number(-0.0), plain_number(math.nan)
    ('0', 'nan')
    """
    if not math.isfinite(value):
        return str(float(value))
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return format(Decimal(f"{value + 0.0:.{digits}g}"), "f")


def exact_number(value: float) -> str:
    """A number as it is, with every digit that it needs.

    >>> exact_number(1e-05), exact_number(0.1), exact_number(3e22), exact_number(2.0)
    ('0.00001', '0.1', '30000000000000000000000', '2.0')
    """
    text = repr(float(value))
    return format(Decimal(text), "f") if "e" in text else text
