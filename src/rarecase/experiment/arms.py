"""Every arm by its name: a recipe for the training set, and what is done to the probabilities.

A generator is an arm by its line in `generators.registry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rarecase.errors import SettingError, nearest
from rarecase.experiment.posterior import Posterior, logit_adjusted, thresholded, unmoved
from rarecase.experiment.recipes import ClassWeight, Oversample, Plain, Recipe, Undersample
from rarecase.generators.base import Generator
from rarecase.generators.registry import KINDS, Kind, make_generator


@dataclass(frozen=True)
class Arm:
    """One way to treat the imbalance. Arms of one recipe share its fits."""

    name: str
    recipe: Recipe
    posterior: Posterior = unmoved
    synthetic: bool = False


def _generating(kind: Kind, *, name: str | None = None, agreeing: bool = False) -> Arm:
    """The arm of a generator: `compare` has standardised before it."""
    settings = {"standardise": False} if kind.standardises else {}

    def make(seed: int) -> Generator:
        return make_generator(kind.name, settings=settings, random_state=seed)

    recipe = Oversample(make, agreeing=agreeing)
    return Arm(name or kind.name, recipe, synthetic=kind.synthetic)


def make_arms() -> dict[str, Arm]:
    """All arms, in the order of tables: without samples, with real ones again, with made ones."""
    plain = Plain()
    arms = [
        Arm("none", plain),
        Arm("threshold", plain, thresholded),
        Arm("logit-adjustment", plain, logit_adjusted),
        Arm("class-weight", ClassWeight()),
        Arm("undersample", Undersample()),
    ]
    for kind in KINDS.values():
        agreeing = kind.filter == "agreement"
        arms.append(_generating(kind, agreeing=agreeing))
        if agreeing:
            arms.append(_generating(kind, name=f"{kind.name}-unfiltered"))
    return {arm.name: arm for arm in arms}


def pick_arms(names: Sequence[str | Arm]) -> list[Arm]:
    """The arms of these names, in their order, `none` and `duplicates` always among them: they are
    what the others are measured against. An `Arm` of one's own goes through as it is.

    >>> [arm.name for arm in pick_arms(["smote"])]
    ['none', 'duplicates', 'smote']
    """
    known = make_arms()
    picked: dict[str, Arm] = {}
    for each in [names] if isinstance(names, str) else names:
        arm = each if isinstance(each, Arm) else known.get(each)
        if arm is None:
            raise SettingError(f"arms: {each!r} is unknown; {nearest(str(each), known)}")
        if arm.name in picked:
            raise SettingError(f"arms: {arm.name!r} stands twice.")
        picked[arm.name] = arm
    controls = {name: picked.pop(name, known[name]) for name in ("none", "duplicates")}
    first = [name for name in known if name in controls or name in picked]
    ordered = {name: (controls | picked)[name] for name in first}
    return list((ordered | picked).values())
