"""Which features know the rare class: features × classifier side by side, by their references, to
which nothing was done against the imbalance.

Two questions, each by the paired tests of `evidence.paired`, two-sided:

* does a set know more than the baseline (the size of the mask where that was run, else the
  cheapest set), with the classifier that does best on the baseline?
* does it know more or less than what inner folds choose?

p is corrected (Holm) over every features × classifier of which it was asked, so that picking the
best of them afterwards is paid for. What inner folds choose against the baseline is one question,
fixed beforehand, and its p is not corrected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rarecase.errors import SettingError
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import Scorer, arm_differences
from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison
from rarecase.evidence.rows import Entry, Family, with_intervals
from rarecase.evidence.text import Score
from rarecase.evidence.verdict import ALPHA, holm
from rarecase.features.sources.registry import cost_of, is_baseline
from rarecase.ranking import plain

Name = tuple[str, str]
"""Features and classifier."""


@dataclass(frozen=True)
class Side:
    """The reference of one features × classifier."""

    entry: Entry
    auc: Score
    complete: bool  # has every test fold that any other has

    @property
    def value(self) -> float:
        """Its AUC, below all where that is not defined."""
        return -1.0 if self.auc["value"] is None else self.auc["value"]


@dataclass(frozen=True)
class Against:
    """An AUC minus that of another on the same patients: with interval, p as it is and corrected
    (NaN where a fold is missing), and the smallest difference that would have been found with a
    power of 80 %."""

    difference: Score | None
    p: float
    adjusted: float
    detectable: float

    @property
    def higher(self) -> bool:
        """Whether it is shown to know more."""
        value = None if self.difference is None else self.difference["value"]
        return self.adjusted < ALPHA and value is not None and value > 0

    def as_json(self) -> dict[str, Any]:
        """Its numbers for evidence.json, which has no NaN."""
        numbers = {name: plain(getattr(self, name)) for name in ("p", "adjusted", "detectable")}
        return {"difference": self.difference, **numbers}


@dataclass(frozen=True)
class Tests:
    """Asks features × classifier against another: the paired tests, and a scorer of the AUC."""

    compare: Callable[[Sequence[Fit], Sequence[Fit]], Comparison]
    scorer: Scorer

    def __call__(
        self, sides: Mapping[Name, Side], asked: Sequence[Name], other: Name | None
    ) -> dict[Name, Against]:
        """Each of `asked` against `other`, corrected over all of them; an incomplete one has no p,
        but counts with a p of 1. Nothing where there is no other."""
        if other is None or not asked:
            return {}
        control = sides[other].entry.patients
        found = [self.compare(sides[name].entry.patients, control) for name in asked]
        whole = [sides[name].complete and sides[other].complete for name in asked]
        raw = [two_sided(each) if w else 1.0 for each, w in zip(found, whole, strict=True)]
        return {
            name: Against(
                difference=self._moved(sides[name].entry, sides[other].entry),
                p=raw[i] if whole[i] else math.nan,
                adjusted=float(adjusted) if whole[i] else math.nan,
                detectable=found[i].detectable(alpha=ALPHA / 2 / len(asked)),
            )
            for i, (name, adjusted) in enumerate(zip(asked, holm(raw), strict=True))
        }

    def _moved(self, one: Entry, other: Entry) -> Score | None:
        moved = arm_differences(one.patients, other.patients, self.scorer)
        return None if moved is None else with_intervals(self.scorer.metrics, moved)[AUC]


@dataclass(frozen=True)
class Compared:
    """Features × classifier, what they were set against, and the best of them."""

    sides: Mapping[Name, Side]
    baseline: Name | None
    choice: Name | None  # stands for what inner folds chose
    asked: Sequence[Name]  # against the baseline
    to_baseline: Mapping[Name, Against]
    to_choice: Mapping[Name, Against]

    @property
    def best(self) -> Name:
        """The one with the largest AUC that is neither the baseline nor the choice."""
        return best_of(self.sides, self.asked)

    def of_set(self, features: str) -> tuple[Name, Name]:
        """Of the set's classifiers the one with the largest AUC, and the one with the smallest p
        against the baseline."""
        mine = [name for name in self.asked if name[0] == features]
        p = {name: self.to_baseline[name].adjusted for name in mine}
        return best_of(self.sides, mine), min(
            mine, key=lambda n: math.inf if p[n] != p[n] else p[n]
        )

    def as_json(self, sentences: Sequence[str]) -> dict[str, Any]:
        """The entry `features` of the evidence."""
        sets = dict.fromkeys(features for features, _ in self.sides)
        leading = {best_of(self.sides, [n for n in self.sides if n[0] == each]) for each in sets}
        rows = []
        for name, side in self.sides.items():
            tests = {"baseline": self.to_baseline, "choice": self.to_choice}
            against = {k: t[name].as_json() if name in t else None for k, t in tests.items()}
            about = {"leading": name in leading, "complete": side.complete, "against": against}
            rows.append({**named(name), **about})
        return {
            "baseline": self.baseline and named(self.baseline),
            "choice": self.choice and named(self.choice),
            "best": named(self.best),
            "of": len(self.asked),
            "rows": rows,
            "sentences": list(sentences),
        }


def compare_features(
    families: Mapping[Name, Family],
    rows: Mapping[Name, Sequence[Mapping[str, Any]]],
    *,
    choice: Name | None,
    tests: Tests,
) -> Compared:
    """Set the references of `families` against each other; `rows` are those of the evidence,
    `choice` stands for what was chosen in every fold."""
    folds = {name: _folds(family[0]) for name, family in families.items()}
    every = frozenset[tuple[int, int]]().union(*folds.values())
    sides = {
        name: Side(family[0], rows[name][0]["patients"]["scores"][AUC], folds[name] == every)
        for name, family in families.items()
    }
    fixed = [name for name in sides if name != choice] or list(sides)
    baseline = find_baseline({name: sides[name] for name in fixed})
    asked = [name for name in fixed if baseline is None or name[0] != baseline[0]]
    to_baseline = tests(sides, asked, baseline)
    to_choice = {}
    if choice is not None:
        to_baseline |= tests(sides, [choice], baseline)
        to_choice = tests(sides, [name for name in fixed if name != choice], choice)
    return Compared(sides, baseline, choice, asked, to_baseline, to_choice)


def find_baseline(sides: Mapping[Name, Side]) -> Name | None:
    """The features that others are measured against, with the classifier that does best on them: a
    baseline of the registry, else the cheapest; where the registry does not know them all, the
    first. None where there are no others."""
    names = list(dict.fromkeys(features for features, _ in sides))
    if len(names) < 2:
        return None
    with suppress(SettingError):  # the user's own, of which nothing is known
        names.sort(key=lambda features: (not is_baseline(features), cost_of(features)))
    return best_of(sides, [name for name in sides if name[0] == names[0]])


def best_of(sides: Mapping[Name, Side], names: Sequence[Name]) -> Name:
    """The one with the largest AUC, of those that are complete if any is."""
    return max(names, key=lambda name: (sides[name].complete, sides[name].value))


def two_sided(tested: Comparison) -> float:
    """Twice the smaller of the one-sided p values, 1 at most; NaN where neither is defined."""
    sides = [p for p in (tested.p_greater, tested.p_less) if not math.isnan(p)]
    return min(1.0, 2 * min(sides)) if sides else math.nan


def _folds(entry: Entry) -> frozenset[tuple[int, int]]:
    return frozenset((repeat, fold) for repeat, fold, _ in entry.cells)


def named(name: Name) -> dict[str, str]:
    """Features and classifier as the evidence has them."""
    return {"features": name[0], "classifier": name[1]}
