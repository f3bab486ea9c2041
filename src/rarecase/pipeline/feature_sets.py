"""Features as they come to `compare`, as checked sets: several by name, joins, categories, gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.errors import SettingError, nearest
from rarecase.experiment.fold_columns import fold_notes
from rarecase.experiment.splits import Splits
from rarecase.features.columns import Columns
from rarecase.features.feature_set import FeatureSet, make_features
from rarecase.features.leaks import Suspicion, refuse, say, suspicions
from rarecase.features.sources.registry import AMONG
from rarecase.features.table_columns import with_categories

if TYPE_CHECKING:
    from rarecase.pipeline.protocol import Protocol


def named_sets(X: Any) -> dict[str, Any]:
    """Features by name: what is one set is called `features`."""
    named = X if isinstance(X, Mapping) else {"features": X}
    for name in AMONG:
        if name in named:
            raise SettingError(f"X: a set cannot be called {name!r}, which stands for all of them.")
    if not named:
        raise SettingError("X: expected features, or several sets of them by name, got none.")
    return {str(name): each for name, each in named.items()}


def feature_sets(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sites: ArrayLike | None = None,
    rare: Any = None,
    categorical: Sequence[str] = (),
    missing: bool = False,
) -> dict[str, FeatureSet]:
    """Sets of features of the same rows, checked, by name.

    Parameters
    ----------
    X
        One set, or several by name.
    categorical
        Columns of DataFrames that are categories.
    missing
        Whether values may be missing.
    """
    named, made = named_sets(X), {}
    known = [str(c) for each in named.values() if isinstance(each, pd.DataFrame) for c in each]
    for name in categorical:
        if name not in known:
            raise SettingError(f"categorical: no feature {name!r}; {nearest(name, known)}")
    for name, each in named.items():
        frame = isinstance(each, pd.DataFrame)
        width = math.prod(np.shape(each)[1:])
        titles = [f"{name}:{i}" for i in range(width)] if len(named) > 1 and not frame else None
        made[name] = make_features(
            with_categories(each, categorical) if frame else each, y, groups=groups, rare=rare,
            sites=sites, name=name, missing=missing,
            columns=None if titles is None else Columns.of(width, names=titles),
        )  # fmt: skip
    return made


def choose_sets(made: Mapping[str, FeatureSet], wanted: Sequence[str] = ()) -> list[FeatureSet]:
    """The sets `wanted`, in this order; `a+b`: both side by side, with equal weight. Without any
    every set by itself. Raises `SettingError` for a set that there is not."""
    return [_joined(name, made) for name in wanted or made]


def _joined(name: str, made: Mapping[str, FeatureSet]) -> FeatureSet:
    parts = [name] if name in made else name.split("+")
    if len(set(parts)) < len(parts):
        raise SettingError(f"features {name!r}: joins a set with itself.")
    for part in parts:
        if part not in made:
            raise SettingError(f"features {name!r}: no set {part!r}; {nearest(part, made)}")
    if len(parts) == 1:
        return made[parts[0]]
    each = [made[part] for part in parts]
    columns = Columns.joined([one.columns or Columns.of(np.shape(one.X)[1]) for one in each])
    values = np.concatenate([np.asarray(one.X) for one in each], axis=1)
    return replace(each[0], X=values, columns=columns, name=name)


def look_for_leaks(
    sets: Sequence[FeatureSet], *, patients: bool, label: Any = None, site: Any = None
) -> list[Suspicion]:
    """What looks like a leak in any column of the sets (see `suspicions`). `patients`: whether rows
    were said to be of patients; `label`, `site`: what those columns are called."""
    first, found = sets[0], dict[str, Any]()
    for each in sets:
        columns, values = each.columns, np.asarray(each.X)
        assert columns is not None
        for i, title in enumerate(columns.names):
            if i in columns.levels:
                codes = np.nan_to_num(values[:, i], nan=-1).astype(np.int64)
                found[title] = pd.Categorical.from_codes(codes, pd.Index(columns.levels[i]))
            else:
                found[title] = values[:, i]
    sites, where = first.rows["site"], str(site or "site")
    aside = None if sites.isna().all() else pd.DataFrame({where: sites.to_numpy()})
    return suspicions(
        pd.DataFrame(found), np.asarray(first.classes)[first.y], name=str(label or ""), aside=aside,
        groups=first.patient if patients else None, site=where,
    )  # fmt: skip


def checked_sets(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sites: ArrayLike | None = None,
    rare: Any = None,
    protocol: Protocol,
) -> tuple[list[FeatureSet], list[Suspicion]]:
    """The sets of features, and what looks like a leak in them: a `LeakError`, if it stops and was
    not accepted."""
    made = feature_sets(
        X, y, groups=groups, sites=sites, rare=rare, categorical=protocol.categorical,
        missing=protocol.missing,
    )  # fmt: skip
    sets = choose_sets(made, protocol.sets)
    names = {"label": getattr(y, "name", None), "site": getattr(sites, "name", None)}
    found = look_for_leaks(sets, patients=groups is not None, **names)
    refuse(found, protocol.accept)
    return sets, found


def say_notes(sets: Sequence[FeatureSet], splits: Splits) -> list[Suspicion]:
    """Columns that say nothing in some fold, logged; each once, in however many sets it is."""
    places = list(splits.places())
    found = (note for each in sets for note in fold_notes([(each, place) for place in places]))
    notes = list(dict.fromkeys(found))
    say(notes)
    return notes
