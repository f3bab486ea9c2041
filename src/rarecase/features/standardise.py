"""Samples as vectors, and the coordinates in which a fold is computed: standardised, and no more of
them than samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecase.arrays import Floats, Ints
from rarecase.features.columns import Columns, Encoder, empty_columns
from rarecase.features.combat import Combat, large_sites
from rarecase.features.samples import Samples, is_store
from rarecase.progress import unsaid

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore

REACH = 6.0  # deviations


@dataclass(frozen=True, eq=False)
class Space:
    """Fitted to real training rows alone: sites harmonised if requested (see `Combat`), gaps and
    categories as numbers (see `Encoder`), then
    (x − mean) / deviation, scaled so that a training row has the squared length 1 on average, and
    rotated into the span of the training rows.

    With more features than rows the rotation leaves as many coordinates as the rows have rank. That
    is exact for whatever only adds up, compares or spans training rows: a linear classifier with a
    quadratic penalty has its weights in that span, and distances within it are unchanged. Features
    that do not vary in training say nothing there and count for nothing. Of a join every part has
    the same share of the length, however many columns it has.

    Values farther than six deviations from the mean count as six. A network has channels that are
    all but silent in one set of patients and not in the next: unbounded, one of them outweighs all
    the others together. Of Gaussian features one value in 500 million lies out there.
    """

    encoder: Encoder
    mean: Floats  # (e,)
    scale: Floats  # (e,)
    reach: Floats  # (e,), how far from the mean a value counts
    axes: Floats | None  # (e, rank), None where there are no more features than rows
    combat: Combat | None = None

    @staticmethod
    def fit(
        X: Floats,
        columns: Columns | None = None,
        *,
        rotate: bool = True,
        fill: bool = True,
        origin: Origin | None = None,
    ) -> Space:
        """Learn the space of training rows `X` (n, d). `rotate`: into the span of the rows, where
        they are fewer; `fill`: whether gaps are filled in; `origin`: whose rows these are, and of
        which site, for sites to be harmonised."""
        return Space.learn(X, columns, rotate=rotate, fill=fill, origin=origin)[0]

    @staticmethod
    def learn(
        X: Floats,
        columns: Columns | None = None,
        *,
        rotate: bool = True,
        fill: bool = True,
        origin: Origin | None = None,
    ) -> tuple[Space, Floats]:
        """`fit`, and the training rows in that space."""
        columns = columns or Columns.of(X.shape[1])
        combat = None
        if origin is not None:
            combat = _combat(X, columns, origin)
        if combat is not None and origin is not None:
            X = _harmonised(combat, X, columns.numeric, origin)
        encoder = Encoder.fit(X, columns, fill=fill)
        rows = encoder(X)
        holes = np.isnan(rows).any()
        mean = _defined(np.nanmean, rows) if holes else rows.mean(axis=0)
        deviation = _defined(np.nanstd, rows) if holes else rows.std(axis=0)
        # A deviation that is rounding error against the mean would blow a test row up.
        varies = deviation > 1e-9 * np.maximum(np.abs(mean), 1e-12)
        scale = np.where(varies, 1 / np.where(varies, deviation, 1.0), 0.0)
        count = np.bincount(encoder.part, weights=varies)
        scale /= np.sqrt(np.maximum(count, 1)[encoder.part] * max(int((count > 0).sum()), 1))
        space = Space(encoder, mean, scale, REACH * deviation, None)
        found = space._scaled(rows)
        if not rotate or rows.shape[1] <= rows.shape[0] or not varies.any():
            return replace(space, combat=combat), found
        values, vectors = np.linalg.eigh(found @ found.T)
        kept = values > 1e-10 * values.max()
        axes = found.T @ (vectors[:, kept] / np.sqrt(values[kept]))
        return replace(space, axes=axes, combat=combat), found @ axes

    def __call__(self, X: Floats, origin: Origin | None = None) -> Floats:
        """Rows (n, d) in this space, (n, rank or e). `origin`: of which site they are; rows of
        which nobody says so are taken as they are."""
        if self.combat is not None and origin is not None:
            X = _harmonised(self.combat, X, self.encoder.numeric, origin)
        rows = self._scaled(self.encoder(X))
        return rows if self.axes is None else rows @ self.axes

    def _scaled(self, rows: Floats) -> Floats:
        """Rows that the encoder gave, in place."""
        rows -= self.mean
        np.clip(rows, -self.reach, self.reach, out=rows)
        rows *= self.scale
        return rows


@dataclass(frozen=True, eq=False)
class Origin:
    """Whose rows are, and of which site (n,); `unknown`: what becomes of rows of a site that
    training rows do not have; `few`: of a site with too few patients to learn from."""

    patients: Sequence[Any]
    sites: Sequence[Any]
    unknown: Literal["refuse", "unchanged"] = "refuse"
    few: Literal["refuse", "unchanged"] = "refuse"


def _combat(X: Floats, columns: Columns, origin: Origin) -> Combat | None:
    """What sites do to the columns of numbers; None where every site has too few patients."""
    numbers = columns.numeric
    sites, patients = np.asarray(origin.sites), np.asarray(origin.patients)
    kept = np.full(len(sites), True)
    if origin.few == "unchanged":
        kept = large_sites(origin.sites, origin.patients)
    if not kept.any():
        return None
    names = [columns.names[i] for i in numbers]
    inner = origin.few == "unchanged"  # what there is to say is said of the outer fold
    with unsaid("rarecase.features.combat") if inner else nullcontext():
        return Combat.fit(X[kept][:, numbers], sites[kept].tolist(), patients[kept], names=names)


def _harmonised(combat: Combat, X: Floats, numbers: Ints, origin: Origin) -> Floats:
    """Rows whose columns of numbers are brought to the sites' common location and scale."""
    found = X.copy()
    found[:, numbers] = combat(X[:, numbers], origin.sites, unknown=origin.unknown)
    return found


def _defined(mean: Callable[..., Floats], rows: Floats) -> Floats:
    """Over the values of each column that are there; 0 where none is."""
    found = np.zeros(rows.shape[1])
    known = ~empty_columns(rows)
    found[known] = mean(rows[:, known], axis=0)
    return found


def vectors(X: ArrayLike | FeatureStore | Samples) -> NDArray[np.float64]:
    """Each sample of (n, d) or (n, c, …) as a vector: as it is, of maps the mean of each channel,
    (n, d) or (n, c).

    >>> vectors(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[1.5, 5.5]]
    """
    samples = Samples(X) if is_store(X) else X
    if isinstance(samples, Samples):
        if samples.in_memory:  # in float64, where they are
            return vectors(samples.array())
        parts = [vectors(batch) for _, batch in samples.batches()]
        return np.concatenate([np.empty((0, samples.shape[0])), *parts])
    values = np.asarray(samples)
    if values.ndim < 3:
        return np.asarray(values, dtype=np.float64)
    flat = values.reshape(*values.shape[:2], math.prod(values.shape[2:]))
    return np.asarray(flat.mean(axis=2, dtype=np.float64))  # a copy in float64 would be large
