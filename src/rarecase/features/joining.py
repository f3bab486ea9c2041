"""From the stores of one or several sources to the vectors of an experiment, side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from rarecase.arrays import Floats, Ints
from rarecase.features.columns import Columns
from rarecase.features.copies import read_copies
from rarecase.features.feature_set import (
    WHOLE,
    FeatureSet,
    Masks,
    make_features,
    outlined,
    rows_that_count,
)
from rarecase.features.nested import Inner, Nested, read_inner
from rarecase.features.standardise import vectors
from rarecase.features.store import FeatureStore

if TYPE_CHECKING:
    from rarecase.features.sources.contract import Source, SourceData

Unit = Literal["patients", "slices"]


class Vectors(NamedTuple):
    """Vectors X (n, d) of a source; their rows (row, case, slice, patient, label, predicted, and
    what `outlined` needs); what the columns are; the same for inner folds (see `Nested`); and of
    augmented copies."""

    X: Floats
    rows: pd.DataFrame
    columns: Columns | None = None
    nested: Nested = ()
    copies: tuple[Floats, ...] = ()

    @staticmethod
    def taken(source: Source, data: SourceData) -> Vectors:
        """What a fitted source gives for `data`, as a store would hold it."""
        X = np.concatenate([*source.batches(data)])
        held = X.astype(np.float64 if source.measured else np.float16)
        return Vectors(vectors(held.astype(np.float64)), source.rows(data), source.columns(data))

    @staticmethod
    def of(store: FeatureStore, *, patients: Collection[str] | None = None) -> Vectors:
        """What a store holds, and those for inner folds beside it, of some patients or all; maps
        averaged over their positions."""
        inner = read_inner(store)
        nested = None if inner is None else tuple(
            Inner(vectors(each).astype(np.float64), held) for each, held in inner
        )  # fmt: skip
        found = Vectors(
            vectors(store).astype(np.float64), store.rows, store.columns, nested,
            tuple(vectors(each).astype(np.float64) for each in read_copies(store)),
        )  # fmt: skip
        if patients is None:
            return found
        return found.taking(np.flatnonzero(found.rows["patient"].isin(patients).to_numpy()))

    def taking(self, at: Ints) -> Vectors:
        """Some of the rows."""
        nested = self.nested and tuple(Inner(X[at], held) for X, held in self.nested)
        copies = tuple(X[at] for X in self.copies)
        return Vectors(self.X[at], self.rows.iloc[at], self.columns, nested, copies)

    def then(self, others: Vectors) -> Vectors:
        """These and other patients', whom no inner fold looks at."""
        rows = pd.concat([self.rows, others.rows], ignore_index=True)
        nested = self.nested and tuple(
            Inner(np.concatenate([X, others.X]), held) for X, held in self.nested
        )
        both = zip(self.copies, others.copies, strict=False)
        return Vectors(
            np.concatenate([self.X, others.X]), rows, self.columns, nested,
            tuple(np.concatenate(pair) for pair in both),
        )  # fmt: skip

    def counting(self, masks: Masks) -> Vectors:
        """Those of slices whose mask is not empty (all, of a patient without any), and of whole
        cases."""
        rows = outlined(self.rows, masks)
        shown = np.flatnonzero(rows_that_count(rows))
        found = self._replace(rows=rows).taking(shown)
        return found._replace(rows=found.rows.astype({"patient": str}).reset_index(drop=True))


def joined_vectors(
    sources: Sequence[Vectors],
    *,
    rare: str,
    name: str,
    unit: Unit = "patients",
    masks: Masks = "predicted",
) -> FeatureSet:
    """Samples of an experiment from the vectors that count, side by side (see `side_by_side`)."""
    X, about, columns, nested, copies = side_by_side(sources, unit=unit, masks=masks)
    found = make_features(
        X, about["label"].to_numpy(), groups=about["patient"].to_numpy(), rare=rare,
        row=about["row"].tolist(), name=name, constant=True, missing=True, columns=columns,
    )  # fmt: skip
    return replace(found, nested=nested, copies=copies)


def side_by_side(
    sources: Sequence[Vectors], *, unit: Unit = "patients", masks: Masks = "predicted"
) -> Vectors:
    """The vectors that count of several sources, each a part of the columns.

    Each patient is one sample, the mean of theirs, or each slice is (`unit`). What is known of a
    whole case goes to each of its patient's slices. What a source has nothing of is missing.
    `masks`: true counts the mask drawn by hand, where there is one.
    """
    parts = [source.counting(masks) for source in sources]
    sliced = [not (part.rows["slice"] == WHOLE).all() for part in parts]
    base = parts[sliced.index(True) if any(sliced) else 0].rows
    key = ["case", "slice"] if unit == "slices" and any(sliced) else ["patient"]
    base = base.drop_duplicates(key)
    if key == ["patient"]:
        base = base.sort_values("patient", kind="stable")
    keys = [key if has_slices else ["patient"] for has_slices in sliced]

    def joined(values: Sequence[Floats]) -> Floats:
        each = zip(values, parts, keys, strict=True)
        return np.concatenate([_means(X, part.rows, mine, base) for X, part, mine in each], axis=1)

    columns = [part.columns or Columns.of(part.X.shape[1]) for part in parts]
    plain, nested = [part.X for part in parts], _nested(parts, joined)
    # What has learnt classes would have to be copied for each inner fold, and is not.
    count = 0 if nested != () else min(len(part.copies) for part in parts)
    copies = tuple(joined([part.copies[k] for part in parts]) for k in range(count))
    return Vectors(joined(plain), base, Columns.joined(columns), nested, copies)


def _nested(parts: Sequence[Vectors], joined: Callable[[Sequence[Floats]], Floats]) -> Nested:
    """What inner folds see of a join: of each part that has learnt classes what has not learnt
    theirs, the others as they are."""
    first = next((part.nested for part in parts if part.nested), ())
    if any(part.nested is None for part in parts):
        return None
    return tuple(
        Inner(joined([p.nested[number].X if p.nested else p.X for p in parts]), held)
        for number, (_, held) in enumerate(first)
    )


def _means(X: Floats, rows: pd.DataFrame, key: list[str], base: pd.DataFrame) -> Floats:
    """The mean of the rows with each of the base's keys (n, d); NaN where there is none."""
    mean = pd.DataFrame(X).groupby([rows[name] for name in key]).mean()
    wanted = pd.MultiIndex.from_frame(base[key]) if len(key) > 1 else pd.Index(base[key[0]])
    found: Floats = mean.reindex(wanted).to_numpy(np.float64)
    return found
