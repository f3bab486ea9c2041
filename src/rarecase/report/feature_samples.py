"""Real and synthetic features of one fold, and what to show of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rarecase.report.run_files import GeneratorFolder
from rarecase.seeds import numpy_rng

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore

MOST = 300  # samples of a class that are looked at
BATCH_BYTES = 64 * 2**20
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """Some samples of one class: where they are in the store and their mean a channel."""

    store: FeatureStore
    indices: NDArray[np.int64]
    means: Floats  # (n, channels): the vectors themselves, or maps averaged over their area

    def channel(self, channel: int, count: int) -> NDArray[np.float32]:
        """The first `count` samples' maps of one channel, (count, h, w)."""
        return np.asarray(self.store.read(self.indices[:count])[:, channel])


@dataclass(frozen=True)
class FeaturePair:
    """Real (training) and synthetic samples by class. `unfiltered` names the classes of which
    nothing was kept, so that what was made is shown instead."""

    block: str
    shape: tuple[int, ...]
    real: dict[str, Samples]
    synthetic: dict[str, Samples]
    unfiltered: tuple[str, ...]


def open_store(path: Path) -> FeatureStore:
    """A feature store. Imported late: reports of runs without features need no store."""
    from rarecase.features.store import FeatureStore

    return FeatureStore.open(path)


def read_pair(generator: GeneratorFolder, *, classes: list[str], seed: int) -> FeaturePair | None:
    """Real and synthetic samples of one generator, None when either store is missing."""
    made_path = generator.path / "samples.zarr"
    if not made_path.is_dir():
        return None
    made = open_store(made_path)
    real_path = generator.fold.path / "features" / f"{made.block}.zarr"
    if not real_path.is_dir():
        return None
    real = open_store(real_path)
    if real.shape != made.shape:
        return None
    rows = real.rows
    training = (rows["part"] != "test").to_numpy() if "part" in rows else np.ones(len(rows), bool)
    labels = rows["label"].astype(str).to_numpy()
    made_labels = made.rows["label"].astype(str).to_numpy()
    agrees = (
        made.rows["agrees"].to_numpy(dtype=bool)
        if "agrees" in made.rows
        else np.ones(len(made.rows), bool)
    )
    real_of, synthetic_of, unfiltered = {}, {}, []
    for name in classes:
        at = np.flatnonzero(training & (labels == name))
        if at.size:
            real_of[name] = _take(real, at, seed=seed, what=f"real {name}")
        of_class = made_labels == name
        kept = np.flatnonzero(of_class & agrees)
        if not kept.size and of_class.any():
            unfiltered.append(name)
            kept = np.flatnonzero(of_class)
        if kept.size:
            synthetic_of[name] = _take(made, kept, seed=seed, what=f"synthetic {name}")
    return FeaturePair(real.block, real.shape, real_of, synthetic_of, tuple(unfiltered))


def _take(store: FeatureStore, at: NDArray[np.int64], *, seed: int, what: str) -> Samples:
    rng = numpy_rng(seed, "report samples", what)
    indices = rng.permutation(at)[:MOST]
    step = max(1, BATCH_BYTES // (4 * int(np.prod(store.shape))))
    means = []
    for start in range(0, len(indices), step):
        batch = store.read(indices[start : start + step]).astype(np.float64)
        means.append(batch.reshape(*batch.shape[:2], -1).mean(axis=2))
    return Samples(store, indices, np.concatenate(means))


def telling_channel(means: dict[str, Floats]) -> int:
    """The channel whose class means lie furthest apart for its spread within classes.

    `means` maps class → (n, channels). The ratio is the one-way analysis of variance's F up to a
    constant; channels that never vary do not count.

    >>> flat, apart = np.zeros(4), np.array([0.0, 0.1, 0.0, 0.1])
    >>> telling_channel({"a": np.stack([flat, apart], 1), "b": np.stack([flat, apart + 5], 1)})
    1
    """
    everything = np.concatenate(list(means.values()))
    grand = everything.mean(axis=0)
    between = sum(len(m) * (m.mean(axis=0) - grand) ** 2 for m in means.values())
    within = sum(((m - m.mean(axis=0)) ** 2).sum(axis=0) for m in means.values())
    spread = np.asarray(within)
    ratio = np.where(
        everything.var(axis=0) > 0, between / np.maximum(spread, 1e-12 + 1e-6 * spread.max()), -1.0
    )
    if len(means) < 2:
        ratio = everything.var(axis=0)
    return int(np.argmax(ratio))
