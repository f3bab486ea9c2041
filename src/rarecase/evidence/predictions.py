"""The predictions table: its columns, what is refused, and pooling its slices to patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rarecase.errors import DataError
from rarecase.features.feature_set import counted

KEY = ["features", "arm", "classifier", "amount"]
"""What identifies one row of the evidence; `amount` is text: "0", "1158", "tuned"."""

CELL = [*KEY, "repeat", "fold", "seed"]
"""What identifies one cell, a single fit; `seed` is null where nothing in it is random."""

FLAGS = ["synthetic", "control_of", "planned", "reference"]
"""What is true of an arm at an amount in all of its cells."""

TEXTS = ["features", "arm", "classifier", "amount", "splits"]

COLUMNS = [
    *KEY, *FLAGS, "splits", "repeat", "fold", "seed",
    "threshold", "requested", "added", "chosen",
    "case", "slice", "patient", "site", "label", "predicted",
]  # fmt: skip
"""All columns but the probabilities p_<class>, in the order in which they are written."""


def check_predictions(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Refuse a predictions table that would make a score wrong without a word.

    Returns
    -------
    The classes, in the order of the columns p_<class>.

    Raises
    ------
    DataError
        Columns that are missing or of the wrong kind, probabilities that are missing or outside 0
        to 1, labels without a column, a patient with two labels or tested in two folds of a repeat,
        a slice predicted twice, a threshold outside 0 to 1, an arm that is synthetic in one cell
        and not in another, features × classifier without a reference or with two, unlike splits.
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
    _check_arms(predictions)
    return classes


def _check_values(predictions: pd.DataFrame, classes: tuple[str, ...]) -> None:
    numeric = [f"p_{c}" for c in classes] + ["threshold", "requested", "added", "predicted"]
    for names, is_right, wanted in (
        (numeric, pd.api.types.is_numeric_dtype, "numbers"),
        (TEXTS, _is_text, "text"),
        (["synthetic", "planned", "reference"], pd.api.types.is_bool_dtype, "true or false"),
        (["repeat", "fold"], pd.api.types.is_integer_dtype, "whole numbers"),
        (["seed"], _is_whole_or_null, "whole numbers or nulls"),
    ):
        for name in names:
            if not is_right(predictions[name]):
                raise DataError(
                    f"predictions: column {name} holds {predictions[name].dtype}, expected "
                    f"{wanted} in every row."
                )
    p = predictions[numeric[: len(classes)]].to_numpy(dtype=float)
    bad = np.flatnonzero(~((p >= 0) & (p <= 1)).all(axis=1))  # NaN too
    _refuse(
        predictions.iloc[bad],
        "{count} rows have a probability that is missing or outside 0 to 1, first case {case!r} "
        "slice {slice} ({cell}). The classifier may have diverged: train again.",
    )
    unknown = sorted(set(predictions["label"].astype(str)) - set(classes))
    if unknown:
        raise DataError(
            f"predictions: labels {unknown} have no column p_<class>; there are {list(classes)}."
        )
    threshold = predictions["threshold"].astype(float)
    _refuse(
        predictions[(threshold < 0) | (threshold > 1)],
        "threshold {threshold} is outside 0 to 1; expected the tuned one of each fold, or none.",
    )


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.infer_dtype(column, skipna=False) in ("string", "categorical")


def _is_whole_or_null(column: pd.Series) -> bool:
    known = pd.to_numeric(column.dropna(), errors="coerce")
    return bool((known % 1 == 0).all() and (known >= 0).all())


def _refuse(bad: pd.DataFrame, said: str) -> None:
    """Raise `DataError` where there are bad rows; `said` of the first: by its columns, its `cell`
    and their `count`."""
    if len(bad):
        row: dict[Any, Any] = bad.iloc[0].to_dict()
        cell = ", ".join(f"{n} {row[n]}" for n in CELL if n in row and not pd.isna(row[n]))
        raise DataError("predictions: " + said.format(**row | {"cell": cell, "count": len(bad)}))


def _check_patients(predictions: pd.DataFrame) -> None:
    labels = predictions.groupby("patient", observed=True)["label"].transform("nunique")
    _refuse(predictions[labels > 1], "patient {patient!r} has two labels; a patient is one sample.")
    fit = [name for name in CELL if name != "fold"]
    tested = predictions[[*CELL, "patient"]].drop_duplicates()
    _refuse(
        tested[tested.duplicated([*fit, "patient"])],
        "patient {patient!r} is tested in two folds of repeat {repeat}; pooling over folds counts "
        "a patient once.",
    )
    _refuse(
        predictions[predictions.duplicated([*CELL, "case", "slice"])],
        "case {case!r} slice {slice} stands twice in the cell {cell}. Drop the duplicates.",
    )


def _check_arms(predictions: pd.DataFrame) -> None:
    arms = predictions[[*KEY, *FLAGS]].drop_duplicates()
    _refuse(
        arms[arms.duplicated(KEY)],
        f"arm {{arm!r}} at amount {{amount}} has unlike values of {', '.join(FLAGS)} in its cells; "
        "each is true of an arm as a whole.",
    )
    references = arms.groupby(["features", "classifier"], sort=False, observed=True)["reference"]
    for family, count in references.sum().items():
        if count != 1:
            raise DataError(
                f"predictions: features and classifier {family} have {count} reference rows; "
                "expected one, the arm that differences are measured against (arm 'none', column "
                "reference true)."
            )
    splits = predictions[["repeat", "splits"]].drop_duplicates()
    if splits["repeat"].duplicated().any():
        raise DataError(
            f"predictions: the rows come from unlike splits ({', '.join(splits['splits'])}); "
            "results are compared only on the same test folds. Run all arms on one split."
        )


def pool_patients(predictions: pd.DataFrame) -> pd.DataFrame:
    """Pool slices to patients: the mean of every p_<class> over slices with a predicted tumour.

    A slice counts when its `predicted` (pixels of the predicted mask) is above 0; a patient without
    any such slice is pooled over all of them. All cases of a patient go together.

    Returns
    -------
    A row per patient and cell: `CELL`, patient, label, slices (the number pooled over), threshold,
    p_<class>.
    """
    probabilities = [str(c) for c in predictions.columns if str(c).startswith("p_")]
    unit = [*CELL, "patient"]
    whose = predictions.groupby(unit, dropna=False, observed=True).ngroup().to_numpy()
    shown = predictions[counted(predictions["predicted"].to_numpy(), whose)]
    grouped = shown.groupby(unit, dropna=False, sort=True, observed=True)
    pooled = grouped.agg(
        label=("label", "first"), slices=("label", "size"), threshold=("threshold", "first"),
        **{name: (name, "mean") for name in probabilities},
    )  # fmt: skip
    return pooled.reset_index()
