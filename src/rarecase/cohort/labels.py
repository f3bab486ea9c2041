"""From a column of values to classes: which column, which values, what is merged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from rarecase.cohort.ids import same_text
from rarecase.cohort.roles import squeezed
from rarecase.errors import DataError, SettingError, nearest

_MOST_VALUES = 8
# Narrower than float(), which takes 1_2, nan and inf.
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


def choose_labels(
    table: pd.DataFrame,
    spec: str | None,
    *,
    own: str | None,
    merge: Mapping[str, Sequence[str]] | None = None,
    hint: str = "",
) -> pd.Series:
    """The class of every row of `table` (columns 'case', 'patient', candidates), None if missing.

    spec: None for the layout's own label, 'COLUMN' for all its values as classes, 'COLUMN=V' or
    'COLUMN=V1,V2' for these against 'rest'. merge: new class to the values that it joins, applied
    before the spec's values are looked for. 2, 2.0 and "2" are the same value.
    The series is called as its column.
    """
    column, wanted = _parse(spec, table, own, hint)
    values = table[column].map(plain_value).astype(object)
    values = _merged(values, merge or {}, column)
    if wanted is None:
        return values.where(values.notna(), None)
    known = sorted(values.dropna().unique())
    for value in wanted:
        if value not in known:
            raise SettingError(
                f"label: column {column!r} has no value {value!r}. Values: {', '.join(known)}."
            )
    name = f"{column}={','.join(wanted)}"
    chosen = values.map(lambda v: None if v is None else name if v in wanted else "rest")
    return chosen.where(values.notna(), None)


def plain_value(value: object) -> str | None:
    """A value as text in one Unicode form, the same for 2, 2.0 and "2"; None where it is missing.

    >>> plain_value("2.0"), plain_value(2), plain_value(" HGG "), plain_value(float("nan"))
    ('2', '2', 'HGG', None)
    """
    if pd.isna(value):  # type: ignore[call-overload]
        return None
    found = same_text(str(value))
    if not _NUMBER.fullmatch(found):
        return found or None
    number = float(found)
    return str(int(number)) if number.is_integer() else found


def _parse(
    spec: str | None, table: pd.DataFrame, own: str | None, hint: str
) -> tuple[str, tuple[str, ...] | None]:
    columns = [str(name) for name in table.columns if name not in ("case", "patient")]
    if not columns:
        raise DataError(
            "label: the data has no labels. Put a CSV beside it, in its folder, with the case ids "
            f"in one column and the labels in another.{hint}"
        )
    if spec is None:
        if own is None and len(columns) > 1:
            raise SettingError(
                "label: several columns could be the label; name one, as COLUMN, or as "
                "COLUMN=VALUE against the rest. Columns with patients per value:\n"
                + "\n".join(f"  {name}: {_counts(table, name)}" for name in columns)
            )
        return own or columns[0], None
    column, equals, right = (spec, "", "") if spec in columns else spec.partition("=")
    column = column.strip()
    same = [name for name in columns if squeezed(name) == squeezed(column)]
    if column not in columns and len(same) == 1:
        (column,) = same
    if column not in columns:
        raise SettingError(f"label: no column {column!r}; {nearest(column, columns)}")
    if not equals:
        return column, None
    wanted = tuple(value for part in right.split(",") if (value := plain_value(part)))
    if not wanted:
        raise SettingError(f"label: {spec!r} names no value after '='.")
    return column, wanted


def _merged(values: pd.Series, merge: Mapping[str, Sequence[str]], column: str) -> pd.Series:
    known = sorted(values.dropna().unique())
    target: dict[str, str] = {}
    for name, parts in merge.items():
        for part in parts:
            value = plain_value(part)
            if value is None or value not in known:
                raise SettingError(
                    f"merge: column {column!r} has no value {part!r} to merge into {name!r}. "
                    f"Values: {', '.join(known)}."
                )
            if target.get(value, name) != name:
                raise SettingError(
                    f"merge: {value!r} is merged into {target[value]!r} and into {name!r}."
                )
            target[value] = name
    return values.map(lambda v: target.get(v, v) if v is not None else None)


def _counts(table: pd.DataFrame, column: str) -> str:
    """'1 (15 patients), 2 (12), missing (3)', or how many values if there are many."""
    values = table[column].map(plain_value)
    patients = table["patient"].groupby(values.astype(object)).nunique()
    if len(patients) > _MOST_VALUES:
        return f"{len(patients)} different values"
    words = [f"{value} ({count})" for value, count in patients.items()]
    missing = table.loc[values.isna(), "patient"].nunique()
    return ", ".join(words + ([f"missing ({missing})"] if missing else []))
