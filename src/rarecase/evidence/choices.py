"""What was chosen in every fold on inner folds, what the choice promised, and what it gave."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rarecase.errors import DataError
from rarecase.evidence.metrics import AUC
from rarecase.evidence.predictions import KEY
from rarecase.evidence.rows import Entry, Family, Key
from rarecase.evidence.text import cell, interval, number, with_interval
from rarecase.ranking import concordance, mean_defined, plain

FELL_SHORT = 0.05
"""Of AUC: by less than this no promise is called broken, however narrow the interval."""
THINGS = ("features", "classifier", "arm")
Chosen = Mapping[Key, Mapping[tuple[int, int], Mapping[str, Any]]]
"""What stands in the column `chosen`, by key of the row, repeat and fold."""


def read_chosen(predictions: pd.DataFrame) -> Chosen:
    """The column `chosen` of every row and fold, of several seeds the first's. Raises `DataError`
    where it holds no JSON object."""
    found: dict[Key, dict[tuple[int, int], Mapping[str, Any]]] = {}
    cells = predictions[[*KEY, "repeat", "fold", "chosen"]]
    for *key, repeat, fold, text in cells.drop_duplicates([*KEY, "repeat", "fold"]).to_numpy():
        try:
            said = json.loads(text)
        except (TypeError, ValueError):
            said = None
        if not isinstance(said, dict):
            raise DataError(
                f"predictions: column chosen holds {text!r}; expected a JSON object in every row, "
                "{} where nothing was chosen."
            )
        found.setdefault(Key(*map(str, key)), {})[int(repeat), int(fold)] = said
    return found


def chosen_family(
    chosen: Chosen, families: Mapping[tuple[str, str], Family]
) -> tuple[str, str] | None:
    """The features × classifier that stand for what was chosen anew in every fold; None where all
    were fixed."""
    for name, family in families.items():
        if any("features" in said for said in chosen[family[0].key].values()):
            return name
    return None


def make_choices(
    chosen: Chosen, family: Family, rows: Sequence[Mapping[str, Any]], *, rare: int
) -> dict[str, Any] | None:
    """What a family chose, promised and gave (see `make_evidence`): of the arm that is another one
    in every fold, else of the reference if its features were chosen; None where nothing was.

    `rows` are those of the evidence, `rare` the index of the rare class.
    """
    entry = next((e for e in family if _holds(chosen[e.key], "arm")), family[0])
    said = chosen[entry.key]
    things = [name for name in THINGS if _holds(said, name)]
    if not {"features", "arm"} & {*things}:
        return None
    gave = _fold_aucs(entry, rare=rare)
    folds = [
        {
            "repeat": repeat,
            "fold": fold,
            **{name: str(here.get(name, getattr(entry.key, name))) for name in THINGS},
            "promised": here.get("promised"),
            "auc": plain(gave[repeat, fold]),
        }
        for (repeat, fold), here in sorted(said.items())
    ]
    score = rows[family.index(entry)]["patients"]["scores"][AUC]
    promises = [here["promised"] for here in said.values() if "promised" in here]
    promised = float(np.mean(promises)) if promises else None
    return {
        **entry.key._asdict(),
        "folds": folds,
        "counts": {name: dict(Counter(f[name] for f in folds).most_common()) for name in THINGS},
        "promised": promised,
        "auc": dict(score),
        **_said(promised, score, folds, things=things),
    }


def _holds(said: Mapping[Any, Mapping[str, Any]], name: str) -> bool:
    return any(name in each for each in said.values())


def _fold_aucs(entry: Entry, *, rare: int) -> dict[tuple[int, int], float]:
    """AUC of the rare class in every test fold, the mean over seeds; NaN where it has not both
    kinds of patients."""
    found: dict[tuple[int, int], list[float]] = {}
    for fit in entry.patients:
        for fold in fit.folds:
            inside = fit.fold == fold
            auc = concordance(fit.p[inside, rare], fit.true[inside] == rare)
            found.setdefault((fit.repeat, fold), []).append(auc)
    return {place: float(mean_defined(values)) for place, values in found.items()}


def broken(promised: float | None, score: Mapping[str, float | None]) -> bool:
    """Whether a promise was much higher than what came: above the upper end of the interval of the
    AUC of the test patients, and by `FELL_SHORT` above the AUC itself.

    >>> broken(0.86, {"value": 0.62, "low": 0.45, "high": 0.79})
    True
    >>> broken(0.75, {"value": 0.62, "low": 0.45, "high": 0.79})
    False
    """
    value, high = score["value"], score["high"]
    if promised is None or value is None or high is None:
        return False
    return promised > high and promised - value >= FELL_SHORT


def _said(
    promised: float | None,
    score: Mapping[str, float | None],
    folds: Sequence[Mapping[str, Any]],
    *,
    things: Sequence[str],
) -> dict[str, str | None]:
    """The choice (of `things`) in words, and a caution where its promise was broken."""
    named = "; ".join(f"{name} {_often(each[name] for each in folds)}" for name in things)
    told = "nothing" if promised is None else f"an AUC of {number(promised)}"
    caution = None
    if broken(promised, score):
        caution = (
            f"The choice was promised {told} by inner folds, and test patients gave "
            f"{cell(score['value'])}: the promise lies above the interval ({interval(score)}). "
            "What a choice has seen flatters it: believe the test patients, and expect no more of "
            "the deployed model, which is chosen by the same rule."
        )
    return {
        "sentence": f"What inner folds chose, in so many of {len(folds)} test folds: {named}. They "
        f"promised {told}, test patients gave {with_interval(score)}.",
        "caution": caution,
    }


def _often(names: Iterable[str]) -> str:
    """Names with how often each comes.

    >>> _often(["b", "a", "b"])
    'b 2, a 1'
    """
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())
