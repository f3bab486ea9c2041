"""Columns that say nothing in some fold, or hold there what nothing was learnt about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from rarecase.experiment.fold_rows import Place
from rarecase.experiment.splits import Splits
from rarecase.features.feature_set import FeatureSet
from rarecase.features.leaks import Suspicion


def fold_notes(features: FeatureSet, splits: Splits) -> list[Suspicion]:
    """Columns that are the same for everybody, or empty in the training part of a fold, and test
    patients with a category that it lacks. None of it stops: such a column counts for nothing
    there, such a patient is of no known category."""
    columns = features.columns
    if columns is None:
        return []
    X, places = np.asarray(features.X), list(splits.places())
    trains = [(p.fold_of[features.patient] != p.fold) for p in places]
    known = ~np.isnan(X)
    empty = np.array([~known[rows].any(axis=0) for rows in trains])
    held = np.where(known, X, -np.inf).max(axis=0) == np.where(known, X, np.inf).min(axis=0)
    found = []
    for at in np.flatnonzero(held | empty.any(axis=0)).tolist():
        if empty[:, at].any():
            where = _folds([p for p, bad in zip(places, empty[:, at], strict=True) if bad])
            words = f"is empty in the training part of {where} and counts for nothing there"
            found.append(Suspicion(columns.names[at], "empty", words, False))
        else:
            words = "is the same for everybody and counts for nothing"
            found.append(Suspicion(columns.names[at], "constant", words, False))
    return found + list(_unseen(features, places, trains))


def _unseen(
    features: FeatureSet, places: Sequence[Place], trains: Sequence[np.ndarray]
) -> Iterator[Suspicion]:
    X, columns = np.asarray(features.X), features.columns
    assert columns is not None
    for at, levels in columns.levels.items():
        where, counts = [], Counter[str]()
        for place, rows in zip(places, trains, strict=True):
            test = ~rows & (place.fold_of[features.patient] == place.fold)
            new = test & ~np.isnan(X[:, at]) & ~np.isin(X[:, at], X[rows, at])
            if new.any():
                where.append(place)
                pairs = np.unique(np.stack([features.patient[new], X[new, at]]), axis=1)[1]
                counts.update(levels[int(c)] if c >= 0 else "another" for c in pairs)
        if where:
            said = ", ".join(f"{name!r} ({count} patients)" for name, count in counts.items())
            yield Suspicion(
                columns.names[at], "unseen", f"has categories that the training part of "
                f"{_folds(where)} lacks, and that are none of the known ones there: {said}", False,
            )  # fmt: skip


def _folds(places: Sequence[Place]) -> str:
    first = f"repeat {places[0].repeat}, fold {places[0].fold}"
    return first + (f", and {len(places) - 1} more folds" if len(places) > 1 else "")
