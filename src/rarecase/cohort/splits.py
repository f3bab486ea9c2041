"""Who is tested when: patients, never slices, are split."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from rarecase.cohort.case import Cohort
from rarecase.errors import DataError, LeakError, SettingError, nearest
from rarecase.seeds import derive, numpy_rng

Kind = Literal["kfold", "given", "site", "holdout"]

# The paper tests on a tenth of each class: 7 of 61 HGG and 4 of 40 LGG patients, so rounded up.
_HOLDOUT = 0.10


def assign_folds(
    cohort: Cohort,
    kind: Kind = "kfold",
    *,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per repeat and patient: repeat, patient, fold.

    fold is the one in which the patient is tested, -1 for a patient who only ever trains. 'kfold':
    stratified by class, shuffled anew for every repeat. 'given': the data's own column of folds,
    with its numbers. 'site': each site is tested once, numbered in the order of names. 'holdout':
    a tenth of each class, rounded up, is fold 0 and all others train (the paper's split).
    Every fold's training part holds every class. Raises SettingError, DataError, LeakError.
    """
    if kind not in get_args(Kind):
        raise SettingError(f"kind: {kind!r} is unknown; {nearest(kind, get_args(Kind))}")
    if repeats < 1:
        raise SettingError(f"repeats: {repeats}, at least 1 was expected.")
    if repeats > 1 and kind in ("given", "site"):
        raise SettingError(f"repeats: {repeats} repeats of {kind!r} folds would all be the same.")
    patients = cohort.patients
    frames = []
    for repeat in range(repeats):
        if kind == "kfold":
            fold = kfold(patients, folds, derive(seed, "folds", repeat))
        elif kind == "holdout":
            fold = _holdout(patients, seed, repeat)
        elif kind == "given":
            fold = _given(cohort)
        else:
            fold = _by_site(cohort)
        frames.append(
            pd.DataFrame({"repeat": repeat, "patient": list(fold), "fold": list(fold.values())})
        )
    table = pd.concat(frames, ignore_index=True)
    _check_training(table, patients)
    return table


def stratified_folds(labels: ArrayLike, *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each patient (n,), shuffled, stratified by class.

    >>> stratified_folds(["a", "b", "a", "b"], folds=2, seed=0).tolist().count(0)
    2
    """
    classes = np.asarray(labels)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    found = np.empty(len(classes), dtype=np.int64)
    for number, (_, test) in enumerate(splitter.split(np.zeros(len(classes)), classes)):
        found[test] = number
    return found


def validation_patients(patients: Mapping[str, str], fraction: float, seed: int) -> tuple[str, ...]:
    """Patients (label by patient) to hold out of a training part for validation, stratified.

    About `fraction` (0 to below 1) of each class, at least one where the class has three patients,
    none where it has fewer; 0 holds out nobody.

    >>> len(validation_patients({f"p{i}": "ab"[i % 2] for i in range(20)}, 0.1, 0))
    2
    """
    if not 0 <= fraction < 1:
        raise SettingError(f"fraction: {fraction}, from 0 to below 1 was expected.")
    chosen: list[str] = []
    for name, members in _by_class(patients).items():
        if fraction == 0 or len(members) < 3:
            continue
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        rng = numpy_rng(seed, "validation", name)
        chosen += [str(p) for p in rng.choice(members, size=count, replace=False)]
    return tuple(sorted(chosen))


def check_disjoint(train: Iterable[str], test: Iterable[str]) -> None:
    """Raise LeakError if a patient is in both.

    >>> check_disjoint(["p1"], ["p2"])
    """
    both = sorted(set(train) & set(test))
    if both:
        raise LeakError(
            f"{len(both)} patient(s) are in the training and in the test part: "
            f"{', '.join(both[:5])}. Nothing may be judged on a patient it was fitted on."
        )


def kfold(patients: Mapping[str, str], folds: int, seed: int) -> dict[str, int]:
    """The fold that tests each patient (label by patient), stratified by class, shuffled. Raises
    `SettingError` where a class has fewer patients than folds."""
    if folds < 2:
        raise SettingError(f"folds: {folds}, at least 2 were expected.")
    counts = Counter(patients.values())
    rare = min(counts, key=lambda name: (counts[name], name))
    if counts[rare] < folds:
        possible = counts[rare]
        way_out = (
            f"Take at most {possible} folds"
            if possible > 1
            else "Leave the class out or merge it with another"
        )
        raise SettingError(
            f"folds: class {rare!r} has {possible} patient(s), fewer than the {folds} folds. "
            f"{way_out}."
        )
    names = sorted(patients)
    labels = [patients[name] for name in names]
    found = stratified_folds(labels, folds=folds, seed=seed)
    return {name: int(number) for name, number in zip(names, found, strict=True)}


def _holdout(patients: Mapping[str, str], seed: int, repeat: int) -> dict[str, int]:
    found = dict.fromkeys(sorted(patients), -1)
    for name, members in _by_class(patients).items():
        if len(members) < 2:
            raise SettingError(
                f"kind: 'holdout' needs two patients per class, class {name!r} has {len(members)}."
            )
        rng = numpy_rng(seed, "holdout", repeat, name)
        count = math.ceil(_HOLDOUT * len(members))
        found |= {str(p): 0 for p in rng.choice(members, size=count, replace=False)}
    return found


def _given(cohort: Cohort) -> dict[str, int]:
    found: dict[str, int] = {}
    for case in cohort.cases:
        fold = -1 if case.fold is None else case.fold
        if found.setdefault(case.patient, fold) != fold:
            raise LeakError(
                f"Patient {case.patient!r} is in the given folds {found[case.patient]} and {fold} "
                "(-1: none). Mend the column 'fold': all cases of a patient belong in one."
            )
    if all(fold < 0 for fold in found.values()):
        raise SettingError(
            "kind: 'given' needs a column 'fold' in the cohort's table, and it has none. Use "
            "kind='kfold'."
        )
    return dict(sorted(found.items()))


def _by_site(cohort: Cohort) -> dict[str, int]:
    for case in cohort.cases:
        if case.site is None:
            raise DataError(
                f"Case {case.case!r} has no site: kind='site' needs one for every case (a column "
                "'site')."
            )
    sites = [(case.patient, str(case.site)) for case in cohort.cases]
    return site_folds(sites, labels=cohort.patients)


def site_folds(examined: Iterable[tuple[str, str]], *, labels: Mapping[str, str]) -> dict[str, int]:
    """The fold that tests each patient when every site is tested once, by what was learnt at the
    others; folds are numbered in the order of the sites' names. `examined`: patient and site of
    every examination. Raises `SettingError` for one site alone, `LeakError` for a patient at two,
    `DataError` for a class that is at one site alone.
    """
    sites: dict[str, str] = {}
    for patient, site in examined:
        if sites.setdefault(patient, site) != site:
            raise LeakError(
                f"Patient {patient!r} was examined at the sites {sites[patient]!r} and {site!r}, "
                "and would be trained and tested on. Give the patient one site, or leave the other "
                "out."
            )
    names = sorted(set(sites.values()))
    if len(names) < 2:
        raise SettingError(
            f"sites: expected two or more, all patients come from {names[0]!r}. Split patients "
            "instead (kind='kfold', or no sites)."
        )
    for name in names:
        lacking = set(labels.values()) - {labels[p] for p, site in sites.items() if site != name}
        if lacking:
            raise DataError(
                f"sites: every patient of class {', '.join(map(repr, sorted(lacking)))} comes from "
                f"{name!r}, so that nothing could be learnt about it at the other sites. Split "
                "patients instead (kind='kfold', or no sites)."
            )
    return {patient: names.index(sites[patient]) for patient in sorted(sites)}


def _check_training(table: pd.DataFrame, patients: Mapping[str, str]) -> None:
    """Every fold's training part must hold every class."""
    classes = set(patients.values())
    labels = table["patient"].map(dict(patients))
    tested = table.loc[table["fold"] >= 0, ["repeat", "fold"]].drop_duplicates()
    for repeat, fold in tested.itertuples(index=False):
        training = (table["repeat"] == repeat) & (table["fold"] != fold)
        lacking = sorted(classes - set(labels[training]))
        if lacking:
            raise DataError(
                f"Fold {fold} tests every patient of class {', '.join(map(repr, lacking))}, so "
                "its training part holds none. Use other folds, such as kind='kfold'."
            )


def _by_class(patients: Mapping[str, str]) -> dict[str, list[str]]:
    classes = sorted(set(patients.values()))
    return {name: sorted(p for p in patients if patients[p] == name) for name in classes}
