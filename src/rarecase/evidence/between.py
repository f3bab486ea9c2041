"""Two results side by side: whether they tested the same patients in the same folds, and what their
scores then differ by."""

from __future__ import annotations

import hashlib

import pandas as pd

from rarecase.errors import DataError
from rarecase.evidence.fits import fits_of
from rarecase.evidence.paired import OTHER_FEATURES, Comparison, compare_fits
from rarecase.evidence.predictions import KEY, pool_patients
from rarecase.evidence.rows import Key

TESTED = ["repeat", "fold", "patient", "label"]


def digest_of_tests(predictions: pd.DataFrame) -> str:
    """A digest of who was tested when, with which label, whatever the order and whatever was
    predicted.

    >>> one = pd.DataFrame({"repeat": 0, "fold": 0, "patient": ["a", "b"], "label": ["x", "y"]})
    >>> digest_of_tests(one) == digest_of_tests(one.iloc[::-1]), len(digest_of_tests(one))
    (True, 16)
    >>> digest_of_tests(one) == digest_of_tests(one.assign(label=["y", "x"]))
    False
    """
    rows = predictions[TESTED].astype({"patient": str, "label": str}).drop_duplicates()
    # Lengths in front of names: none may be taken for another's end.
    lines = sorted(
        f"{int(repeat)} {int(fold)} {len(patient)} {patient} {label}"
        for repeat, fold, patient, label in rows.itertuples(index=False)
    )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def between(
    one: pd.DataFrame, other: pd.DataFrame, *, keys: tuple[Key, Key], rare: str
) -> Comparison:
    """What the AUC of `rare` in a row of one predictions table differs by from that in a row of
    another (`keys`: of each), on the same patients averaged to patients (see `evidence.paired`);
    as nothing of what was learnt need be the same, the variance is that between other features.

    Raises `DataError` where the tables do not test the same patients in the same folds.
    """
    if digest_of_tests(one) != digest_of_tests(other):
        raise DataError("other: expected the patients, folds and labels of `one`.")
    classes = [str(c)[2:] for c in one.columns if str(c).startswith("p_")]
    patients = sorted(one["patient"].unique())
    sides = []
    for table, key in zip((one, other), keys, strict=True):
        mine = table[(table[KEY].astype(str) == [*key]).all(axis=1)]
        found = fits_of(pool_patients(mine), classes=classes, patients=patients)
        sides.append(found[tuple(key)])
    return compare_fits(*sides, rare=classes.index(rare), learning=OTHER_FEATURES)
