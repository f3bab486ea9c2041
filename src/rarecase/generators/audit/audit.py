"""What a generator makes, set against patients that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from rarecase.cohort.splits import validation_patients
from rarecase.errors import DataError
from rarecase.features.samples import Samples, checked_labels
from rarecase.features.standardise import Space
from rarecase.generators.audit.measures import FEWEST, MEASURES, audit, comparable
from rarecase.generators.choose import vectors

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore
    from rarecase.generators.base import Generator

HELD, OTHERS = 0.25, 1 / 3  # shares of each class's patients; others: of those who are left
COUNTS = ("class", "source", "train", "held", "samples")
PIECE = 64


def audit_generator(
    generator: Generator,
    X: ArrayLike | FeatureStore,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """How like real patients whom it has not seen is what `generator` makes, and does it give away
    those it has? A row a class and source, columns as `evidence.audit` names the measures, besides
    `class`, `source` (made, real), `train`, `held` and `samples` (how many).

    A quarter of each class's patients (`groups`; every sample its own patient without) is held out,
    a copy of the generator is fitted to the rest, and samples of each class are set against the
    held-out ones. The rows `real` are what a good generator would get: a third of the remaining
    patients in place of made samples, the others as those learnt from. As many samples are made as
    that third has (200 where it has fewer than 6). Of maps (n, c, h, w) the means over the map are
    compared; all is standardised by the samples learnt from. Measures are NaN where a class has
    fewer than 6 samples of a kind or nothing varies. Raises `DataError` where no class has three
    patients.

    >>> from rarecase.generators.gaussian import Gaussian
    >>> X, y = np.random.default_rng(0).normal(size=(90, 3)), np.repeat(["a", "b"], [60, 30])
    >>> found = audit_generator(Gaussian(), X, y)
    >>> found[["class", "source", "held"]].to_dict("records")[1]
    {'class': 'a', 'source': 'real', 'held': 15}
    """
    samples = Samples(X)
    labels = checked_labels(y, len(samples))
    who = np.arange(len(samples)).astype(str) if groups is None else np.asarray(groups).astype(str)
    if who.shape != labels.shape:
        raise DataError(f"groups: expected one a sample ({len(labels)}), got shape {who.shape}.")
    patients = dict(zip(who.tolist(), labels.tolist(), strict=True))
    held = np.isin(who, validation_patients(patients, HELD, seed))
    if not held.any():
        raise DataError(
            "groups: no class has three patients, so that none can be held out to compare with."
        )
    learnt = np.flatnonzero(~held)
    fitted = clone(generator).fit(X, labels[learnt], rows=learnt, groups=who[learnt])

    def make(label: Any, count: int) -> NDArray[np.float64]:
        starts = range(0, count, PIECE)
        return np.concatenate(
            [vectors(fitted.sample({label: min(PIECE, count - s)}, start=s)[0]) for s in starts]
        )

    return set_against(pooled(samples), labels, who, make, held=held, seed=seed)


def set_against(
    real: NDArray[np.float64],
    labels: NDArray[Any],
    who: NDArray[Any],
    make: Callable[[Any, int], NDArray[np.float64]],
    *,
    held: NDArray[np.bool_],
    seed: int,
) -> pd.DataFrame:
    """The table that `audit_generator` gives, of real samples (n, d) of classes `labels` (n,) and
    patients `who` (n,), of which some were `held` out (n,), and of made ones: `make` gives so many
    (or fewer) of a class, (m, d)."""
    rest = dict(zip(who[~held].tolist(), labels[~held].tolist(), strict=True))
    other = np.isin(who, validation_patients(rest, OTHERS, seed + 1))
    lines = []
    for label in np.unique(labels).tolist():
        mine = labels == label
        stand_in = other & mine
        made = make(label, comparable(int(stand_in.sum())))
        sources = {
            "made": (~held & mine, made, None),
            "real": (~held & ~other & mine, real[stand_in], who[stand_in]),
        }
        for source, (own, shown, whose) in sources.items():
            counts = (int(own.sum()), int((held & mine).sum()), len(shown))
            line: dict[str, Any] = {"class": label, "source": source}
            line |= dict(zip(COUNTS[2:], counts, strict=True))
            learnt = real[~held if source == "made" else ~held & ~other]
            if min(counts) >= FEWEST and np.ptp(learnt, axis=0).any():
                space = Space.fit(learnt)
                line |= audit(
                    space(real[own]), space(real[held & mine]), space(shown),
                    groups=who[held & mine], made_groups=whose, seed=seed,
                )  # fmt: skip
            lines.append(line)
    return pd.DataFrame(lines, columns=[*COUNTS, *MEASURES])


def pooled(samples: Samples) -> NDArray[np.float64]:
    """Means over the map of every sample, (n, d) or (n, c), read a few at a time."""
    parts = [vectors(batch) for _, batch in samples.batches(PIECE)]
    return np.concatenate([np.empty((0, samples.shape[0])), *parts])
