"""Okabe and Ito's palette, safe for colour-blind readers and on paper."""

RARE = "#D55E00"
"""The rare class always has it."""
OTHERS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
