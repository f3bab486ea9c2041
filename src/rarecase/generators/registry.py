"""Every generator by its name, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rarecase.errors import SettingError, nearest


@dataclass(frozen=True)
class Kind:
    name: str
    target: str
    trained: bool = False
    synthetic: bool = True
    filter: str | None = None


_ALL = (
    Kind("duplicates", "duplicates:Duplicates", synthetic=False),
    Kind("smote", "smote:Smote"),
    Kind("borderline-smote", "smote:BorderlineSmote"),
    Kind("mixup", "mixing:Mixup"),
    Kind("remix", "mixing:Remix"),
    Kind("gaussian", "gaussian:Gaussian"),
    Kind("gaussian-mixture", "gaussian:GaussianMixture"),
    Kind("borrowed", "borrowed:Borrowed"),
    Kind("acgan", "acgan:ACGAN", trained=True, filter="agreement"),
    Kind("adcgan", "adcgan:ADCGAN", trained=True),
    Kind("wgan", "wgan:WGAN", trained=True),
    Kind("infogan", "infogan:InfoGAN", trained=True),
    Kind("cvae", "vae:CVAE", trained=True),
    Kind("diffusion", "diffusion:Diffusion", trained=True),
)
KINDS = {kind.name: kind for kind in _ALL}


def make_generator(kind: str, *, settings: Mapping[str, Any], random_state: Any) -> Any:
    if kind not in KINDS:
        raise SettingError(f"generator {kind!r} is unknown; {nearest(kind, KINDS)}")
    module, _, name = KINDS[kind].target.partition(":")
    made = getattr(import_module(f"rarecase.generators.{module}"), name)
    return made(random_state=random_state, **settings)


def load_generator(folder: Any, *, device: str = "cpu") -> Any:
    import json

    kind = json.loads((folder / "generator.json").read_text())["kind"]
    for known in KINDS.values():
        if known.target.endswith(":" + kind):
            module, _, name = known.target.partition(":")
            return getattr(import_module(f"rarecase.generators.{module}"), name).load(folder, device=device)
    raise SettingError(kind)
