"""Every generator by its name. Adding one is a file of its own and a line here: the command line,
the experiment's arms, the documentation's table and the contract suite read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rarecase.errors import DataError, SettingError, nearest

if TYPE_CHECKING:
    from rarecase.generators.base import Generator


@dataclass(frozen=True)
class Kind:
    """A generator, imported when it is needed."""

    name: str
    target: str  # its class as "module:Class", of a module of this package
    text: str  # what it generates, and where that comes from
    trained: bool  # whether it trains a network, and needs PyTorch
    synthetic: bool = True  # whether it generates anything new, and gets a verdict
    filter: str | None = None  # the one that goes with it in its source
    settings: tuple[tuple[str, Any], ...] = ()  # what it is made with unless told otherwise
    cites: tuple[str, ...] = ()  # keys of its sources in report/manuscript/references.bib

    @property
    def module(self) -> str:
        return f"rarecase.generators.{self.target.split(':')[0]}"

    @property
    def class_name(self) -> str:
        return self.target.split(":")[1]

    def load_class(self) -> type[Generator]:
        """The class itself; imports what it needs."""
        return cast("type[Generator]", getattr(import_module(self.module), self.class_name))


_closed, _trained = partial(Kind, trained=False), partial(Kind, trained=True)
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _closed("duplicates", "resampling:Duplicates",
                "real samples once more: the control, no generator", synthetic=False),
        _closed("smote", "resampling:Smote",
                "points between neighbours of a class (Chawla et al. 2002, by imbalanced-learn)",
                cites=("chawla2002",)),
        _closed("borderline-smote", "resampling:BorderlineSmote",
                "the same near the border to other classes (Han et al. 2005, by imbalanced-learn)",
                cites=("han2005",)),
        _closed("mixup", "resampling:Mixup",
                "mixtures of two samples of a class (Zhang et al. 2018, within a class)",
                cites=("zhang2018",)),
        _closed("remix", "resampling:Remix",
                "mixtures with a frequent class, called the rarer one (Chou et al. 2020)",
                cites=("chou2020",)),
        _closed("gaussian", "gaussian:Gaussian",
                "a Gaussian per class, covariance shrunk to the pooled one (Ledoit, Wolf 2004)",
                cites=("ledoit2004",)),
        _closed("gaussian-mixture", "gaussian:GaussianMixture", "up to four Gaussians per class",
                cites=("ledoit2004",)),
        _closed("borrowed", "borrowed:Borrowed", "the class's mean with deviations of its and the "
                "common class's patients (after Yin et al. 2019)",
                cites=("yin2019", "schwartz2018")),
        _trained("acgan", "acgan:ACGAN", "the paper's ACGAN with its filter: convolutional for "
                 "maps, perceptrons for vectors (arXiv 2209.14097)", filter="agreement",
                 cites=("mehra2022", "odena2017")),
        _trained("adcgan", "adcgan:ADCGAN",
                 "a GAN whose classifier also tells real from synthetic (Hou et al. 2022)",
                 cites=("hou2022",)),
        _trained("wgan", "wgan:WGAN",
                 "a Wasserstein GAN with gradient penalty and a classifier (Xian et al. 2018)",
                 cites=("xian2018", "gulrajani2017")),
        _trained("infogan", "infogan:InfoGAN",
                 "a GAN told the class, with codes its samples must give back (Chen et al. 2016)",
                 cites=("chen2016", "hou2022")),
        _trained("cvae", "cvae:CVAE", "a variational autoencoder told the class, its prior a "
                 "mixture per class (Kingma, Welling 2014)",
                 cites=("kingma2014", "sohn2015", "rybkin2021", "tomczak2018")),
        _trained("diffusion", "diffusion:Diffusion",
                 "denoising diffusion, drawn by DDIM (Ho et al. 2020, Song et al. 2021)",
                 cites=("ho2020", "nichol2021", "salimans2022", "song2021")),
    )
}  # fmt: skip


def make_generator(
    kind: str, *, settings: Mapping[str, Any] | None = None, random_state: Any = 0
) -> Generator:
    """An unfitted generator by its name.

    >>> make_generator("smote", settings={"neighbours": 3}, random_state=1)
    Smote(neighbours=3, random_state=1)
    """
    if kind not in KINDS:
        raise SettingError(f"generator {kind!r} is unknown; {nearest(kind, KINDS)}")
    made = KINDS[kind].load_class()(random_state=random_state)
    given = {**dict(KINDS[kind].settings), **(settings or {})}
    known = made.get_params(deep=False)
    for name in given:
        if name not in known:
            raise SettingError(
                f"generator {kind!r} has no setting {name!r}; {nearest(name, known)}"
            )
    made.set_params(**given)
    return made


def load_generator(folder: Path | str, *, device: str = "cpu") -> Generator:
    """A saved generator of any kind, by its card; see `Generator.load`."""
    from rarecase.generators.saving import CARD, read_card

    name = read_card(Path(folder))["kind"]
    for kind in KINDS.values():
        if kind.class_name == name:
            return kind.load_class().load(folder, device=device)
    known = ", ".join(kind.class_name for kind in KINDS.values())
    raise DataError(f"{Path(folder) / CARD}: kind {name!r} is not among {known}; use its own load.")
