"""What is fitted in every fold of a feature set by one classifier, and the tasks it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rarecase.errors import SettingError
from rarecase.experiment.arm import SHARED, Amount, Arm, AsManyAs, Counts, Tuned, identity
from rarecase.experiment.arms import REFERENCE, is_trained, pick_arms
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.classifiers.registry import make_classifier
from rarecase.experiment.sampling import adds
from rarecase.experiment.training_set import ComBat, Coordinates
from rarecase.features.feature_set import FeatureSet
from rarecase.generators.filters import check_name
from rarecase.generators.registry import make_generator
from rarecase.numbers import plainly
from rarecase.shown import Brief

SHARES, LARGEST = (0.5, 1.0, 2.0), 100.0


@dataclass(frozen=True, repr=False)
class Design(Brief):
    """Arms and a classifier, and how they are tuned.

    Parameters
    ----------
    arms
        In the order of tables; the reference `none` among them.
    classifier
        What is fitted.
    shares
        Of what a class lacks, to choose from where an amount is tuned.
    inner, seeds
        Inner folds; fits of every sampler that is random.
    seed
        Everything random derives from it.
    rare_patients
        Train with so many rare patients only (the scarcity curve).
    combat
        Whether features are harmonised between the sites of training patients, and what becomes of
        patients of another site.
    """

    arms: tuple[Arm, ...]
    classifier: Classifier
    shares: tuple[float, ...] = SHARES
    inner: int = 3
    seeds: int = 2
    seed: int = 0
    rare_patients: int | None = None
    combat: ComBat = "none"

    def tasks(self) -> dict[str, tuple[Arm, ...]]:
        """Arms that are computed together, by a name: all that train no network in one, unless the
        classifier does; every other by itself."""
        alone = [arm for arm in self.arms if self.classifier.lazy or is_trained(arm)]
        shared = tuple(arm for arm in self.arms if arm not in alone)
        found = {SHARED: shared} if shared else {}
        return found | {arm.name: (arm,) for arm in alone}

    def seeds_of(self, arm: Arm) -> list[int | None]:
        """The seeds of an arm's fits; None alone where it draws nothing."""
        if arm.sampler is None:
            return [None]
        return list(range(arm.sampler.seeds or self.seeds))

    def tuned(self, arm: Arm) -> bool:
        """Whether anything of an arm is chosen on inner folds."""
        several = isinstance(arm.amount, Tuned) and len(arm.amount.shares or self.shares) > 1
        return self.classifier.tune_threshold or several or len(self.classifier.points) > 1

    @property
    def coordinates(self) -> Coordinates:
        """How vectors come to the classifier, the same to all arms; a sampler needs values."""
        samples = any(arm.sampler is not None for arm in self.arms)
        fill = samples or not self.classifier.takes_missing
        return Coordinates(self.classifier.rotate, fill, self.combat)

    def skipped(self, arm: Arm, features: FeatureSet) -> str | None:
        """Why an arm cannot be fitted to these features; None where it can."""
        if arm.posterior == "threshold" and not self.classifier.tune_threshold:
            return f"{self.classifier.name} tunes no threshold (classifier.tune_threshold)"
        if arm.weights != "none" and not self.classifier.takes_weights:
            return f"{self.classifier.name} takes no sample_weight"
        if arm.sampler is not None and arm.sampler.on == "images" and not features.maps:
            return "an arm of images needs feature maps"
        if arm.test_copies > len(features.copies) + 1:
            return "there are no features of augmented images"
        return None

    @property
    def digest(self) -> str | None:
        """What resuming goes by; None where an arm or the classifier is the caller's own and cannot
        be told from others of its kind."""
        return identity(self)


def make_design(
    arms: Sequence[str | Arm],
    *,
    classifier: str | Classifier | Any = "logistic",
    amounts: Sequence[float] | Counts = SHARES,
    inner: int = 3,
    seeds: int = 2,
    seed: int = 0,
    combat: ComBat = "none",
) -> Design:
    """A design, checked. Arms that add samples and say no amount take `amounts`: shares to choose
    from, or counts. Raises `SettingError`."""
    rule: Amount = amounts if isinstance(amounts, Counts) else Tuned()
    counted = isinstance(amounts, Counts)
    given = SHARES if counted else np.atleast_1d(np.asarray(amounts, dtype=np.float64)).tolist()
    shares = tuple(sorted(given))
    if not shares or not all(0 < share <= LARGEST for share in shares):
        raise SettingError(
            f"amounts: expected shares above 0 and up to {plainly(LARGEST)} of what a class lacks "
            f"to be as frequent as the largest, got {list(shares)}."
        )
    if inner < 2 or seeds < 1:
        raise SettingError(f"inner, seeds: expected at least 2 and 1, got {inner}, {seeds}.")
    # Counts are for classifiers that take their time: copies are then fitted as controls alone.
    found = make_classifier(classifier)
    # What trains for long has a task for each arm, and none that knows the others.
    picked = [
        _checked(arm, rule)
        for arm in pick_arms(arms, copies=not counted)
        if not (arm.selects and found.lazy)
    ]
    return Design(
        tuple(picked), found, shares=shares, inner=inner, seeds=seeds, seed=seed, combat=combat
    )


def _checked(arm: Arm, rule: Amount) -> Arm:
    """The arm with its amount. Settings and filters that there are not are said now, not as a
    failure of every fold."""
    sampler = arm.sampler
    if sampler is not None and sampler.filter is not None:
        check_name(sampler.filter)
    if sampler is not None and sampler.settings and isinstance(sampler.kind, str):
        make_generator(sampler.kind, settings=dict(sampler.settings))
    if isinstance(arm.amount, AsManyAs):
        raise SettingError(
            f"arm {arm.name!r}: AsManyAs is the amount of controls, and every synthetic arm gets "
            "its own. Give it Share, Counts or Tuned."
        )
    if not adds(arm.sampler):
        return arm if arm.amount is None else replace(arm, amount=None)
    plain = arm.amount is None or arm.amount == Tuned()
    return replace(arm, amount=rule) if plain else arm


def reference_alone(design: Design) -> Design:
    """The same with the reference arm and nothing else."""
    arms = tuple(arm for arm in design.arms if arm.name == REFERENCE)
    return replace(design, arms=arms, seeds=1, rare_patients=None)
