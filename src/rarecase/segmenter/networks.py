"""Segmentation networks, made by their names.

A network is a module with the arguments, attributes and methods of `UNet`: in_channels, width,
depth, norm, dimensions; `blocks()` names the places that features can be taken from, `walk(images)`
gives their maps, and its output is the logits of a binary mask.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import torch

from rarecase.errors import SettingError, nearest
from rarecase.segmenter.initial import ARGUMENTS, NETWORKS
from rarecase.segmenter.unet import UNet


def make_network(name: str = "unet", **architecture: Any) -> UNet:
    """A new network, its weights random.

    >>> make_network("unet", in_channels=1, width=4, depth=2).network
    'unet'
    """
    if name not in NETWORKS:
        raise SettingError(f"segmenter.network={name!r}: {nearest(name, NETWORKS)}")
    module, _, kind = NETWORKS[name].partition(":")
    net: UNet = getattr(import_module(module), kind)(**architecture)
    net.network = name
    return net


def expecting_little(net: UNet) -> UNet:
    """The network with odds of a tumour of 1 to 20 before it has learnt anything: it is rare among
    pixels, and epochs are saved in which nothing but that would be learnt."""
    torch.nn.init.constant_(cast(torch.Tensor, net.head.bias), -3.0)
    return net


def architecture_of(net: UNet) -> dict[str, Any]:
    """What `make_network` makes such a network from."""
    said = {name: getattr(net, name) for name in ("network", "in_channels", *ARGUMENTS)}
    return {"name": said.pop("network"), **said}


def network_like(settings: Any, *, in_channels: int) -> UNet:
    """A new network as a study's settings want it (`settings.segmenter`)."""
    shape = {name: getattr(settings, name) for name in ARGUMENTS}
    return make_network(settings.network, in_channels=in_channels, **shape)
