"""What a generator makes, set against patients that it did not learn from: fidelity, diversity,
memorisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from rarecase.arrays import Bools, Floats
from rarecase.cohort.splits import validation_patients
from rarecase.errors import DataError
from rarecase.features.samples import Samples, checked_labels
from rarecase.features.standardise import Space, vectors
from rarecase.generators.audit.distances import Samples as Vectors
from rarecase.generators.audit.fidelity import (
    NEIGHBOURS,
    frechet_baseline,
    frechet_distance,
    kernel_distance,
    neighbourhood,
    two_sample_auc,
)
from rarecase.generators.audit.memorisation import memorisation
from rarecase.generators.validation import whose
from rarecase.seeds import numpy_rng

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore
    from rarecase.generators.base import Generator

MEASURES = (
    "precision", "recall", "density", "coverage", "frechet", "frechet baseline", "kernel",
    "two-sample AUC", "nn ratio", "exact copies", "near copies", "membership",
)  # fmt: skip
FEWEST = 6  # samples of either kind: fewer say nothing
HELD, OTHERS = 0.25, 1 / 3  # shares of each class's patients; others: of those who are left
COUNTS = ("class", "source", "train", "held", "samples")


def audit_generator(
    generator: Generator,
    X: ArrayLike | FeatureStore,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """How like real patients whom it has not seen is what `generator` makes, and does it give away
    those it has? A row per class and source, columns as `audit_samples` names the measures, besides
    `class`, `source` (synthetic, real), `train`, `held` and `samples` (how many).

    A quarter of each class's patients (`groups`; every sample its own patient without) is held out,
    a copy of the generator is fitted to the rest, and samples of each class are set against the
    held-out ones. The rows `real` are what a good generator would get: a third of the remaining
    patients in place of synthetic samples, the others as those learnt from. As many samples are
    drawn as that third has (200 where it has fewer than 6). Of maps (n, c, h, w) the means over the
    map are compared; all is standardised by the samples learnt from. Measures are NaN where a class
    has fewer than 6 samples of a kind or nothing varies. Raises `DataError` where no class has
    three patients.

    >>> from rarecase.generators.gaussian import Gaussian
    >>> X, y = np.random.default_rng(0).normal(size=(90, 3)), np.repeat(["a", "b"], [60, 30])
    >>> found = audit_generator(Gaussian(), X, y)
    >>> found[["class", "source", "held"]].to_dict("records")[1]
    {'class': 'a', 'source': 'real', 'held': 15}
    """
    samples = Samples(X)
    labels = checked_labels(y, len(samples))
    who = whose(groups, len(samples)).astype(str)
    patients = dict(zip(who.tolist(), labels.tolist(), strict=True))
    held = np.isin(who, validation_patients(patients, HELD, seed))
    if not held.any():
        raise DataError(
            "groups: no class has three patients, so that none can be held out to compare with."
        )
    learnt = np.flatnonzero(~held)
    fitted = clone(generator).fit(X, labels[learnt], rows=learnt, groups=who[learnt])

    def make(label: Any, count: int) -> Floats:
        return np.concatenate([vectors(piece) for _, piece in fitted.pieces({label: count})])

    return set_against(vectors(samples), labels, who, make, held=held, seed=seed)


def set_against(
    real: Floats,
    labels: NDArray[Any],
    who: NDArray[Any],
    make: Callable[[Any, int], Floats],
    *,
    held: Bools,
    seed: int,
) -> pd.DataFrame:
    """The table that `audit_generator` gives, of real samples (n, d) of classes `labels` (n,) and
    patients `who` (n,), of which some were `held` out (n,), and of synthetic ones: `make` gives so
    many (or fewer) of a class, (m, d)."""
    rest = dict(zip(who[~held].tolist(), labels[~held].tolist(), strict=True))
    other = np.isin(who, validation_patients(rest, OTHERS, seed + 1))
    lines = []
    for label in np.unique(labels).tolist():
        mine = labels == label
        stand_in = other & mine
        drawn = make(label, comparable(int(stand_in.sum())))
        sources = {
            "synthetic": (~held, drawn, None),
            "real": (~held & ~other, real[stand_in], who[stand_in]),
        }
        for source, (learnt_from, shown, theirs) in sources.items():
            own = learnt_from & mine
            counts = (int(own.sum()), int((held & mine).sum()), len(shown))
            line: dict[str, Any] = dict(zip(COUNTS, (label, source, *counts), strict=True))
            learnt = real[learnt_from]
            if min(counts) >= FEWEST and np.ptp(learnt, axis=0).any():
                space = Space.fit(learnt)
                line |= audit_samples(
                    space(real[own]), space(real[held & mine]), space(shown),
                    groups=who[held & mine], synthetic_groups=theirs, seed=seed,
                )  # fmt: skip
            lines.append(line)
    return pd.DataFrame(lines, columns=[*COUNTS, *MEASURES])


def audit_samples(
    train: Vectors,
    held: Vectors,
    synthetic: Vectors,
    *,
    groups: ArrayLike | None = None,
    synthetic_groups: ArrayLike | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Measures by name of `synthetic` (m, d), all of one class: `train` (n, d) are the real samples
    that the generator was fitted to, `held` (k, d) real ones of other patients, whose `groups` (k,)
    say.

    precision, recall, density, coverage, frechet, frechet baseline (real against real: halves of
    the held-out patients; NaN with one), kernel, two-sample AUC (patients held out whole; NaN with
    one), nn ratio, exact and near copies, membership: see `fidelity` and `memorisation`. Read them
    beside what as many real samples of still other patients get (`synthetic_groups` says whose).
    Features must be of like scale: standardise them by `train`. Raises `DataError` with fewer than
    6 samples of a kind.

    >>> X = np.random.default_rng(0).normal(size=(90, 4))
    >>> found = audit_samples(X[:30], X[30:60], X[60:])
    >>> found["exact copies"], 0.3 < found["two-sample AUC"] < 0.7
    (0.0, True)
    """
    for name, each in (("train", train), ("held", held), ("synthetic", synthetic)):
        if len(each) < FEWEST:
            raise DataError(f"{name}: expected {FEWEST} samples or more, got {len(each)}.")
    near = neighbourhood(held, synthetic, k=min(NEIGHBOURS, len(held) - 1, len(synthetic) - 1))
    known = memorisation(train, held, synthetic, seed=seed)
    baseline, auc = float("nan"), float("nan")
    if _several(groups):
        baseline = frechet_baseline(held, groups=groups, seed=seed)
        # As many of either kind.
        drawn = numpy_rng(seed, "as many").permutation(len(synthetic))[: len(held)]
        others = None if synthetic_groups is None else np.asarray(synthetic_groups)[drawn]
        if _several(others):
            auc = two_sample_auc(
                held, synthetic[drawn], groups=groups, synthetic_groups=others, seed=seed
            )
    return asdict(near) | {
        "frechet": frechet_distance(held, synthetic), "frechet baseline": baseline,
        "kernel": kernel_distance(held, synthetic), "two-sample AUC": auc, "nn ratio": known.ratio,
        "exact copies": known.exact, "near copies": known.near, "membership": known.membership,
    }  # fmt: skip


def comparable(real: int, *, otherwise: int = 200) -> int:
    """How many synthetic samples to set beside so many `real` ones of other patients: as many,
    since coverage and recall rise with the number. `otherwise`: where the real ones are too few."""
    return real if real >= FEWEST else otherwise


def _several(groups: ArrayLike | None) -> bool:
    """Whether there are two patients or more, each sample its own where nobody said."""
    return groups is None or np.unique(np.asarray(groups).astype(str)).size > 1
