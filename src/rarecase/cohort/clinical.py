"""Which columns of a table of labels are features of a patient: age and sex, and those that are
named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from rarecase.cohort.labels import plain_value
from rarecase.cohort.values import present
from rarecase.errors import SettingError, nearest

_WHEN = r"(_?(at|in|of|initial|pathologic|diagnosis|mri|scan|imaging|surgery|years?|yrs?|y))*"
USUAL = {"age": rf"(patient_?s?_?)?age{_WHEN}", "sex": r"(patient_?s?_?)?(sex|gender)"}
"""What is known of a patient before anything happens, and what its columns are called."""


def clinical_columns(
    columns: Sequence[str], *, wanted: Sequence[str] = (), label: str | None = None
) -> list[str]:
    """The columns for age and sex, where a table has one, and those that are `wanted`. Any other
    must be named, since tables hold outcomes and near-copies of the label. Raises `SettingError`
    for a wanted column that there is not.

    >>> clinical_columns(["case", "Age_at_initial_pathologic", "stage", "gender", "death01"])
    ['Age_at_initial_pathologic', 'gender']
    """
    for name in wanted:
        if name not in columns:
            raise SettingError(f"cohort.clinical: no column {name!r}; {nearest(name, columns)}")
    usual = []
    for pattern in USUAL.values():
        found = [c for c in columns if re.fullmatch(pattern, c.strip().lower().replace(" ", "_"))]
        usual += found[:1]
    own = (label or "").partition("=")[0]
    return [name for name in dict.fromkeys([*usual, *wanted]) if name != own]


def clinical_values(
    table: pd.DataFrame,
    *,
    wanted: Sequence[str] = (),
    label: str | None = None,
    strict: bool = True,
) -> Mapping[str, Mapping[str, str | None]]:
    """Case → column (see `clinical_columns`) → value as text, None where it is missing; of several
    rows of a case the first that has one. Not `strict`, where no class is to be told: columns that
    there are not are left out, and the one of the label is a column like any other."""
    names = [str(c) for c in table.columns]
    if not strict:
        wanted, label = [name for name in wanted if name in names], None
    columns = clinical_columns(names, wanted=wanted, label=label)
    known = table[["case"]].assign(**{name: present(table[name]) for name in columns})
    first = known.groupby("case", sort=False).first()
    return {
        str(case): {name: plain_value(row[name]) for name in columns}
        for case, row in first.iterrows()
    }
