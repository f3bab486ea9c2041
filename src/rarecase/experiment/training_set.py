"""A fold's training part, inner folds of it, and the training set that an arm makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rarecase.arrays import Floats, Ints
from rarecase.cohort.splits import stratified_folds
from rarecase.errors import DataError
from rarecase.experiment.arm import Amount, Counts, Share, Tuned
from rarecase.features.feature_set import FeatureSet
from rarecase.features.samples import Joined, Samples
from rarecase.features.standardise import Origin, Space
from rarecase.seeds import derive

Features = Floats | Samples
ComBat = Literal["none", "refuse", "unchanged", "inner"]
Number = dict[int, int]  # samples to add, by class index


@dataclass(frozen=True, eq=False)
class TrainingPart:
    """Real training samples."""

    X: Features  # vectors (n, d) in the fold's space, or `Samples` of a store, as they are
    y: Ints  # class indices (n,)
    patient: Ints  # patient indices (n,)
    classes: int  # how many
    rare: int  # class index
    space: Space | None = None  # that of the vectors
    copies: Floats | None = None  # of augmented images (copies, n, d), in the same space

    @property
    def counts(self) -> Ints:
        """Samples of each class (classes,)."""
        return np.bincount(self.y, minlength=self.classes)

    def missing(self, share: float) -> Number:
        """How many samples each class gets: that share of what it lacks to be as frequent as the
        most frequent class (1: balanced).

        >>> part = TrainingPart(np.zeros((4, 1)), np.array([0, 0, 0, 1]), np.arange(4), 2, 1)
        >>> part.missing(1.0), part.missing(0.5)
        ({0: 0, 1: 2}, {0: 0, 1: 1})
        """
        lacking = self.counts.max() - self.counts
        return {c: round(share * int(n)) for c, n in enumerate(lacking)}

    def shared_out(self, total: int) -> Number:
        """`total` samples, equally many of each class; what does not divide goes to the rare class,
        then to the others in order.

        >>> TrainingPart(np.zeros((3, 1)), np.arange(3), np.arange(3), 3, 1).shared_out(5)
        {1: 2, 0: 2, 2: 1}
        """
        share, rest = divmod(total, self.classes)
        order = [self.rare, *(c for c in range(self.classes) if c != self.rare)]
        return {c: share + (place < rest) for place, c in enumerate(order)}


@dataclass(frozen=True, eq=False)
class Held:
    """Samples to predict (n, …), in the space of a training part, and of augmented images the same
    (copies, n, d)."""

    X: Features
    copies: Floats | None = None

    def predicted(self, fitted: Callable[[Features], Floats], *, copies: int) -> Floats:
        """Probabilities (n, classes); the mean over each sample and `copies` − 1 augmented ones."""
        p = fitted(self.X)
        if copies == 1:
            return p
        assert self.copies is not None
        others = [fitted(each) for each in self.copies[: copies - 1]]
        return np.asarray(np.mean([p, *others], axis=0))


@dataclass(frozen=True, eq=False)
class InnerFold:
    """A training part in its own space, the real samples that count of those held out, and the
    patient of each."""

    part: TrainingPart
    held: Held
    patient: Ints


@dataclass(frozen=True)
class Coordinates:
    """How vectors come to a classifier: rotated into the span of the training rows where these are
    fewer than features, gaps filled in, sites harmonised; of a site that does not train rows are
    refused, or taken unchanged; within an inner fold, which has fewer patients of each, also those
    of a site with too few."""

    rotate: bool = True
    fill: bool = True
    combat: ComBat = "none"


def split_off(
    features: FeatureSet, train: Ints, held: Ints, *, coordinates: Coordinates
) -> tuple[TrainingPart, Held]:
    """The training part of samples `train`, and samples `held` in its space: vectors are
    standardised by the training samples, maps stay as they are."""
    X: Features
    found: Held
    space = copies = None
    if isinstance(features.X, np.ndarray):
        mine, theirs = (_origin(features, rows, coordinates.combat) for rows in (train, held))
        space, X = Space.learn(
            features.X[train], features.columns, rotate=coordinates.rotate, fill=coordinates.fill,
            origin=mine,
        )  # fmt: skip
        found = Held(space(features.X[held], theirs))
        if features.copies:
            copies, others = (
                np.stack([space(each[rows], origin) for each in features.copies])
                for rows, origin in ((train, mine), (held, theirs))
            )
            found = replace(found, copies=others)
    else:
        X, found = Samples(features.X, rows=train), Held(Samples(features.X, rows=held))
    y, who = features.y[train], features.patient[train]
    return TrainingPart(X, y, who, len(features.classes), features.rare, space, copies), found


def _origin(features: FeatureSet, rows: Ints, combat: ComBat) -> Origin | None:
    if combat == "none":
        return None
    sites = features.rows["site"].iloc[rows]
    if sites.isna().any():
        who = features.patients[features.patient[rows[int(sites.isna().to_numpy().argmax())]]]
        raise DataError(f"combat: the site of patient {who!r} is not known; name it, or leave it.")
    unknown: Literal["refuse", "unchanged"] = "refuse" if combat == "refuse" else "unchanged"
    few: Literal["refuse", "unchanged"] = "unchanged" if combat == "inner" else "refuse"
    return Origin(features.patient[rows].tolist(), sites.tolist(), unknown, few)


def cell_seed(seed: int, repeat: int, fold: int) -> int:
    """What an outer fold draws from, in an experiment of that seed."""
    return derive(seed, "cell", repeat, fold)


def inner_seed(seed: int, repeat: int, fold: int) -> int:
    """What the inner folds of an outer one are drawn from, in an experiment of that seed."""
    return derive(cell_seed(seed, repeat, fold), "inner folds")


def inner_split(label: Ints, *, classes: int, folds: int, seed: int) -> Ints | None:
    """The inner fold of each training patient of class `label` (n,), in as many folds as the
    smallest class allows. None where it has fewer than three patients: a generator needs two to
    learn from."""
    fewest = int(np.bincount(label, minlength=classes).min())
    if fewest < 3:
        return None
    return stratified_folds(label, folds=3 if fewest == 3 else min(folds, fewest), seed=seed)


def inner_folds(
    features: FeatureSet, patients: Ints, *, folds: int, seed: int, coordinates: Coordinates
) -> list[InnerFold]:
    """Inner folds of the training `patients` (see `inner_split`); none where there can be none."""
    label, classes = features.label[patients], len(features.classes)
    fold = inner_split(label, classes=classes, folds=folds, seed=seed)
    if fold is None or features.nested is None:
        return []
    found, counts = [], features.counted
    if coordinates.combat != "none":
        coordinates = replace(coordinates, combat="inner")
    for number in range(int(fold.max()) + 1):
        out = patients[fold == number]
        seen = features.for_inner(number, [features.patients[who] for who in out])
        train = np.flatnonzero(np.isin(features.patient, patients[fold != number]))
        held = np.flatnonzero(np.isin(features.patient, out) & counts)
        part, mine = split_off(seen, train, held, coordinates=coordinates)
        found.append(InnerFold(part, mine, features.patient[held]))
    return found


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What a classifier is fitted to: real samples of the training part, then the added ones."""

    X: Features | Joined
    y: Ints  # class indices (n,)
    weight: Floats | None  # of each sample (n,); None: all 1
    real: int  # how many of the samples, the first
    added: Number

    @property
    def size(self) -> int:
        """Samples that were added."""
        return sum(self.added.values())


def joined(part: TrainingPart, X: Features, y: Ints) -> TrainingSet:
    """The real samples of `part` and added ones `X` of classes `y`."""
    if not len(y):
        return TrainingSet(part.X, part.y, None, len(part.y), {})
    both: Features | Joined
    if isinstance(part.X, Samples):
        both = Joined(part.X, X if isinstance(X, Samples) else Samples(X))
    else:
        both = np.concatenate([part.X, X.array() if isinstance(X, Samples) else X])
    added = {c: int(n) for c, n in enumerate(np.bincount(y)) if n}
    return TrainingSet(both, np.concatenate([part.y, y]), None, len(part.y), added)


def balanced_weights(training: TrainingSet, classes: int) -> Floats:
    """Every class weighs the same, all samples together as much as without weights (n,)."""
    counts = np.bincount(training.y, minlength=classes)
    weight: Floats = (len(training.y) / (classes * np.maximum(counts, 1)))[training.y]
    return weight


@dataclass(frozen=True)
class Request:
    """One amount of an arm in a fold."""

    name: str  # in the table
    counts: Number
    level: float = 0.0  # that inner folds tune at
    planned: bool = True  # fixed beforehand

    @property
    def size(self) -> int:
        return sum(self.counts.values())


def requests(amount: Amount | None, part: TrainingPart, *, share: float) -> list[Request]:
    """What an amount comes to in a fold, a request for each of its totals; `share`: as tuned."""
    if amount is None:
        return [Request("0", {})]
    if isinstance(amount, Counts):
        return [
            Request(str(n), part.shared_out(n), n / len(part.y), n == amount.planned)
            for n in amount.totals
            if n
        ]
    if isinstance(amount, Share):
        return [Request(f"{100 * amount.x:g}%", part.missing(amount.x), amount.x)]
    return [Request("tuned", part.missing(share), share)]


def levels_of(amount: Amount | None, shares: Sequence[float], *, size: int) -> tuple[float, ...]:
    """What inner folds try of an amount (see `at_level`): shares of what classes lack; totals as
    multiples of the `size` of the training part; (0.0,) where nothing is added."""
    if isinstance(amount, Counts):
        return tuple(total / size for total in amount.totals if total)
    if isinstance(amount, Tuned):
        return tuple(amount.shares or shares)
    return (amount.x,) if isinstance(amount, Share) else (0.0,)


def at_level(part: TrainingPart, amount: Amount | None, level: float) -> Number:
    """How many samples of each class a level comes to in a training part."""
    if isinstance(amount, Counts):
        return part.shared_out(round(level * len(part.y)))
    return part.missing(level)
