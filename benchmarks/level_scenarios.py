"""Tables whose truth is known, and two arms fitted to them as the product fits arms.

15 Gaussian features (unless said otherwise), of which patients of the rare class are moved so that
the AUC of the best linear score is 0.70 (or 0.5: no signal). Folds, inner space, classifiers,
samplers and the test are the product's; amounts and penalty are fixed (classes balanced; C = 1), so
that a thousand data sets take minutes. Two arms are set side by side on five repeats of five folds,
two generator seeds each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from known_generators import TrueDistribution, direction
from scipy.stats import norm

from rarecase.cohort.splits import stratified_folds
from rarecase.evidence.fits import Fit
from rarecase.experiment.arm import Arm, Sampler
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.classifiers.registry import make_classifier
from rarecase.experiment.sampling import prepare
from rarecase.experiment.training_set import Coordinates, TrainingSet, split_off
from rarecase.features.feature_set import FeatureSet, make_features
from rarecase.seeds import derive, numpy_rng

FEATURES, REPEATS, FOLDS, SEEDS = 15, 5, 5, 2
SITES = 5
SIZES = {
    "10 of 60": (50, 10),
    "24 of 110": (86, 24),
    "76 of 285": (209, 76),
    "200 of 800": (600, 200),
    "80 of 800": (720, 80),
}
MIDDLE = ("24 of 110", "76 of 285")
ALL = ("10 of 60", *MIDDLE, "200 of 800")
Shape = Literal["normal", "skewed", "heavy"]


@dataclass(frozen=True)
class Scenario:
    """What data are like, and which two arms are compared.

    Parameters
    ----------
    auc
        Of the best linear score, were features normal.
    arm, control
        Samplers by name, none, or `true`, the distribution that the data come from.
    gain
        How much one more feature raises the AUC for the arm; the control sees as good as nothing
        in it.
    shared
        How many features are the same to both.
    repeats
        Of the five folds.
    amount
        How many times what classes lack is added.
    features
        How many.
    shape
        `skewed`: exp of normal ones; `heavy`: Student's t with three degrees of freedom.
    classifier
        By name.
    samples
        Of each patient, half of whose variance is the patient's.
    by_site
        Folds are sites, which differ in every feature and in the share of the rare class.
    sizes
        Names of `SIZES`.
    """

    auc: float
    arm: str | None
    control: str | None
    gain: float = 0.0
    shared: int | None = None
    repeats: int = REPEATS
    amount: float = 1.0
    features: int = FEATURES
    shape: Shape = "normal"
    classifier: str = "logistic"
    samples: int = 1
    by_site: bool = False
    sizes: tuple[str, ...] = ALL


SCENARIOS = {
    # Ten rare patients lack five times as many as a fold trains on: duplicates are all the same.
    "seeds": Scenario(0.70, "duplicates", "duplicates", sizes=ALL[1:]),
    "none": Scenario(0.50, "gaussian", None),
    "noise": Scenario(0.70, "gaussian", None),
    "half": Scenario(0.70, None, None, shared=7),
    "unlike": Scenario(0.70, None, None, shared=0),
    "half once": Scenario(0.70, None, None, shared=7, repeats=1),
    "unlike once": Scenario(0.70, None, None, shared=0, repeats=1),
    "noise once": Scenario(0.70, "gaussian", None, repeats=1),
    "true": Scenario(0.70, "true", "duplicates", amount=1.0),
    "much true": Scenario(0.70, "true", "duplicates", amount=8.0),
    "gain 0.05": Scenario(0.70, None, None, 0.05),
    "gain 0.10": Scenario(0.70, None, None, 0.10),
    "skewed": Scenario(0.50, "gaussian", None, shape="skewed", sizes=MIDDLE),
    "heavy": Scenario(0.50, "gaussian", None, shape="heavy", sizes=MIDDLE),
    "slices": Scenario(0.50, "gaussian", None, samples=3, sizes=MIDDLE),
    "sites": Scenario(0.50, "gaussian", None, by_site=True, repeats=1, sizes=MIDDLE),
    "lda": Scenario(0.50, "gaussian", None, classifier="lda", sizes=MIDDLE),
    "forest": Scenario(0.50, "gaussian", None, classifier="forest", sizes=MIDDLE[:1]),
    "worse by 0.02": Scenario(0.70, "undersample", None, sizes=("80 of 800",)),
    "better by 0.02": Scenario(
        0.70, "true", "duplicates", amount=1.2, features=40, sizes=("200 of 800",)
    ),
}


def shift_of(auc: float) -> float:
    """How far apart two Gaussians are whom a score tells apart with that AUC."""
    return float(norm.ppf(auc) * math.sqrt(2))


def draw(
    scenario: Scenario, size: tuple[int, int], seed: int
) -> tuple[list[FeatureSet], Any | None]:
    """What both arms see of one data set, and each patient's site, where folds are sites."""
    rng, (common, rare) = numpy_rng(seed, "level", *size), size
    y, d = np.repeat(["common", "rare"], [common, rare]), scenario.features
    is_rare = (y == "rare")[:, None]
    own = 0 if scenario.shared is None else d - scenario.shared
    X = rng.normal(size=(common + rare, d + own))
    if scenario.shape == "heavy":
        X /= np.sqrt(rng.chisquare(3, size=X.shape) / 3)
    X += is_rare * shift_of(scenario.auc) / math.sqrt(d)
    if scenario.shape == "skewed":
        X = np.exp(X)
    if own:
        return [make_features(each, y, rare="rare") for each in (X[:, :d], X[:, own:])], None
    if scenario.gain:
        return _gaining(X, y, scenario, rng), None
    site = None
    if scenario.by_site:
        # Every other rare patient lies where it may; the others in the first two sites.
        site = rng.integers(np.where(is_rare.ravel() & (rng.random(len(y)) < 0.5), 2, SITES))
        X += rng.normal(size=(SITES, d))[site]
    if scenario.samples > 1:
        who = np.repeat(np.arange(len(y)), scenario.samples)
        X, y = X[who] + rng.normal(size=(who.size, d)), y[who]
        return [make_features(X, y, groups=who, rare="rare")] * 2, site
    return [make_features(X, y, rare="rare")] * 2, site


def _gaining(X: Any, y: Any, scenario: Scenario, rng: np.random.Generator) -> list[FeatureSet]:
    # Shifts add up by their squares.
    both = shift_of(scenario.auc + scenario.gain) ** 2 - shift_of(scenario.auc) ** 2
    more, noise = rng.normal(size=(2, len(y), 1))
    told = np.concatenate([X, more + (y == "rare")[:, None] * math.sqrt(both)], axis=1)
    return [make_features(each, y, rare="rare") for each in (told, np.concatenate([X, noise], 1))]


def arm_of(features: FeatureSet, sampler: str | None, scenario: Scenario) -> Arm:
    if sampler == "true":
        shift = direction(shift_of(scenario.auc), scenario.features)
        return Arm("arm", Sampler(TrueDistribution(np.asarray(features.X), shift)))
    return Arm("arm", None if sampler is None else Sampler(sampler))


def trained(
    features: FeatureSet, arm: Arm, scenario: Scenario, *, train: Any, held: Any, seed: int
) -> tuple[TrainingSet, Any]:
    """The arm's training set of `train` patients, and samples of `held` ones in its space."""
    rows = [np.flatnonzero(np.isin(features.patient, who)) for who in (train, held)]
    part, mine = split_off(features, *rows, coordinates=Coordinates())
    count = {} if arm.sampler is None else part.missing(scenario.amount)
    return prepare(arm, part, seed=seed)(count), mine.X


def models_of(sets: list[TrainingSet], scenario: Scenario, *, seed: int) -> list[Any]:
    """A classifier of each training set; X → probabilities (n, 2)."""
    if scenario.classifier == "logistic":
        held = [(one.X, one.y, one.weight) for one in sets]
        return [model.predict_proba for (model,) in Logistic().fit_grid(held, [1.0])]
    which = make_classifier(scenario.classifier)
    return [
        which.fit(one, which.points[0], classes=2, random_state=derive(seed, i) % 2**32)
        for i, one in enumerate(sets)
    ]


def pooled(p: Any, features: FeatureSet, held: Any) -> Any:
    """The mean over samples of each of the patients `held`, whose samples are in order."""
    who = features.patient[np.isin(features.patient, held)]
    at = np.searchsorted(held, who)
    return np.stack([np.bincount(at, column) / np.bincount(at) for column in p.T], axis=1)


def fits(
    features: FeatureSet, sampler: str | None, scenario: Scenario, *, site: Any, seed: int,
    stream: int,
) -> list[Fit]:  # fmt: skip
    """An arm's predictions on repeats of five folds, for every generator seed."""
    label, found, repeats = features.label, [], scenario.repeats
    arm = arm_of(features, sampler, scenario)
    for number in range(1 if sampler is None else SEEDS):
        sets, parts = [], []
        for repeat in range(repeats):
            drawn = derive(seed, "folds", repeat)
            fold = stratified_folds(label, folds=FOLDS, seed=drawn) if site is None else site
            for f in range(FOLDS):
                train, held = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
                cell = derive(seed, stream, number, repeat, f)
                training, X = trained(features, arm, scenario, train=train, held=held, seed=cell)
                sets.append(training)
                parts.append((repeat, fold, held, X))
        models = models_of(sets, scenario, seed=derive(seed, stream, number))
        p = np.full((repeats, label.size, 2), np.nan)
        of = np.zeros((repeats, label.size), np.int64)
        for model, (repeat, fold, held, X) in zip(models, parts, strict=True):
            p[repeat, held], of[repeat] = pooled(model(X), features, held), fold
        who = np.arange(label.size)
        known = None if sampler is None else number
        found += [Fit(r, known, who, label, p[r], of[r]) for r in range(repeats)]
    return found
