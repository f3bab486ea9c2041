"""Numbers in prose."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"


def number(value: float, *, digits: int = 2) -> str:
    """A number for prose: a true minus sign, no minus zero.

    >>> number(-0.004), number(0.418)
    ('0.00', '0.42')
    """
    text = f"{abs(value):.{digits}f}"
    return MINUS + text if value < 0 and float(text) else text


def signed(value: float, *, digits: int = 2) -> str:
    """A change: a sign always, but none for zero.

    >>> signed(0.024), signed(0.001)
    ('+0.02', '0.00')
    """
    text = number(value, digits=digits)
    return f"+{text}" if value > 0 and float(text) else text


def p_value(p: float) -> str:
    """A p value as journals want it.

    >>> p_value(0.00004), p_value(0.0312), p_value(1.0)
    ('below 0.001', '0.031', '1.00')
    """
    if p < 0.001:
        return "below 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
