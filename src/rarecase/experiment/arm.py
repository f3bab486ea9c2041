"""An arm as data: a sampler or none, how many samples, weights, what is done to the posterior."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, get_args

import numpy as np

from rarecase.errors import SettingError, nearest
from rarecase.generators.registry import KINDS
from rarecase.shown import Brief

AUGMENTATION = "augmentation"
SHARED = "arms"  # what the task of all arms that train no network is called
Weights = Literal["none", "balanced"]
Move = Literal["none", "threshold", "logit"]


@dataclass(frozen=True)
class Counts:
    """So many samples in all, equally many of each class; one classifier for each of `totals`. Only
    `planned` was fixed beforehand: it has a control and a verdict."""

    totals: tuple[int, ...]
    planned: int | None = None


@dataclass(frozen=True)
class Share:
    """This share of what each class lacks to be as frequent as the most frequent one."""

    x: float


@dataclass(frozen=True)
class Tuned:
    """The one of `shares` that does best on inner folds; without any, those of the design."""

    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class AsManyAs:
    """As many of each class as `arm` added, in every fold and for every seed: a control."""

    arm: str


Amount = Counts | Share | Tuned | AsManyAs


@dataclass(frozen=True, repr=False)
class Sampler(Brief):
    """Where added samples come from, or which are taken away.

    Parameters
    ----------
    kind
        A name of `generators.registry.KINDS`, `undersample`, `augmentation` (samples of augmented
        images, which features hold beside those of the images), or a sampler of imbalanced-learn
        (every `Generator` is one), unfitted.
    settings
        What the generator is made with, such as ``{"width": 64}`` (kept as pairs).
    filter
        Which samples are kept: a name of `generators.filters`, None for all.
    seeds
        Fits from so many seeds; None: as many as the design says.
    on
        ``images``: the generator learns images, whose features are then taken.
    """

    kind: Any
    settings: Any = ()
    filter: str | None = None
    seeds: int | None = None
    on: Literal["features", "images"] = "features"

    def __post_init__(self) -> None:
        if isinstance(self.settings, dict):
            object.__setattr__(self, "settings", tuple(sorted(self.settings.items())))
        known = (*KINDS, "undersample", AUGMENTATION)
        if isinstance(self.kind, str) and self.kind not in known:
            raise SettingError(f"sampler {self.kind!r} is unknown; {nearest(self.kind, known)}")
        if not isinstance(self.kind, str) and not hasattr(self.kind, "fit_resample"):
            raise SettingError(
                f"sampler: expected a generator's name or a sampler with fit_resample, got "
                f"{self.kind!r}."
            )


@dataclass(frozen=True, repr=False)
class Arm(Brief):
    """One way to treat imbalance. Arms of equal `sampler`, `weights` and `test_copies` share their
    fits.

    Parameters
    ----------
    name
        What tables and folders call it: letters, digits, ``.:_+-`` and blanks; nothing is ever
        read out of it.
    sampler, amount
        What is added and how much; ``amount`` may be ``"tuned"``. None: as the design says.
    weights
        ``balanced``: every class weighs the same.
    posterior
        ``threshold``: the tuned threshold is moved to one half; ``logit``: logit adjustment.
    synthetic
        Whether it adds samples that are not real ones: it then gets a control and a verdict.
    control_of
        The arm whose control it is.
    selects
        Whether it is, in every fold, whichever of the others inner folds prefer.
    test_copies
        Over so many copies of a test sample its probabilities are averaged, the first as it is,
        the others of augmented images (test-time augmentation).

    Raises
    ------
    SettingError
        An unknown amount, weight or move.
    """

    name: str
    sampler: Any = None
    amount: Any = None
    weights: Weights = "none"
    posterior: Move = "none"
    synthetic: bool = False
    control_of: str | None = None
    selects: bool = False
    test_copies: int = 1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.:+ -]+", self.name) or self.name == SHARED:
            raise SettingError(
                f"arm {self.name!r}: expected a name of letters, digits and .:_+- other than "
                f"{SHARED!r}, since folders are called by it."
            )
        if self.sampler is not None and not isinstance(self.sampler, Sampler):
            object.__setattr__(self, "sampler", Sampler(self.sampler))
        if isinstance(self.amount, str):
            if self.amount != "tuned":
                raise SettingError(
                    f"amount of arm {self.name!r}: expected 'tuned', Counts, Share, Tuned or "
                    f"AsManyAs, got {self.amount!r}."
                )
            object.__setattr__(self, "amount", Tuned())
        for field, known in (("weights", get_args(Weights)), ("posterior", get_args(Move))):
            if (value := getattr(self, field)) not in known:
                raise SettingError(
                    f"{field} of arm {self.name!r}: expected {' or '.join(known)}, got {value!r}."
                )
        if self.test_copies < 1:
            raise SettingError(f"test_copies of arm {self.name!r}: expected 1 or more.")
        if self.synthetic and self.sampler is None:
            raise SettingError(f"arm {self.name!r}: synthetic, but it has no sampler.")

    @property
    def fits(self) -> tuple[Any, str, int]:
        """What its fits depend on; arms that are equal here share them."""
        return (self.sampler, self.weights, self.test_copies)


def control_of(arm: Arm) -> Arm:
    """The control of a synthetic arm: as many copies of real samples of each class as it added.

    >>> control_of(Arm("smote", Sampler("smote"), synthetic=True)).name
    'duplicates:smote'
    """
    return Arm(
        f"duplicates:{arm.name}", Sampler("duplicates"), AsManyAs(arm.name),
        weights=arm.weights, posterior=arm.posterior, control_of=arm.name,
        test_copies=arm.test_copies,
    )  # fmt: skip


def identity(thing: Any) -> str | None:
    """A digest of what a thing is: its class and parameters, never its name, place or repr. None
    for what cannot be told, which runs but does not resume.

    >>> identity(Sampler("smote")) == identity(Sampler("smote")) != identity(Sampler("mixup"))
    True
    >>> identity(lambda x: x) is None
    True
    """
    try:
        text = json.dumps(described(thing), sort_keys=True)
    except TypeError:
        return None
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def described(thing: Any) -> Any:
    """A thing by its class and parameters, as JSON can hold it; `TypeError` where it has none."""
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or isinstance(thing, str | int | float | bool):
        return thing
    if isinstance(thing, list | tuple):
        return [described(each) for each in thing]
    if isinstance(thing, dict):
        return {str(key): described(value) for key, value in thing.items()}
    kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
    if hasattr(thing, "get_params"):
        return [kind, described(thing.get_params(deep=False))]
    if is_dataclass(thing) and not isinstance(thing, type):
        return [kind, {part.name: described(getattr(thing, part.name)) for part in fields(thing)}]
    raise TypeError(f"{thing!r} has no parameters")
