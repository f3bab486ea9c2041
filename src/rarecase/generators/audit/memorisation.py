"""Does a generator make anything new, or does it hand out its training samples?

Of one class at a time. Held-out samples are real ones of the same class that the generator was not
fitted to (other patients, or the fold's inner part): what is nearer to training samples than to
them was memorised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rarecase.errors import DataError
from rarecase.generators.audit.distances import Samples, checked_pair, nearest
from rarecase.ranking import concordance
from rarecase.seeds import numpy_rng

NEAR = 0.1  # of the distances between real neighbours: nearer is a near duplicate


@dataclass(frozen=True)
class Memorisation:
    """`ratio`: how far synthetic samples lie from the nearest training sample over how far held-out
    ones do, medians of both (1: nothing remembered; 0: copies; above 1: farther than real ones
    are). `exact`, `near`: share of synthetic samples that are a training sample, or nearer to one
    than a tenth of what real ones usually are to each other. `membership`: AUC with which the
    distance to the nearest synthetic sample tells training from held-out samples (one half: it does
    not)."""

    ratio: float
    exact: float
    near: float
    membership: float


def memorisation(
    train: Samples, held: Samples, synthetic: Samples, *, seed: int = 0
) -> Memorisation:
    """How much of its training samples (n, d) a generator that drew `synthetic` (m, d) gives away.

    The nearest-neighbour ratio compares the two sets of distances that Meehan et al. 2020 (arXiv
    2004.05675) do, both to the same training samples, so that it does not depend on how many were
    held out; the membership attack is GAN-Leaks (Chen et al. 2020, arXiv 1909.03935, its black-box
    distance). Samples are compared in the coarser floating type of `train` and `synthetic`.

    >>> X = np.random.default_rng(0).normal(size=(90, 4))
    >>> copies = memorisation(X[:40], X[40:80], X[:20])
    >>> copies.exact, copies.ratio, copies.membership > 0.7
    (1.0, 0.0, True)
    """
    train, synthetic = checked_pair(train, synthetic)
    held, _ = checked_pair(held, synthetic)
    if len(train) < 3:
        raise DataError(f"train: expected three samples or more, got {len(train)}.")
    if train.dtype != synthetic.dtype:
        coarser = min(train.dtype, synthetic.dtype, key=lambda kind: kind.itemsize)
        train, synthetic = train.astype(coarser, copy=False), synthetic.astype(coarser, copy=False)
    closest = nearest(synthetic, train)[:, 0]
    usual = float(np.median(nearest(train, train, same=True)[:, 0]))
    middle, away = float(np.median(closest)), float(np.median(nearest(held, train)[:, 0]))
    # As many of either are enough for the attack.
    rng, size = numpy_rng(seed, "as many"), min(len(train), len(held))
    some, others = (
        each if len(each) == size else each[np.sort(rng.choice(len(each), size, replace=False))]
        for each in (train, held)
    )
    score = -np.concatenate([nearest(each, synthetic)[:, 0] for each in (some, others)])
    inside = np.repeat([True, False], [len(some), len(others)])
    return Memorisation(
        ratio=middle / away if away > 0 else (float("inf") if middle > 0 else 1.0),
        exact=float((closest == 0).mean()),
        near=float((closest <= NEAR * usual).mean()),
        membership=concordance(score, inside),
    )
