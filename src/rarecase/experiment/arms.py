"""Every arm by its name: a recipe for the training set, and what is done to the probabilities.

A generator enters here, by a line of its own; nothing else needs to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from rarecase.errors import SettingError, nearest
from rarecase.experiment.posterior import Posterior, logit_adjusted, thresholded, unmoved
from rarecase.experiment.recipes import ClassWeight, Oversample, Plain, Recipe, Undersample
from rarecase.generators.base import Generator
from rarecase.generators.borrowed import Borrowed
from rarecase.generators.gaussian import Gaussian, GaussianMixture
from rarecase.generators.resampling import BorderlineSmote, Duplicates, Mixup, Remix, Smote


@dataclass(frozen=True)
class Arm:
    """One way to treat the imbalance. Arms of one recipe share its fits."""

    name: str
    recipe: Recipe
    posterior: Posterior = unmoved
    synthetic: bool = False


def _neural(module: str, name: str) -> Callable[[int], Generator]:
    """A generator of that name, imported when it is made: it needs PyTorch."""

    def make(seed: int) -> Generator:
        kind = getattr(import_module(f"rarecase.generators.{module}"), name)
        made: Generator = kind(random_state=seed)
        return made

    return make


def _oversampling(
    name: str,
    make: Callable[[int], Generator],
    *,
    synthetic: bool = True,
    agreeing: bool = False,
) -> Arm:
    return Arm(name, Oversample(make, agreeing=agreeing), synthetic=synthetic)


def make_arms() -> dict[str, Arm]:
    """All arms, in the order of tables: without samples, with real ones again, with made ones."""
    plain = Plain()
    arms = [
        Arm("none", plain),
        Arm("threshold", plain, thresholded),
        Arm("logit-adjustment", plain, logit_adjusted),
        Arm("class-weight", ClassWeight()),
        Arm("undersample", Undersample()),
        _oversampling("duplicates", lambda s: Duplicates(random_state=s), synthetic=False),
        _oversampling("smote", lambda s: Smote(random_state=s)),
        _oversampling("borderline-smote", lambda s: BorderlineSmote(random_state=s)),
        _oversampling("mixup", lambda s: Mixup(random_state=s)),
        _oversampling("remix", lambda s: Remix(random_state=s)),
        _oversampling("gaussian", lambda s: Gaussian(standardise=False, random_state=s)),
        _oversampling(
            "gaussian-mixture", lambda s: GaussianMixture(standardise=False, random_state=s)
        ),
        _oversampling("borrowed", lambda s: Borrowed(standardise=False, random_state=s)),
        _oversampling("acgan", _neural("acgan", "ACGAN"), agreeing=True),
        _oversampling("acgan-unfiltered", _neural("acgan", "ACGAN")),
        _oversampling("adcgan", _neural("adcgan", "ADCGAN")),
        _oversampling("wgan", _neural("wgan", "WGAN")),
        _oversampling("infogan", _neural("infogan", "InfoGAN")),
        _oversampling("cvae", _neural("cvae", "CVAE")),
        _oversampling("diffusion", _neural("diffusion", "Diffusion")),
    ]
    return {arm.name: arm for arm in arms}


def named_generator(name: str) -> Oversample:
    """The recipe of an arm that makes samples: its generator, and whether the paper's filter goes
    with it."""
    makers = {
        arm.name: arm.recipe
        for arm in make_arms().values()
        if arm.synthetic and isinstance(arm.recipe, Oversample)
    }
    if name not in makers:
        raise SettingError(f"generator {name!r} is unknown; {nearest(name, makers)}")
    return makers[name]


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
