"""Joining the labels of tables to the cases of folders."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from rarecase.cohort.case import Case, Dropped
from rarecase.cohort.ids import listed, same_text
from rarecase.cohort.layouts.base import RawCohort, Source, case_table, own_label
from rarecase.cohort.layouts.joining import Joining
from rarecase.cohort.layouts.keys import NEARLY_ALL
from rarecase.cohort.roles import is_identifier
from rarecase.cohort.tables import read_table
from rarecase.errors import DataError

_log = logging.getLogger(__name__)
_LARGEST = 2**24  # bytes of a table that lies beside the cohort's folder, and may be anything


def labelled(
    layout: str,
    source: Source,
    cases: Sequence[Case],
    *,
    channels: tuple[str, ...],
    dropped: Sequence[Dropped],
    own: Sequence[str] = ("label", "grade", "class"),
    known: pd.DataFrame | None = None,
    hint: str = "",
) -> RawCohort:
    """Cases with the labels, patients and sites of every table in the folder that names them, or
    where there is none of those beside the folder that name nearly all of them.

    A column of patients (see `patient_columns`) of such a table becomes the patient of the cases,
    one of sites their site. A table that the user did not name and that cannot be read is left out.
    Columns in which two tables disagree are in `disputed`.

    `own`: how the layout's own label may be called; `known`: labels that the folders tell, a row
    for each of `cases`; `hint`: what to say where there is no label and no table.
    """
    # Names of folders come in another Unicode form from a Mac.
    cases = [replace(c, case=same_text(c.case), patient=same_text(c.patient)) for c in cases]
    dropped = tuple(replace(each, case=same_text(each.case)) for each in dropped)
    labels = case_table(cases)
    if known is not None:
        labels = labels.join(known)
    joining = Joining(cases, labels, gone=[each.case for each in dropped])
    unused: list[tuple[Path, pd.DataFrame | None]] = []
    for path in source.tables():
        try:
            table = read_table(path)
        except DataError as error:
            if source.csv is not None:
                raise
            _log.warning("left out: %s", error)
            unused.append((path, None))
            continue
        if not joining.add(path, table):
            unused.append((path, table))
    if cases and not joining.origins and len(joining.labels.columns) == 2:
        _join_beside(joining, source)
    if unused:
        hint = _unused_hint(source, unused, cases)
    return RawCohort(
        layout, channels, joining.cases, joining.labels, own_label(joining.labels, own),
        dropped, hint, origins=tuple(joining.origins), disputed=joining.disputed,
        notes=tuple(joining.notes), unmatched=joining.unmatched, near=joining.near,
    )  # fmt: skip


def _join_beside(joining: Joining, source: Source) -> None:
    for path in source.beside():
        try:
            table = read_table(path) if path.stat().st_size <= _LARGEST else None
        except (DataError, OSError):
            continue  # somebody's, of which nothing is wanted
        if table is not None and joining.add(path, table, share=NEARLY_ALL):
            joining.notes.append(
                f"{path.name} lies beside {source.root.name}/, not in it, and is read, as it names "
                "its cases"
            )


def _unused_hint(
    source: Source, unused: Sequence[tuple[Path, pd.DataFrame | None]], cases: Sequence[Case]
) -> str:
    """Which tables name nobody, and what their ids are like."""
    names = [path.name + ("" if t is not None else " (which cannot be read)") for path, t in unused]
    example = f" (such as {cases[0].case})" if cases else ""
    hint = f" {source.root} holds {', '.join(names)}, but no column there names the cases{example}."
    known = [case.case for case in cases]
    for path, table in unused:
        for column in [] if table is None else filter(is_identifier, map(str, table.columns)):
            ids = [str(value) for value in table[column].dropna().unique()]  # type: ignore[index]
            if ids:
                hint += f" {path.name} has in its column {column!r} {listed(ids, known)}."
    return hint


def of_cases(cases: Sequence[Case], path: Path) -> pd.DataFrame:
    """The rows of a table for cases: case, patient, and its columns. Raises `DataError` where no
    column names them."""
    joining = Joining(cases, case_table(cases))
    if not joining.add(path, read_table(path), fewest=1):
        shown = ", ".join(str(case.case) for case in cases[:3])
        raise DataError(f"{path}: no column names the cases ({shown}{', …' if cases[3:] else ''}).")
    for note in joining.notes:
        _log.warning("%s", note)
    return joining.labels
