"""Has a generator collapsed? What it makes is set against what it learnt from, class by class."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.arrays import Ints
from rarecase.features.samples import Samples

if TYPE_CHECKING:
    from rarecase.generators.base import Generator

log = logging.getLogger(__name__)
comparison = logging.getLogger(f"{__name__}.comparison")  # passes by the filter of `log`
LOOKED_AT = 128  # samples per class, at most
FEWEST = 16  # of them, and steps: large maps are made so many at a time
VALUES = 2**22  # that so many samples may hold: more take seconds to make
NARROW = 0.2  # of the real spread: less is a collapse
_said: set[str] = set()  # kinds of generators whose collapse in a comparison was said


def energy_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """2 E|x − y| − E|x − x'| − E|y − y'| of two sets of samples (n, d), (m, d) (Székely and Rizzo
    2013); 0 for one distribution. Pairs of a sample with itself are left out.

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 200, 3))
    >>> abs(energy_distance(x, y)) < 0.1, energy_distance(x, y + 2) > 1
    (True, True)
    """
    from scipy.spatial.distance import cdist, pdist

    across = 2 * float(cdist(a, b).mean())
    return across - float(pdist(a).mean()) - float(pdist(b).mean())


def diagnose(generator: Generator, samples: Samples, codes: Ints) -> pd.DataFrame:
    """One row per class: label, spread (deviation of synthetic over that of real samples; 1:
    alike), distinct (share of synthetic samples that differ). Warns of a class that collapsed.

    A table's columns each have their unit: its spread is the median column's. Maps have one, and
    many values that hardly vary: theirs is that of the mean deviation.

    Of each class so many samples are generated, and as many real ones read: 128, of large maps
    fewer."""
    rows = []
    fit = VALUES // math.prod(samples.shape) // FEWEST * FEWEST
    count = max(FEWEST, min(LOOKED_AT, fit))
    for code, name in enumerate(generator.classes_):
        mine = np.flatnonzero(codes == code)
        # From all over the class: its first maps may all be one patient's, and alike.
        mine = mine[np.linspace(0, len(mine) - 1, min(count, len(mine))).astype(np.int64)]
        real = samples.read(mine).reshape(len(mine), -1)
        made = generator.sample({name: count})[0].reshape(count, -1)
        spread = _spread(made, real, table=len(samples.shape) == 1)
        distinct = len({row.tobytes() for row in made}) / count
        rows.append((name, spread, distinct))
        if spread < NARROW or (distinct < NARROW and not math.isnan(spread)):
            log.warning(
                "%s has collapsed for class %s: what it makes varies %.0f %% as much as real "
                "samples do. Train it longer or with a smaller lr, or take another generator.",
                type(generator).__name__, name, 100 * spread,
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["label", "spread", "distinct"])


def _spread(made: NDArray[np.floating], real: NDArray[np.floating], *, table: bool) -> float:
    """How much of the deviation of real samples (n, d) synthetic ones (m, d) have; NaN where
    nothing real varies."""
    varies = np.ptp(real, axis=0) > 0  # the deviation of a constant may be a rounding error
    if not varies.any():
        return math.nan
    own, usual = made[:, varies].std(axis=0), real[:, varies].std(axis=0)
    return float(np.median(own / usual) if table else own.mean() / usual.mean())


def _said_once(record: logging.LogRecord) -> bool:
    """Keeps back what is said of each class, and says once of each kind of generator that it
    happened: a comparison fits hundreds, and its classes are numbers."""
    kind, *_, percent = record.args if isinstance(record.args, tuple) else ("a generator", 0)
    if kind not in _said:
        _said.add(str(kind))
        comparison.warning(
            "%s collapsed in a fit of this comparison: what it makes varies %.0f %% as much "
            "as real samples do. Its arm tells little of what it can do (said once).",
            kind, percent,
        )  # fmt: skip
    return False


@contextmanager
def collapses_said_once() -> Iterator[None]:
    """Collapses in this block are said once per kind of generator and process."""
    log.addFilter(_said_once)
    try:
        yield
    finally:
        log.removeFilter(_said_once)
