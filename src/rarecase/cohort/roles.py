"""Which columns of a table name the case, the patient, the site, … by what they are called."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from rarecase.cohort.ids import same_text
from rarecase.cohort.values import present
from rarecase.errors import DataError

_log = logging.getLogger(__name__)
_WHO = r"(patient(en)?|subject|subj|participant|individual|proband(en)?|animal|pat|pt|sub|person)s?"
_NUMBER = (
    r"(id|ids|identifier|no|nr|num|number|nummer|code|name|key|uid|barcode|pseudonym|accession)"
)
# "person", "pat", "pt" and "animal" alone may be anything: PT is PET's channel.
_PATIENT = re.compile(
    rf"(patient|subject|subj|participant|proband|sub|individual)s?|{_WHO}{_NUMBER}"
    r"|(bcr)?patientbarcode|usubjid|pid|mrn|medicalrecord(no|nr|number)"
)
_OF_PATIENT = re.compile(rf".+(patient|subject|participant){_NUMBER}")
_CASE = re.compile(
    r"(case|scan|exam|examination|image|img|study|record|sample|fall)s?(id|ids|no|nr|number|name)?"
    r"|(file|folder|directory)(name|id)?|name|key|dir|accession(no|nr|number)?"
)
_ROLES = {
    "case": re.compile(r"case(id|no|nr|number|name|identifier)?"),
    "image": re.compile(r"(image|picture|img)(file|path|name|filename)?"),
    "mask": re.compile(r"mask(file|path|name|filename)?"),
    "site": re.compile(r"(site|cent(er|re)|hospital|institut(e|ion)|clinic)(id|name|no|nr|code)?"),
    "fold": re.compile(r"fold"),
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_IDS = frozenset(
    ("id", "ids", "identifier", "uid", "uuid", "guid", "barcode", "accession", "pseudonym")
)
# What has ids of its own.
_OTHERS = frozenset(
    ("site", "center", "centre", "hospital", "institution", "institute", "clinic", "scanner",
     "device", "reader", "rater", "observer", "cluster", "group", "class", "label", "batch",
     "fold", "split", "grade", "type", "protocol", "visit", "session")
)  # fmt: skip


def squeezed(name: str) -> str:
    """A column's name without what does not matter: capitals, blanks, underscores, hyphens.

    >>> squeezed("Patient_ID") == squeezed("patient-id") == squeezed("PatientID")
    True
    """
    return re.sub(r"[\s_\-.#:/]+", "", same_text(name).casefold())


def is_patient(name: str) -> bool:
    """Whether a column is called as those of patients are.

    >>> [is_patient(n) for n in ("Patient", "subject-id", "participant_id", "age", "patient_age")]
    [True, True, True, False, False]
    """
    return _PATIENT.fullmatch(squeezed(name)) is not None


def is_patient_of(name: str) -> bool:
    """Whether a column is called so with a word before it, such as BraTS_2020_subject_ID."""
    return _OF_PATIENT.fullmatch(squeezed(name)) is not None


def is_identifier(name: str) -> bool:
    """Whether a column is called as ids of cases or patients are.

    >>> [is_identifier(n) for n in ("BraTS21ID", "ID", "case", "scan_name", "MRN", "file")]
    [True, True, True, True, True, True]
    >>> [is_identifier(n) for n in ("age", "number", "steroid", "site_id", "Unnamed: 0")]
    [False, False, False, False, False]
    """
    words = {word.casefold() for word in _WORD.findall(name)}
    if words & _OTHERS:
        return False
    low = squeezed(name)
    named = _PATIENT.fullmatch(low) or _CASE.fullmatch(low) or _OF_PATIENT.fullmatch(low)
    return bool(words & _IDS) or named is not None


def is_index(name: str) -> bool:
    """Whether a column has no name of its own: the row numbers of a saved data frame."""
    return not name or name.startswith("Unnamed:")


def patient_columns(names: Iterable[str]) -> list[str]:
    """The columns that are called as those of patients are, `patient` itself before others."""
    return sorted(filter(is_patient, names), key=lambda name: squeezed(name) != "patient")


def site_column(names: Iterable[str]) -> str | None:
    """The column of sites, `site` itself before others; None where there is none."""
    found = [name for name in names if _ROLES["site"].fullmatch(squeezed(name))]
    return min(found, key=lambda name: squeezed(name) != "site", default=None)


def has_role(name: str, role: str) -> bool:
    """Whether a column is called as those of a role are.

    >>> has_role("Image_Path", "image"), has_role("imaging date", "image")
    (True, False)
    """
    return is_patient(name) if role == "patient" else bool(_ROLES[role].fullmatch(squeezed(name)))


def with_roles(table: pd.DataFrame, path: Path, roles: Sequence[str]) -> pd.DataFrame:
    """A table that lists cases, with the columns of `roles` ('patient', 'case', 'image', 'mask',
    'site', 'fold') called so whatever they were called, which is said; ids in one Unicode form.

    A column that is called exactly so goes first. Raises `DataError` where two others could be it.
    """
    names = [str(name) for name in table.columns]
    new: dict[str, str] = {}
    for role in roles:
        if role in names:
            continue
        found = [n for n in names if n not in roles and n not in new and has_role(n, role)]
        exact = [n for n in found if squeezed(n) == role] or found
        if len(exact) > 1:
            raise DataError(
                f"{path}: {' and '.join(map(repr, exact))} could each be the column {role!r}. "
                f"Rename the right one to {role!r}."
            )
        new |= dict.fromkeys(exact, role)
    for name, role in new.items():
        if squeezed(name) != role:
            _log.warning("%s: column %r is taken for %r", path, name, role)
    # A site or a fold under another name may be the label that is wanted.
    copies = {role: table[name] for name, role in new.items() if role in ("site", "fold")}
    table = table.rename(columns={n: r for n, r in new.items() if r not in copies})
    table = table.assign(**copies)
    for role in {"case", "patient", "site"} & set(table.columns):
        table[role] = table[role].map(same_text, na_action="ignore")
    return table


def together(table: pd.DataFrame, path: Path, *, column: str = "patient") -> None:
    """Say it where another column that is called as those of patients are has one value for
    several patients of `column`: their scans may be one patient's."""
    for name in patient_columns(str(n) for n in table.columns):
        if name == column:
            continue
        both = pd.DataFrame({"one": present(table[column]), "other": present(table[name])}).dropna()
        count = both.groupby("other")["one"].nunique()
        if (count > 1).any():
            first = both.loc[both["other"] == count.idxmax(), "one"].unique()
            _log.warning(
                "%s: patients are those of column %r, though column %r has one value for several "
                "of them (such as %s); if these are one patient, leave %r out of the table",
                path, column, name, ", ".join(map(repr, first[:3])), column,
            )  # fmt: skip
