"""Columns that say nothing in some fold, or hold there what nothing was learnt about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from rarecase.arrays import Bools
from rarecase.experiment.fold_rows import Place
from rarecase.features.feature_set import FeatureSet
from rarecase.features.leaks import Suspicion


def fold_notes(each: Sequence[tuple[FeatureSet, Place]]) -> list[Suspicion]:
    """Columns that are the same for everybody, or empty in the training part of a fold, and test
    patients with a category that it lacks. None of it stops: such a column counts for nothing
    there, such a patient is of no known category. `each`: the features of every fold, of columns
    with the same names, which may be categories in some folds and numbers in others."""
    columns = each[0][0].columns
    if columns is None:
        return []
    held, empty = (np.stack(rows) for rows in zip(*(_flat(*one) for one in each), strict=True))
    found = []
    for at in np.flatnonzero(held.all(axis=0) | empty.any(axis=0)).tolist():
        if empty[:, at].any():
            where = _folds([p for (_, p), bad in zip(each, empty[:, at], strict=True) if bad])
            words = f"is empty in the training part of {where} and counts for nothing there"
            found.append(Suspicion(columns.names[at], "empty", words, False))
        else:
            words = "is the same for everybody and counts for nothing"
            found.append(Suspicion(columns.names[at], "constant", words, False))
    return found + list(_unseen(each))


def _flat(features: FeatureSet, place: Place) -> tuple[Bools, Bools]:
    """Which columns are the same for everybody, and which are empty in the training part (d,)."""
    X = np.asarray(features.X)
    known = ~np.isnan(X)
    held = np.where(known, X, -np.inf).max(axis=0) == np.where(known, X, np.inf).min(axis=0)
    return held, ~known[place.fold_of[features.patient] != place.fold].any(axis=0)


def _unseen(each: Sequence[tuple[FeatureSet, Place]]) -> Iterator[Suspicion]:
    known = [(f, p, f.columns.levels) for f, p in each if f.columns is not None]
    names = () if each[0][0].columns is None else each[0][0].columns.names
    for at in sorted({at for _, _, levels in known for at in levels}):
        where, counts = [], Counter[str]()
        for features, place, levels in known:
            if at not in levels:
                continue
            X, fold = np.asarray(features.X)[:, at], place.fold_of[features.patient]
            test = fold == place.fold
            new = test & ~np.isnan(X) & ~np.isin(X, X[~test])
            if new.any():
                where.append(place)
                codes = np.unique(np.stack([features.patient[new], X[new]]), axis=1)[1]
                counts.update(levels[at][int(c)] if c >= 0 else "another" for c in codes)
        if where:
            said = ", ".join(f"{name!r} ({count} patients)" for name, count in counts.items())
            yield Suspicion(
                names[at], "unseen", f"has categories that the training part of "
                f"{_folds(where)} lacks, and that are none of the known ones there: {said}", False,
            )  # fmt: skip


def _folds(places: Sequence[Place]) -> str:
    first = f"repeat {places[0].repeat}, fold {places[0].fold}"
    return first + (f", and {len(places) - 1} more folds" if len(places) > 1 else "")
