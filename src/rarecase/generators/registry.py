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
    trained: bool  # whether it trains a network, and needs PyTorch
    synthetic: bool = True  # whether it generates anything new, and gets a verdict
    filter: str | None = None  # the one that goes with it in its source
    settings: tuple[tuple[str, Any], ...] = ()  # what it is made with unless told otherwise

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
        _closed("duplicates", "resampling:Duplicates", synthetic=False),
        _closed("smote", "resampling:Smote"),
        _closed("borderline-smote", "resampling:BorderlineSmote"),
        _closed("mixup", "resampling:Mixup"),
        _closed("remix", "resampling:Remix"),
        _closed("gaussian", "gaussian:Gaussian"),
        _closed("gaussian-mixture", "gaussian:GaussianMixture"),
        _closed("borrowed", "borrowed:Borrowed"),
        _trained("acgan", "acgan:ACGAN", filter="agreement"),
        _trained("adcgan", "adcgan:ADCGAN"),
        _trained("wgan", "wgan:WGAN"),
        _trained("infogan", "infogan:InfoGAN"),
        _trained("cvae", "cvae:CVAE"),
        _trained("diffusion", "diffusion:Diffusion"),
    )
}


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
