"""From a fold's real samples to training sets: as they are, weighted, fewer, or more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import clone

from rarecase.arrays import Bools, Ints
from rarecase.errors import DataError, SettingError
from rarecase.experiment.arm import AUGMENTATION, Arm, Sampler
from rarecase.experiment.training_set import (
    TrainingPart,
    TrainingSet,
    balanced_weights,
    joined,
)
from rarecase.features.samples import Samples
from rarecase.generators.base import Generator
from rarecase.generators.collapse import collapses_said_once
from rarecase.generators.filters import kept_of
from rarecase.generators.registry import KINDS, make_generator
from rarecase.seeds import derive, numpy_rng

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore

log = logging.getLogger(__name__)
MORE = 4  # times as many are generated at most where a filter may refuse some
Sets = Callable[[Mapping[int, int]], TrainingSet]
"""From numbers to add of each class to a training set."""


@dataclass(frozen=True)
class Synthetic:
    """Samples that a step generated: a store, which of them may be used, their class indices."""

    store: FeatureStore
    kept: Bools
    y: Ints


Given = Synthetic | str
"""Samples that a step generated, or why it could not."""


def prepare(arm: Arm, part: TrainingPart, *, seed: int, given: Given | None = None) -> Sets:
    """Fit the arm's sampler to `part`, drawing from `seed`; what comes back makes a training set of
    any number. `given`: samples of this sampler and seed that are there already, or why not."""
    sets = _sets(arm.sampler, part, seed=seed, given=given)
    if arm.weights == "none":
        return sets

    def weighted(counts: Mapping[int, int]) -> TrainingSet:
        training = sets(counts)
        return replace(training, weight=balanced_weights(training, part.classes))

    return weighted


def adds(sampler: Sampler | None) -> bool:
    """Whether it adds samples, and so has an amount."""
    if sampler is None or sampler.kind == "undersample":
        return False
    return isinstance(sampler.kind, str | BaseOverSampler)


def _sets(sampler: Sampler | None, part: TrainingPart, *, seed: int, given: Given | None) -> Sets:
    if sampler is None:
        return lambda counts: TrainingSet(part.X, part.y, None, len(part.y), {})
    if isinstance(given, str):
        raise DataError(given)
    if given is not None:
        return lambda counts: _taken(part, given, counts)
    if sampler.kind == "undersample":
        return _undersampled(part, seed=seed)
    seed = derive(seed, "generator") % 2**32
    if sampler.kind == AUGMENTATION:
        return _augmented(part, seed=seed)
    if sampler.kind == "duplicates" and isinstance(part.X, Samples):
        return _copies(part, part.X, seed=seed)
    if isinstance(sampler.kind, str | Generator):
        return _generated(sampler, part, seed=seed)
    return _resampled(sampler, part, seed=seed)


def _generated(sampler: Sampler, part: TrainingPart, *, seed: int) -> Sets:
    if sampler.on == "images":
        raise SettingError(
            "a generator of images needs a study and counts (--amounts), and no inner folds: "
            "features alone hold no images."
        )
    generator = new_generator(sampler, seed=seed, standardised=not isinstance(part.X, Samples))
    trained = isinstance(sampler.kind, str) and KINDS[sampler.kind].trained
    with collapses_said_once() if trained else nullcontext():
        # They are checked, and scikit-learn's checks take as long as a fit.
        X = part.X if isinstance(part.X, Samples) else Samples(part.X)
        generator.fit(X, part.y, groups=part.patient)

    def of(counts: Mapping[int, int]) -> TrainingSet:
        wanted = {c: n for c, n in counts.items() if n}
        if sampler.filter is None:
            return joined(part, *generator.sample(wanted))
        X, y = generator.sample({c: MORE * n for c, n in wanted.items()})
        kept = kept_of(
            sampler.filter, part.X, part.y, X, y, groups=part.patient,
            agrees=partial(generator.agreement, X, y),
        )  # fmt: skip
        taken = _first(kept, y, wanted)
        return joined(part, X[taken], y[taken])

    return of


def _first(kept: Bools, y: Ints, counts: Mapping[int, int]) -> Ints:
    """The first samples of each class that were kept, class by class; numbers nest."""
    rows = [np.flatnonzero(kept & (y == c))[:n] for c, n in counts.items()]
    return np.concatenate([*rows, np.empty(0, np.int64)])


def new_generator(sampler: Sampler, *, seed: int, standardised: bool) -> Any:
    """The sampler's generator, unfitted. `standardised`: its samples will be, so that it need not
    do it again."""
    if not isinstance(sampler.kind, str):
        params = {"random_state": seed} if "random_state" in sampler.kind.get_params() else {}
        return clone(sampler.kind).set_params(**params)
    generator = make_generator(sampler.kind, settings=dict(sampler.settings), random_state=seed)
    said = "standardise" in dict(sampler.settings)
    if standardised and not said and "standardise" in generator.get_params():
        generator.set_params(standardise=False)
    return generator


def _taken(part: TrainingPart, given: Synthetic, counts: Mapping[int, int]) -> TrainingSet:
    taken = np.sort(_first(given.kept, given.y, counts))
    for c, n in counts.items():
        if lost := n - int((given.y[taken] == c).sum()):
            log.warning(
                "%d of %d synthetic samples of class %s are missing: the filter kept too few. "
                "Raise generator.samples.", lost, n, given.store.rows["label"][given.y == c].iat[0],
            )  # fmt: skip
    return joined(part, Samples(given.store, rows=taken), given.y[taken])


def _undersampled(part: TrainingPart, *, seed: int) -> Sets:
    """As many samples of every class as the rarest has, drawn at random."""
    rng, fewest = numpy_rng(seed, "undersample"), part.counts.min()
    of_class = [np.flatnonzero(part.y == c) for c in range(part.classes)]
    rows = np.sort(np.concatenate([rng.choice(o, size=fewest, replace=False) for o in of_class]))
    X = part.X.only(rows) if isinstance(part.X, Samples) else part.X[rows]
    return lambda counts: TrainingSet(X, part.y[rows], None, len(rows), {})


def _copies(part: TrainingPart, samples: Samples, *, seed: int) -> Sets:
    """Duplicates of samples that are read when they are needed: their numbers are copied."""
    generator = make_generator("duplicates", settings={}, random_state=seed)
    generator.fit(np.arange(float(len(samples)))[:, None], part.y)

    def of(counts: Mapping[int, int]) -> TrainingSet:
        numbers, y = generator.sample({c: n for c, n in counts.items() if n})
        return joined(part, samples.only(numbers[:, 0].astype(np.int64)), y)

    return of


def _augmented(part: TrainingPart, *, seed: int) -> Sets:
    """Samples of augmented images of the same patients, all of a class before any comes again."""
    if part.copies is None:
        raise SettingError("augmentation: these features hold no copies of augmented images.")
    flat = part.copies.reshape(-1, part.copies.shape[-1])
    generator = make_generator("duplicates", settings={}, random_state=seed)
    generator.fit(np.arange(float(len(flat)))[:, None], np.tile(part.y, len(part.copies)))

    def of(counts: Mapping[int, int]) -> TrainingSet:
        numbers, y = generator.sample({c: n for c, n in counts.items() if n})
        return joined(part, flat[numbers[:, 0].astype(np.int64)], y)

    return of


def _resampled(sampler: Sampler, part: TrainingPart, *, seed: int) -> Sets:
    """A sampler of imbalanced-learn of the caller's own."""
    if isinstance(part.X, Samples):
        raise SettingError(
            f"{type(sampler.kind).__name__} resamples vectors, and these features are maps: take a "
            "Generator, or a classifier of vectors."
        )
    resample = new_generator(sampler, seed=seed, standardised=True)
    real = part.X

    def of(counts: Mapping[int, int]) -> TrainingSet:
        if not adds(sampler):
            X, y = resample.fit_resample(real, part.y)
            return TrainingSet(X, y, None, len(y), {})
        wanted = {c: int(part.counts[c]) + n for c, n in counts.items()}
        X, y = resample.set_params(sampling_strategy=wanted).fit_resample(real, part.y)
        return joined(part, X[len(real) :], y[len(real) :])

    return of
