"""A few real and synthetic samples set aside for the report, so that the stores may go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.features.store import FeatureStore
from rarecase.files import replacing_file, write_json
from rarecase.seeds import numpy_rng

MOST = 300  # samples of a class whose means are kept
MAPS = 25  # samples of a class whose maps are kept, as many as the paper's Figures 9 and 10 show
BATCH_BYTES = 64 * 2**20
ARRAYS, ABOUT = "shown.npz", "shown.json"
Floats = NDArray[np.float64]


def write_gallery(
    folder: Path,
    *,
    real: FeatureStore,
    training: NDArray[np.bool_],
    synthetic: FeatureStore,
    kept: NDArray[np.bool_],
    classes: Sequence[str],
    seed: int,
) -> None:
    """Write shown.npz and shown.json into `folder`.

    Of every class: up to 300 real samples (those marked in `training`) and as many synthetic ones
    that the filter `kept`, as means per channel (n, c); and 25 of each as maps (n, h, w) of the one
    channel in which the classes differ most. Where the filter kept nothing of a class, what was
    generated is shown instead, and shown.json says so. Vectors have no maps.
    """
    parts, unfiltered = [], []  # of every class: kind, number of the class, store, samples
    for place, name in enumerate(classes):
        own = training & (real.rows["label"].astype(str) == name).to_numpy()
        drawn = (synthetic.rows["label"].astype(str) == name).to_numpy()
        if drawn.any() and not (drawn & kept).any():
            unfiltered.append(name)
        else:
            drawn = drawn & kept
        for kind, store, where in (("real", real, own), ("synthetic", synthetic, drawn)):
            rng = numpy_rng(seed, "report samples", f"{kind} {name}")
            parts.append((kind, place, store, rng.permutation(np.flatnonzero(where))[:MOST]))
    arrays = {f"{kind}_means_{place}": _means(store, at) for kind, place, store, at in parts}
    found = {name: arrays[f"real_means_{place}"] for place, name in enumerate(classes)}
    channel = telling_channel({name: means for name, means in found.items() if len(means)})
    for kind, place, store, at in parts if len(real.shape) > 1 else ():
        maps = store.read(at[:MAPS])[:, channel]
        if maps.ndim == 4:  # of a volume the plane in the middle
            maps = maps[:, maps.shape[1] // 2]
        arrays[f"{kind}_maps_{place}"] = maps.astype(np.float16)
    with replacing_file(folder / ARRAYS) as beside, beside.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    about = {"block": real.block, "shape": list(real.shape), "classes": list(classes)}
    write_json(folder / ABOUT, about | {"channel": channel, "unfiltered": unfiltered})


def _means(store: FeatureStore, at: NDArray[np.intp]) -> Floats:
    """Means per channel (n, c), a few samples in memory at a time."""
    step = max(1, BATCH_BYTES // (4 * int(np.prod(store.shape))))
    means = [np.empty((0, store.shape[0]))]
    for start in range(0, len(at), step):
        batch = store.read(at[start : start + step]).astype(np.float64)
        means.append(batch.reshape(*batch.shape[:2], -1).mean(axis=2))
    return np.concatenate(means)


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
