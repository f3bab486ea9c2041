"""Arms on features: fit a classifier on a fold's training part, predict its test part.

`none` takes the real samples alone; `acgan` adds an amount of synthetic ones that the filter kept;
`duplicates:acgan`, its control, adds as many real ones of each class once more. Everything else is
the same for all arms, the seed included, so that only the samples differ.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning_fabric
import numpy as np
import pandas as pd

from rarecase.experiment.classifiers import Classifier
from rarecase.features.samples import Samples
from rarecase.features.store import FeatureStore
from rarecase.generators.filters import take_per_class
from rarecase.seeds import numpy_rng

log = logging.getLogger(__name__)
NONE, ACGAN, DUPLICATES = "none", "acgan", "duplicates"


@dataclass(frozen=True)
class Part:
    """A fold as an arm sees it: a store, and which of its rows train and which are tested."""

    store: FeatureStore
    train: np.ndarray
    test: np.ndarray

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """The class of each of `rows`."""
        return np.asarray(self.store.rows["label"].to_numpy()[rows], dtype=str)


@dataclass(frozen=True)
class Synthetic:
    """Synthetic samples and which of them may be used (`kept`); rows of the store have a label."""

    store: FeatureStore
    kept: np.ndarray

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """The class of each of `rows`."""
        return np.asarray(self.store.rows["label"].to_numpy()[rows], dtype=str)

    def take(self, amount: int, classes: Sequence[str]) -> np.ndarray:
        """Rows that make up `amount`, equally many of each class; fewer if too few were kept."""
        taken = take_per_class(self.store.rows["label"].to_numpy(), self.kept, amount, classes)
        for name, count in taken.missing.items():
            log.warning(
                "%d synthetic samples of class %s are missing from an amount of %d: the filter "
                "kept too few. Raise generator.made.", count, name, amount,
            )  # fmt: skip
        return np.asarray(taken.rows)


def duplicates(part: Part, labels: np.ndarray, *, seed: int) -> np.ndarray:
    """Real training rows once more, as many of each class as `labels` has: in random order, all of
    a class before any comes again."""
    real, chosen = part.labels(part.train), []
    for name, count in zip(*np.unique(labels, return_counts=True), strict=True):
        mine, rng = part.train[real == name], numpy_rng(seed, DUPLICATES, name)
        rounds = [rng.permutation(mine) for _ in range(-(-count // len(mine)))]
        chosen.append(np.concatenate(rounds)[:count])
    return np.concatenate([*chosen, np.empty(0, np.int64)]).astype(np.int64)


def sweep(
    part: Part,
    synthetic: Synthetic,
    *,
    arm: str = ACGAN,
    amounts: Sequence[int],
    control_at: int | None = None,
    classes: Sequence[str],
    seed: int = 0,
    make: Callable[[], Classifier],
    fabric: lightning_fabric.Fabric | None,
    checkpoints: Path,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One classifier for every amount of synthetic samples of `arm`; 0 is the arm `none`.

    At the amount `control_at` also one for its control, whose duplicates are drawn from `seed`.
    `classes` in the order in which they share out what does not divide (the rare one first).
    Returns predictions (arm, amount, threshold, the store's case, slice, patient, label, predicted,
    and p_<class>) for every test row, and the training histories (arm, amount, added, epoch, …).
    """
    predictions, histories = [], []
    about = part.store.rows.iloc[part.test]
    columns = ["case", "slice", "patient", "label", "predicted"]
    jobs: list[tuple[str, int, FeatureStore, np.ndarray]] = []
    for amount in amounts:
        added = synthetic.take(amount, classes)
        jobs.append((arm if amount else NONE, amount, synthetic.store, added))
        if amount and amount == control_at:
            copies = duplicates(part, synthetic.labels(added), seed=seed)
            jobs.append((f"{DUPLICATES}:{arm}", amount, part.store, copies))
    real = Samples(part.store, rows=part.train)  # read once for all of them
    if fabric is not None:
        real = real.on(fabric.device)
    for name, amount, source, extra_rows in jobs:
        extra = (source, source.rows["label"].to_numpy()[extra_rows].astype(str))
        classifier = make().fit(
            real,
            part.labels(part.train),
            extra=extra if len(extra_rows) else None,
            extra_rows=extra_rows if len(extra_rows) else None,
            checkpoint=checkpoints / f"{name.replace(':', '-')}-{amount}.safetensors",
            fabric=fabric,
        )
        chances = classifier.predict_proba(part.store, rows=part.test)
        table = about[columns].reset_index(drop=True)
        for place, label in enumerate(classifier.classes_):
            table[f"p_{label}"] = chances[:, place]
        threshold = 0.5 if len(classifier.classes_) == 2 else np.nan
        table.insert(0, "arm", name)
        table.insert(1, "amount", amount)
        table.insert(2, "added", len(extra_rows))
        table.insert(3, "threshold", threshold)
        predictions.append(table)
        history = classifier.history_.copy()
        history.insert(0, "arm", name)
        history.insert(1, "amount", amount)
        history.insert(2, "added", len(extra_rows))
        histories.append(history)
    return pd.concat(predictions, ignore_index=True), pd.concat(histories, ignore_index=True)
