"""The amounts of the sweep: numbers or percentages, resolved once for all folds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def real_training_slices(rows: pd.DataFrame, folds: pd.DataFrame) -> int:
    """Mean number of slices of the training patients over all folds of all repeats.

    `rows`: patient of every slice; `folds`: columns repeat, patient, fold (−1: never tested). One
    number for the whole study, so that an amount means the same in every fold.
    """
    per_patient = rows.groupby("patient").size()
    counts = []
    for _, part in folds.groupby("repeat"):
        total = per_patient.reindex(part["patient"]).sum()
        tested = part[part["fold"] >= 0].groupby("fold")["patient"]
        counts += [total - per_patient.reindex(patients).sum() for _, patients in tested]
    return round(sum(counts) / len(counts))


def resolve_amount(amount: int | str, *, real: int) -> int:
    """A number as it is; a percentage of the `real` training slices, rounded.

    >>> resolve_amount("25%", real=4540), resolve_amount(300, real=4540)
    (1135, 300)
    """
    text = str(amount)
    if text.endswith("%"):
        return round(float(text.removesuffix("%")) / 100 * real)
    return int(float(text))


def resolve_amounts(amounts: Sequence[int | str], *, real: int) -> list[int]:
    """Every amount once, rising; 0 (no synthetic sample: the arm `none`) is always among them."""
    return sorted({0, *(resolve_amount(each, real=real) for each in amounts)})
