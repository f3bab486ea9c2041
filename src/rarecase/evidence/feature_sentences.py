"""Which features know the rare class, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rarecase.evidence.feature_sets import Compared, Name, Tests, best_of, compare_features
from rarecase.evidence.rows import Family
from rarecase.evidence.text import cell, interval, number, p_value, with_interval
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS


def feature_answer(
    families: Mapping[Name, Family],
    rows: Mapping[Name, Sequence[Mapping[str, Any]]],
    *,
    choice: Name | None,
    tests: Tests,
    rare: str,
    rare_patients: int,
) -> dict[str, Any]:
    """The entry `features` of the evidence (see `compare_features`), with the answer in sentences,
    for `rare_patients` test patients of the class `rare`."""
    found = compare_features(families, rows, choice=choice, tests=tests)
    return found.as_json([_answer(found, rare, rare_patients), *_choice(found, rare)])


def title(name: Name) -> str:
    """Features and classifier in words.

    >>> title(("radiomics", "lda"))
    'radiomics with lda'
    """
    size = " (the size of the mask)" if name[0] == "outline_size" else ""
    return f"{name[0]}{size} with {name[1]}"


def _answer(found: Compared, rare: str, rare_patients: int) -> str:
    best = found.best
    auc, of = found.sides[best].auc, _of(found)
    if auc["value"] is None:
        return f"AUC of class {rare} is not defined in any test fold."
    if found.baseline is None:
        low = auc["low"]
        chance = "; chance, 0.50, is not ruled out" if low is None or low <= 0.5 else ""
        return f"{title(best)}: AUC of class {rare} {with_interval(auc)}{chance}{of}."
    than = f"{title(found.baseline)}, AUC {with_interval(found.sides[found.baseline].auc)}"
    if rare_patients < FEWEST_RARE_PATIENTS:
        return (
            f"Too few to say which features know class {rare}, with {rare_patients} test patients "
            f"of it (at least {FEWEST_RARE_PATIENTS} are needed): {title(best)} has the largest "
            f"AUC, {with_interval(auc)}{of}; the baseline is {than}."
        )
    shown = [name for name in found.asked if found.to_baseline[name].higher]
    if shown:
        told, tested = found.of_set(best_of(found.sides, shown)[0])
        knows = "best" if told[0] == best[0] else "better than the baseline"
        return (
            f"{title(told)} knows class {rare} {knows}: AUC "
            f"{with_interval(found.sides[told].auc)}, {_moved(found, told, tested)} against "
            f"{title(found.baseline)}{of}."
        )
    needed, possible = "", 1 - found.sides[found.baseline].value
    detectable = found.to_baseline[best].detectable
    if detectable > possible:
        needed = "; no rise, however large, would have been found with a power of 80 %"
    elif not math.isnan(detectable):
        needed = f"; {number(detectable)} would have been found with a power of 80 %"
    _, tested = found.of_set(best[0])
    return (
        f"No features are shown to know more of class {rare} than {than}. The largest AUC is that "
        f"of {title(best)}, {with_interval(auc)}, {_moved(found, best, tested)} against it{needed}"
        f"{of}."
    )


def _choice(found: Compared, rare: str) -> list[str]:
    """Nothing where none was made."""
    choice = found.choice
    if choice is None or found.sides[choice].auc["value"] is None:
        return []
    moved = ""
    if found.baseline is not None:
        against = _moved(found, choice)
        moved = f", {against} against {title(found.baseline)}"
    return [
        "Features and classifier chosen on inner folds, where no test patient has a say: AUC of "
        f"class {rare} {with_interval(found.sides[choice].auc)}{moved}."
    ]


def _of(found: Compared) -> str:
    return f"; best of {len(found.asked)}, optimistic" if len(found.asked) > 1 else ""


def _moved(found: Compared, name: Name, tested: Name | None = None) -> str:
    """A difference to the baseline with its interval, and the corrected p of `tested`, another
    classifier of the same features; without it its own, not corrected."""
    against = found.to_baseline[name]
    if against.difference is None:
        return "not compared"
    p = against.p if tested is None else found.to_baseline[tested].adjusted
    parts = [interval(against.difference)]
    if not math.isnan(p):
        who = "" if tested in (None, name) else f" with {found.sides[tested].entry.key.classifier}"
        parts.append(f"{'' if tested is None else 'adjusted '}p {p_value(p)}{who}")
    brackets = "; ".join(part for part in parts if part)
    return cell(against.difference["value"], change=True) + (f" ({brackets})" if brackets else "")
