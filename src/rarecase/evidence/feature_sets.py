"""Which features know the rare class: sets of features side by side, by their references, to which
nothing was done against the imbalance.

A set counts by the mean over its classifiers (those that were run on other sets too, where there
are any), so that no classifier is picked by test patients. Two questions are asked of every set by
the paired tests of `evidence.paired`, each corrected (Holm) over the sets of which it was asked:

* does it know more than the baseline (the size of the mask where that was run, else the cheapest
  set)? One-sided.
* does it know more or less than what inner folds choose? Two-sided.

What inner folds choose against the baseline is a question of its own, fixed beforehand, and its p
is not corrected.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rarecase.errors import SettingError
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import Scorer, arm_differences, arm_scores
from rarecase.evidence.metrics import AUC
from rarecase.evidence.paired import Comparison
from rarecase.evidence.rows import Entry, Family, with_intervals
from rarecase.evidence.text import Score
from rarecase.evidence.verdict import ALPHA, holm
from rarecase.features.sources.registry import STACK, cost_of, is_baseline
from rarecase.ranking import plain

Name = tuple[str, str]
"""Features and classifier."""


@dataclass(frozen=True)
class Set:
    """The references of one set of features, of all its classifiers that have every test fold."""

    fits: Sequence[Fit]
    auc: Score  # the mean over them
    classifiers: int
    complete: bool  # any has

    @property
    def value(self) -> float:
        """Its AUC, below all where that is not defined or a fold is missing."""
        value = self.auc["value"] if self.complete else None
        return -1.0 if value is None else value


@dataclass(frozen=True)
class Against:
    """An AUC minus that of another on the same patients: with interval, p as it is and corrected
    (NaN where a fold is missing), and the smallest rise that would have been found with a power of
    80 %."""

    difference: Score | None
    p: float
    adjusted: float
    detectable: float

    def as_json(self) -> dict[str, Any]:
        """Its numbers for evidence.json, which has no NaN."""
        numbers = {name: plain(getattr(self, name)) for name in ("p", "adjusted", "detectable")}
        return {"difference": self.difference, **numbers}


@dataclass(frozen=True)
class Tests:
    """Sets sets of features against another: the paired tests, and a scorer of the AUC."""

    compare: Callable[[Sequence[Fit], Sequence[Fit]], Comparison]
    scorer: Scorer

    def __call__(
        self,
        sets: Mapping[str, Set],
        asked: Sequence[str],
        other: str | None,
        *,
        p_of: Callable[[Comparison], float],
    ) -> dict[str, Against]:
        """Each of `asked` against `other`, corrected over all of them; one with a missing fold has
        no p, but counts with a p of 1. Nothing where there is no other."""
        if other is None:
            return {}
        control = sets[other]
        found = [self.compare(sets[name].fits, control.fits) for name in asked]
        whole = [sets[name].complete and control.complete for name in asked]
        raw = [p_of(each) if w else 1.0 for each, w in zip(found, whole, strict=True)]
        return {
            name: Against(
                difference=self._moved(sets[name].fits, control.fits),
                p=raw[i] if whole[i] else math.nan,
                adjusted=float(adjusted) if whole[i] else math.nan,
                detectable=found[i].detectable(alpha=ALPHA / len(asked)),
            )
            for i, (name, adjusted) in enumerate(zip(asked, holm(raw), strict=True))
        }

    def auc(self, fits: Sequence[Fit]) -> Score:
        """The mean AUC of fits, with its interval."""
        return with_intervals(self.scorer.metrics, arm_scores(fits, self.scorer))[AUC]

    def _moved(self, fits: Sequence[Fit], control: Sequence[Fit]) -> Score | None:
        moved = arm_differences(fits, control, self.scorer)
        return None if moved is None else with_intervals(self.scorer.metrics, moved)[AUC]


@dataclass(frozen=True)
class Compared:
    """Sets of features, and what they were set against."""

    sets: Mapping[str, Set]
    baseline: str | None
    choice: str | None  # stands for what inner folds chose
    asked: Sequence[str]  # against the baseline
    to_baseline: Mapping[str, Against]
    to_choice: Mapping[str, Against]

    @property
    def best(self) -> str:
        """The one with the largest AUC that is neither the baseline nor the choice."""
        return max(self.asked, key=lambda name: self.sets[name].value)

    @property
    def shown(self) -> list[str]:
        """Those that are shown to know more than the baseline."""
        return [name for name in self.asked if self.to_baseline[name].adjusted < ALPHA]

    def as_json(self, sentences: Sequence[str]) -> dict[str, Any]:
        """The entry `features` of the evidence."""
        tests = {"baseline": self.to_baseline, "choice": self.to_choice}
        return {
            "baseline": self.baseline,
            "choice": self.choice,
            "best": self.best,
            "sets": [
                {
                    "features": name,
                    "auc": each.auc,
                    "complete": each.complete,
                    "against": {k: t[name].as_json() if name in t else None
                                for k, t in tests.items()},
                }
                for name, each in self.sets.items()
            ],
            "sentences": list(sentences),
        }  # fmt: skip


def compare_features(
    families: Mapping[Name, Family], *, choice: Name | None, tests: Tests
) -> Compared:
    """Set the references of `families` against each other; `choice` stands for what was chosen in
    every fold."""
    entries: dict[str, list[Entry]] = {}
    for (features, _), family in families.items():
        entries.setdefault(features, []).append(family[0])
    every = frozenset[tuple[int, int]]().union(*(_folds(e) for es in entries.values() for e in es))
    kinds = Counter(classifier for _, classifier in families)
    for name, mine in entries.items():
        entries[name] = [e for e in mine if kinds[e.key.classifier] > 1] or mine
    sets = {name: _set(mine, every, tests) for name, mine in entries.items()}
    chosen = None if choice is None else choice[0]
    fixed = [name for name in sets if name != chosen] or list(sets)
    plain = [name for name in fixed if name != STACK]
    baseline = find_baseline(plain) or (plain[0] if len(fixed) > 1 else None)
    asked = [name for name in fixed if name != baseline]
    to_baseline = tests(sets, asked, baseline, p_of=lambda tested: tested.p_greater)
    to_choice = {}
    if chosen is not None:
        to_baseline |= tests(sets, [chosen], baseline, p_of=lambda tested: tested.p_greater)
        to_choice = tests(sets, [n for n in fixed if n != chosen], chosen, p_of=two_sided)
    return Compared(sets, baseline, chosen, asked, to_baseline, to_choice)


def _set(entries: Sequence[Entry], every: frozenset[tuple[int, int]], tests: Tests) -> Set:
    whole = [entry for entry in entries if _folds(entry) == every]
    fits = [fit for entry in whole or entries for fit in entry.patients]
    return Set(fits, tests.auc(fits), len(whole or entries), bool(whole))


def _folds(entry: Entry) -> frozenset[tuple[int, int]]:
    return frozenset((repeat, fold) for repeat, fold, _ in entry.cells)


def find_baseline(names: Sequence[str]) -> str | None:
    """The features that others are measured against: a baseline of the registry, else the cheapest,
    else (the registry knows not all) the first. None where there are no others.

    >>> find_baseline(["radiomics", "clinical"]), find_baseline(["mine", "clinical"])
    ('clinical', 'mine')
    """
    known = {}
    for features in names:
        with suppress(SettingError):  # the user's own, of which nothing is known
            known[features] = (not is_baseline(features), *cost_of(features))
    cheapest = min(known, key=lambda features: known[features], default=None)
    if len(names) < 2 or cheapest is None:
        return names[0] if len(names) > 1 else None
    return cheapest if not known[cheapest][0] or len(known) == len(names) else names[0]


def two_sided(tested: Comparison) -> float:
    """Twice the smaller of the one-sided p values, 1 at most; NaN where neither is defined."""
    sides = [p for p in (tested.p_greater, tested.p_less) if not math.isnan(p)]
    return min(1.0, 2 * min(sides)) if sides else math.nan
