"""The predictions table: checking it, and pooling its slices to patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rarecase.errors import DataError

CONTROL = "none"
"""The arm that every other is measured against."""

DUPLICATES = "duplicates"
"""Real samples again. `duplicates:ARM` is the control of a synthetic arm: as many as it added."""

TUNED = -1
"""The amount of an arm that chooses its own on inner folds, in every fold anew."""

CELL = ["arm", "amount", "repeat", "fold", "generator_seed"]
"""What identifies one fitted classifier."""

COLUMNS = [*CELL, "threshold", "case", "slice", "patient", "label", "predicted"]


def check_predictions(predictions: pd.DataFrame) -> tuple[str, ...]:
    """The classes of a predictions table, in the order of its columns `p_<class>`.

    Raises `DataError` for anything that would make a score wrong without a word: missing columns,
    probabilities that are missing or outside 0 to 1, labels without a column, a patient with two
    labels or tested in two folds of a repeat, a slice predicted twice, a threshold outside 0 to 1.
    """
    missing = [name for name in COLUMNS if name not in predictions.columns]
    if missing:
        raise DataError(
            f"predictions: columns {', '.join(missing)} are missing; "
            f"expected {', '.join(COLUMNS)} and one p_<class> for each class."
        )
    classes = tuple(str(c)[2:] for c in predictions.columns if str(c).startswith("p_"))
    if len(classes) < 2:
        raise DataError(
            f"predictions: expected columns p_<class> for two or more classes, got {list(classes)}."
        )
    if predictions.empty:
        raise DataError("predictions: the table has no rows. Classify at least one fold first.")
    _check_values(predictions, classes)
    _check_patients(predictions)
    return classes


def _check_values(predictions: pd.DataFrame, classes: tuple[str, ...]) -> None:
    numeric = [f"p_{c}" for c in classes] + ["threshold"]
    for name in numeric:
        if not pd.api.types.is_numeric_dtype(predictions[name]):
            raise DataError(
                f"predictions: column {name} holds {predictions[name].dtype}, expected numbers."
            )
    p = predictions[numeric[:-1]].to_numpy(dtype=float)
    bad = ~((p >= 0) & (p <= 1)).all(axis=1)  # also true for NaN
    if bad.any():
        row = predictions.iloc[int(np.flatnonzero(bad)[0])]
        raise DataError(
            f"predictions: {int(bad.sum())} rows have a probability that is missing or outside "
            f"0 to 1, first case {row['case']!r} slice {row['slice']} (arm {row['arm']!r}, amount "
            f"{row['amount']}, fold {row['fold']}). The classifier may have diverged: train again."
        )
    unknown = sorted(set(predictions["label"].astype(str)) - set(classes))
    if unknown:
        raise DataError(
            f"predictions: labels {unknown} have no column p_<class>; there are {list(classes)}."
        )
    thresholds = predictions["threshold"].dropna().astype(float)
    outside = thresholds[(thresholds < 0) | (thresholds > 1)]
    if len(outside):
        raise DataError(
            f"predictions: threshold {outside.iloc[0]} is outside 0 to 1; expected the tuned one "
            "of each fold, or none."
        )


def _check_patients(predictions: pd.DataFrame) -> None:
    labels = predictions.groupby("patient")["label"].nunique()
    if (labels > 1).any():
        who = labels.index[labels > 1][0]
        raise DataError(f"predictions: patient {who!r} has two labels; a patient is one sample.")
    fit = ["arm", "amount", "repeat", "generator_seed"]
    folds = predictions.groupby([*fit, "patient"], dropna=False)["fold"].nunique()
    if (folds > 1).any():
        who = folds.index[folds > 1][0]
        raise DataError(
            f"predictions: patient {who[-1]!r} is tested in two folds of repeat {who[2]}; "
            "pooling over folds counts a patient once."
        )
    twice = predictions.duplicated([*CELL, "case", "slice"])
    if twice.any():
        row = predictions[twice].iloc[0]
        raise DataError(
            f"predictions: case {row['case']!r} slice {row['slice']} stands twice for arm "
            f"{row['arm']!r}, amount {row['amount']}, repeat {row['repeat']}, fold {row['fold']}, "
            f"generator seed {row['generator_seed']}. Drop the duplicates."
        )


def is_synthetic(arm: str, amount: int) -> bool:
    """Whether an arm at this amount adds samples that are not real ones.

    >>> is_synthetic("acgan", 300), is_synthetic("duplicates:acgan", 300), is_synthetic("none", 0)
    (True, False, False)
    """
    return amount != 0 and arm.partition(":")[0] != DUPLICATES


def shows_tumour(rows: pd.DataFrame, unit: list[str]) -> pd.Series:
    """Which rows count for their `unit` (columns): those with a predicted tumour; all, where the
    unit has none."""
    seen = rows["predicted"] > 0
    counted: pd.Series = seen | ~seen.groupby([rows[c] for c in unit], dropna=False).transform(
        "any"
    )
    return counted


def pool_patients(predictions: pd.DataFrame) -> pd.DataFrame:
    """Slices to patients: the mean of every p_<class> over slices with a predicted tumour.

    A slice counts when its `predicted` (pixels of the predicted mask) is above 0; a patient without
    any such slice is pooled over all of them. One row for each patient of each arm, amount, repeat,
    fold and generator seed, with `slices`, the number pooled over. All cases of a patient go
    together.
    """
    probabilities = [str(c) for c in predictions.columns if str(c).startswith("p_")]
    unit = [*CELL, "patient"]
    counted = predictions[shows_tumour(predictions, unit)]
    grouped = counted.groupby(unit, dropna=False, sort=True)
    pooled = grouped[probabilities].mean()
    pooled.insert(0, "label", grouped["label"].first())
    pooled.insert(1, "slices", grouped.size())
    pooled.insert(2, "threshold", grouped["threshold"].first())
    return pooled.reset_index()
