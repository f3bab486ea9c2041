"""What the name of a column says of it: an id, a site, a date, an outcome.

The lists are short on purpose. A word stands in one where a column of that name is hardly ever
known before the class is, and is common in tables of TCGA, TCIA, cBioPortal and of trials. Words
that are features as often as outcomes (stage, status, type, size, treatment) are in none.
"""

from __future__ import annotations

import re

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+")
IDS = {"id", "ids", "patient", "patients", "subject", "subjects", "case", "cases", "participant",
       "mrn", "pid", "uid", "uuid", "guid", "barcode", "accession", "patientid", "subjectid",
       "caseid", "rownames"}  # fmt: skip
SITES = {"site", "sites", "hospital", "center", "centre", "clinic", "institution", "institute",
         "scanner", "vendor", "manufacturer", "station", "batch"}  # fmt: skip
HASHED = IDS | {"key", "hash", "md5", "sha", "checksum", "name", "file", "path"}
DATES = {"date", "dates", "datum", "datetime", "timestamp", "dob"}
OUTCOMES = {
    "survival", "survived", "death", "dead", "died", "deceased", "alive", "vital", "mortality",
    "recurrence", "recurred", "recurrent", "relapse", "relapsed", "progression", "progressed",
    "os", "pfs", "dfs", "rfs", "efs", "dss", "ttp", "followup", "censor", "censored", "censoring",
    "outcome", "outcomes",
}  # fmt: skip
# Outcomes where they end the name: cluster_2_volume and ClusterShade are measured.
LAST = {"cluster", "subtype", "label", "class", "target", "diagnosis", "prediction"}
GRADES = {"grade", "histology", "histologic", "histological", "pathology", "who", "molecular",
          "mutation"}  # fmt: skip


def words_of(name: str) -> list[str]:
    """The words of a column's name, in small letters.

    >>> words_of("RNASeqCluster"), words_of("os_months"), words_of("death01")
    (['rna', 'seq', 'cluster'], ['os', 'months'], ['death', '01'])
    """
    return [word.casefold() for word in WORD.findall(name)]


def names_ids(name: str) -> bool:
    """Whether a column of this name holds ids of patients, cases or rows: not of sites.

    >>> [names_ids(n) for n in ("PatientID", "patient_age", "scanner_id", "Case 2")]
    [True, False, False, True]
    """
    words = [word for word in words_of(name) if not word.isdigit()]
    return bool(words) and words[-1] in IDS and not SITES.intersection(words)


def names_hashes(name: str) -> bool:
    """Whether a hash is where it belongs in a column of this name."""
    return bool(HASHED.intersection(words_of(name)))


def names_sites(name: str) -> bool:
    """Whether a column of this name says where a patient is from.

    >>> names_sites("Hospital"), names_sites("site_of_tumour")
    (True, False)
    """
    words = [word for word in words_of(name) if word not in IDS | {"name", "code"}]
    return bool(words) and words[-1] in SITES


def names_dates(name: str) -> bool:
    """Whether a column of this name holds dates."""
    return bool(DATES.intersection(words_of(name)))


def outcome_word(name: str, label: str = "") -> str | None:
    """The word of a column's name that names an outcome, None where none does. Grades and the like
    count only where `label`, the name of the column of classes, is one, too.

    >>> outcome_word("RNASeqCluster"), outcome_word("glcm_ClusterShade"), outcome_word("age")
    ('cluster', None, None)
    >>> outcome_word("primary_diagnosis"), outcome_word("age_at_diagnosis")
    ('diagnosis', None)
    >>> outcome_word("histologic_grade", "Grade"), outcome_word("histologic_grade", "recurrence")
    ('histologic', None)
    """
    words = [word for word in words_of(name) if not word.isdigit()]
    named = OUTCOMES | (GRADES if GRADES.intersection(words_of(label)) else set())
    if {"follow", "up"} <= set(words):
        return "follow up"
    if words and words[-1] in LAST and "age" not in words:  # at diagnosis
        return words[-1]
    return next((word for word in words if word in named), None)
