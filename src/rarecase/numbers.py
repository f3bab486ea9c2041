"""Numbers for people, of any size, never with an exponent."""

from __future__ import annotations

import math
from decimal import Decimal


def plainly(value: float, *, digits: int = 4) -> str:
    """A number with so many digits that count; from 1,000 on a whole one.

    >>> plainly(0.00001234567), plainly(2.50), plainly(1234567.8)
    ('0.00001235', '2.5', '1,234,568')
    >>> plainly(-0.0), plainly(math.nan)
    ('0', 'nan')
    """
    if not math.isfinite(value):
        return str(float(value))
    text = f"{value + 0.0:.{digits}g}"
    return f"{value:,.0f}" if abs(float(text)) >= 1000 else format(Decimal(text), "f")


def exact_number(value: float) -> str:
    """A number as it is, with every digit that it needs.

    >>> exact_number(1e-05), exact_number(0.1), exact_number(3e22), exact_number(2.0)
    ('0.00001', '0.1', '30000000000000000000000', '2.0')
    """
    text = repr(float(value))
    return format(Decimal(text), "f") if "e" in text else text
