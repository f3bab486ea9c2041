"""Which features know the rare class, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rarecase.evidence.feature_sets import Compared, Name, Tests, compare_features
from rarecase.evidence.rows import Family
from rarecase.evidence.text import cell, interval, number, p_value, with_interval
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS

SIZE = "outline_size"


def feature_answer(
    families: Mapping[Name, Family],
    *,
    choice: Name | None,
    tests: Tests,
    rare: str,
    rare_patients: int,
) -> dict[str, Any]:
    """The entry `features` of the evidence (see `compare_features`), with the answer in sentences,
    for `rare_patients` test patients of the class `rare`."""
    found = compare_features(families, choice=choice, tests=tests)
    return found.as_json([_answer(found, rare, rare_patients), *_choice(found, rare)])


def _answer(found: Compared, rare: str, rare_patients: int) -> str:
    best, baseline = found.best, found.baseline
    auc, of = found.sets[best].auc, _of(found)
    if auc["value"] is None:
        return f"AUC of class {rare} is not defined in any test fold."
    if baseline is None:
        low = auc["low"]
        chance = "; chance, 0.50, is not ruled out" if low is None or low <= 0.5 else ""
        return f"{best}: AUC of class {rare} {with_interval(auc)}{_mean(found, best)}{chance}."
    than = f"{_name(baseline)}, AUC {with_interval(found.sets[baseline].auc)}"
    if rare_patients < FEWEST_RARE_PATIENTS:
        return (
            f"Too few to say which features know class {rare}, with {rare_patients} test patients "
            f"of it (at least {FEWEST_RARE_PATIENTS} are needed). The baseline is {than}; of the "
            f"others {best} has the largest, {with_interval(auc)}{_mean(found, best)}{of}."
        )
    if found.shown:
        told = max(found.shown, key=lambda name: found.sets[name].value)
        knows = "best" if told == best else "better than the baseline"
        return (
            f"{told} knows class {rare} {knows}: AUC {with_interval(found.sets[told].auc)}"
            f"{_mean(found, told)}, {_moved(found, told)} against {_name(baseline)}{of}."
        )
    needed, possible = "", 1 - found.sets[baseline].value
    detectable = found.to_baseline[best].detectable
    if detectable > possible:
        needed = "; no rise, however large, would have been found with a power of 80 %"
    elif not math.isnan(detectable):
        needed = f"; {number(detectable)} would have been found with a power of 80 %"
    return (
        f"No features are shown to know more of class {rare} than {than}. Of the others "
        f"{best} has the largest AUC, {with_interval(auc)}{_mean(found, best)}, "
        f"{_moved(found, best)} against it{needed}{of}."
    )


def _choice(found: Compared, rare: str) -> list[str]:
    """Nothing where none was made."""
    choice = found.choice
    if choice is None or found.sets[choice].auc["value"] is None:
        return []
    moved = ""
    if found.baseline is not None:
        moved = f", {_moved(found, choice)} against {_name(found.baseline)}"
    return [
        "Features and classifier chosen on inner folds, where no test patient has a say: AUC of "
        f"class {rare} {with_interval(found.sets[choice].auc)}{moved}."
    ]


def _name(features: str) -> str:
    return f"{features} (the size of the mask)" if features == SIZE else features


def _mean(found: Compared, name: str) -> str:
    """Over how many classifiers an AUC is averaged."""
    count = found.sets[name].classifiers
    return f" as the mean of {count} classifiers" if count > 1 else ""


def _of(found: Compared) -> str:
    return f"; best of {len(found.asked)} sets, optimistic" if len(found.asked) > 1 else ""


def _moved(found: Compared, name: str) -> str:
    """A difference to the baseline with its interval and p."""
    against = found.to_baseline[name]
    if against.difference is None:
        return "not compared"
    corrected = "" if name == found.choice else "adjusted "
    known = "" if math.isnan(against.adjusted) else f"{corrected}p {p_value(against.adjusted)}"
    brackets = "; ".join(part for part in (interval(against.difference), known) if part)
    return cell(against.difference["value"], change=True) + (f" ({brackets})" if brackets else "")
