"""One row of evidence for each features × arm × classifier × amount: its scores, and what it moved
against the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from rarecase.arrays import Floats
from rarecase.evidence.curves import curves_of
from rarecase.evidence.fits import Fit, fits_of
from rarecase.evidence.intervals import Scorer, arm_differences, arm_scores, value_with_interval
from rarecase.evidence.metrics import Metric, mean_scores
from rarecase.evidence.predictions import CELL, FLAGS, KEY
from rarecase.ranking import plain

Cell = tuple[int, int, int | None]
"""Repeat, fold and seed of one fit of a row."""


class Key(NamedTuple):
    """What identifies a row."""

    features: str
    arm: str
    classifier: str
    amount: str

    @property
    def family(self) -> tuple[str, str]:
        """Features and classifier: what is compared, and corrected for, together."""
        return self.features, self.classifier

    def title(self, *, full: bool, note: str = "") -> str:
        """The arm for readers, with a note; `full`: with features and classifier, where there are
        several.

        >>> Key("tumour", "smote", "logistic", "tuned").title(full=True)
        'smote (tumour, logistic)'
        >>> Key("maps", "acgan", "cnn", "1158").title(full=False, note="900 added")
        'acgan at 1,158 (900 added)'
        """
        at = f" at {int(self.amount):,}" if self.is_count else ""
        said = [*(self.family if full else ()), *([note] if note else [])]
        return f"{self.arm}{at}" + (f" ({', '.join(said)})" if said else "")

    @property
    def is_count(self) -> bool:
        """Whether the amount is a number of samples, and not none or tuned."""
        return self.amount.isdigit() and int(self.amount) > 0


def key_of(row: Mapping[str, Any]) -> Key:
    """The key of a row or a verdict of the evidence."""
    return Key(*(row[name] for name in KEY))


@dataclass(frozen=True)
class Entry:
    """What the predictions hold of one row: its flags, and its fits on patients and on slices."""

    key: Key
    synthetic: bool
    control_of: str | None
    planned: bool
    reference: bool
    requested: float
    added: float
    counts: dict[str, dict[str, int]]
    patients: list[Fit]
    slices: list[Fit]

    @property
    def cells(self) -> set[Cell]:
        """The cells that are there."""
        return {(fit.repeat, fold, fit.seed) for fit in self.patients for fold in fit.folds}

    def missing(self, family: Family) -> list[Cell]:
        """Cells that are not there: of all test folds of the family, for every seed of this arm."""
        folds = {(repeat, fold) for entry in family for repeat, fold, _ in entry.cells}
        wanted = {(*fold, fit.seed) for fold in folds for fit in self.patients}
        return sorted(wanted - self.cells, key=lambda c: (c[0], c[1], c[2] or 0))


Family = Sequence[Entry]
"""The entries of one features × classifier, the reference first."""


def read_families(
    predictions: pd.DataFrame,
    pooled: pd.DataFrame,
    order: Iterable[Key],
    *,
    classes: Sequence[str],
    patients: Sequence[str],
) -> dict[tuple[str, str], Family]:
    """The entries by features × classifier, each in the given order of keys, the reference first:
    of the sorted table and what `pool_patients` makes of it."""
    of_slices: dict[Any, pd.DataFrame] = dict(iter(predictions.groupby(KEY, observed=True)))
    of_patients: dict[Any, pd.DataFrame] = dict(iter(pooled.groupby(KEY, observed=True)))
    fits = partial(fits_of, classes=classes, patients=patients)
    on_patients, on_slices = fits(pooled), fits(predictions)
    families: dict[tuple[str, str], list[Entry]] = {}
    for key in order:
        here = of_slices[key]
        first, cells = here.iloc[0], here.drop_duplicates(CELL)
        slices = here.drop_duplicates(["patient", "case", "slice"])
        entry = Entry(
            key=key,
            synthetic=bool(first["synthetic"]),
            control_of=None if pd.isna(first["control_of"]) else str(first["control_of"]),
            planned=bool(first["planned"]),
            reference=bool(first["reference"]),
            requested=float(cells["requested"].mean()),
            added=float(cells["added"].mean()),
            counts={
                "patients": counts(of_patients[key].drop_duplicates("patient"), classes),
                "slices": counts(slices, classes),
            },
            patients=on_patients[key],
            slices=on_slices[key],
        )
        families.setdefault(key.family, []).append(entry)
    return {
        name: sorted(family, key=lambda entry: not entry.reference)
        for name, family in families.items()
    }


def make_rows(family: Family, scorer: Scorer, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a family, in its order (see `make_evidence`)."""
    curves = partial(curves_of, draws=scorer.draws, classes=classes, rare=scorer.rare)
    return [_make_row(entry, family, scorer, curves) for entry in family]


def _make_row(
    entry: Entry,
    family: Family,
    scorer: Scorer,
    curves: Callable[[Sequence[Fit]], dict[str, Any]],
) -> dict[str, Any]:
    reference = family[0]
    said = partial(mean_scores, metrics=scorer.metrics, rare=scorer.rare)
    moved, slices, slices_moved = None, said(entry.slices), None
    if entry is not reference:
        moved = arm_differences(entry.patients, reference.patients, scorer)
        base = said(_same_folds(reference.slices, entry.slices))
        slices_moved = {name: plain(slices[name] - base[name]) for name in base} or None
    return {
        **entry.key._asdict(),
        **{name: getattr(entry, name) for name in FLAGS},
        "requested": plain(entry.requested),
        "added": plain(entry.added),
        "complete": not entry.missing(family),
        "counts": entry.counts,
        "slices": {"scores": {n: plain(v) for n, v in slices.items()}, "difference": slices_moved},
        "patients": {
            "scores": with_intervals(scorer.metrics, arm_scores(entry.patients, scorer)),
            "difference": None if moved is None else with_intervals(scorer.metrics, moved),
            "curves": curves(entry.patients) if entry.control_of is None else None,
        },
    }


def _same_folds(fits: Sequence[Fit], tested: Sequence[Fit]) -> list[Fit]:
    """The fits with only the folds of the repeats that `tested` has."""
    folds: dict[int, frozenset[int]] = {}
    for fit in tested:
        folds[fit.repeat] = folds.get(fit.repeat, frozenset()) | fit.folds
    there = [fit for fit in fits if fit.folds & folds.get(fit.repeat, frozenset())]
    return [fit.restricted(folds[fit.repeat]) for fit in there]


def with_intervals(metrics: Sequence[Metric], values: Floats) -> dict[str, dict[str, float | None]]:
    """Name → value (the first draw) with the interval of the others; values (metrics, draws)."""
    return {m.name: value_with_interval(each) for m, each in zip(metrics, values, strict=True)}


def counts(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    """Rows of each class."""
    found = table["label"].astype(str).value_counts()
    return {c: int(found.get(c, 0)) for c in classes}
