"""Everything that is said of what a generator made of one class: fidelity, diversity, memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rarecase.errors import DataError
from rarecase.generators.audit.distances import Samples
from rarecase.generators.audit.fidelity import (
    NEIGHBOURS,
    frechet_distance,
    frechet_floor,
    kernel_distance,
    neighbourhood,
    two_sample_auc,
)
from rarecase.generators.audit.memorisation import memory
from rarecase.seeds import numpy_rng

MEASURES = (
    "precision", "recall", "density", "coverage", "frechet", "its floor", "kernel", "told apart",
    "nn ratio", "exact copies", "near copies", "membership",
)  # fmt: skip
FEWEST = 6  # samples of either kind: fewer say nothing


def audit(
    train: Samples,
    held: Samples,
    made: Samples,
    *,
    groups: ArrayLike | None = None,
    made_groups: ArrayLike | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Measures by name of `made` (m, d), all of one class: `train` (n, d) are the real samples that
    the generator was fitted to, `held` (k, d) real ones of other patients, whose `groups` (k,) say.

    precision, recall, density, coverage, frechet, its floor (halves of the held-out patients; NaN
    with one), kernel, told apart (AUC, patients held out whole; NaN with one), nn ratio, exact and
    near copies, membership: see `fidelity` and `memory`. Read them beside what as many real
    samples of still other patients get (`made_groups` says whose). Features must be of like scale:
    standardise them by `train`. Raises `DataError` with fewer than 6 samples of a kind.

    >>> X = np.random.default_rng(0).normal(size=(90, 4))
    >>> found = audit(X[:30], X[30:60], X[60:])
    >>> found["exact copies"], 0.3 < found["told apart"] < 0.7
    (0.0, True)
    """
    for name, each in (("train", train), ("held", held), ("made", made)):
        if len(each) < FEWEST:
            raise DataError(f"{name}: expected {FEWEST} samples or more, got {len(each)}.")
    near = neighbourhood(held, made, k=min(NEIGHBOURS, len(held) - 1, len(made) - 1))
    known = memory(train, held, made, seed=seed)
    floor, told = float("nan"), float("nan")
    if _several(groups):
        floor = frechet_floor(held, groups=groups, seed=seed)
        # As many of either kind.
        drawn = numpy_rng(seed, "as many").permutation(len(made))[: len(held)]
        whose = None if made_groups is None else np.asarray(made_groups)[drawn]
        if _several(whose):
            told = two_sample_auc(held, made[drawn], groups=groups, made_groups=whose, seed=seed)
    return {
        "precision": near.precision, "recall": near.recall, "density": near.density,
        "coverage": near.coverage, "frechet": frechet_distance(held, made), "its floor": floor,
        "kernel": kernel_distance(held, made), "told apart": told, "nn ratio": known.ratio,
        "exact copies": known.exact, "near copies": known.near, "membership": known.membership,
    }  # fmt: skip


def comparable(real: int, *, otherwise: int = 200) -> int:
    """How many made samples to set beside so many `real` ones of other patients: as many, since
    coverage and recall rise with the number. `otherwise`: where the real ones are too few."""
    return real if real >= FEWEST else otherwise


def _several(groups: ArrayLike | None) -> bool:
    """Whether there are two patients or more, each sample its own where nobody said."""
    return groups is None or np.unique(np.asarray(groups).astype(str)).size > 1
