"""Any PyTorch network as a maker of features: loaded by name, listed by layer, tapped by hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from rarecase.errors import DataError, RarecaseError, SettingError, nearest, plain
from rarecase.features.sources.unet import masked_mean
from rarecase.named import load_named, make_named
from rarecase.weights import by_names_of, read_weights


def load_network(
    spec: str, *, weights: Path | None = None, arguments: Mapping[str, Any] | None = None
) -> nn.Module:
    """The network behind `module:name`: a class or function that makes one, called with
    `arguments`, or a network itself; in evaluation mode.

    The module is looked for as Python does, the working folder included. `weights`: safetensors, or
    a PyTorch state dict (read with `weights_only=True`); they must fit to the last name, but for
    what wrappers add to all of them. Raises `SettingError` for a name that leads nowhere,
    `DataError` for weights that do not fit.

    >>> load_network("torch.nn:Conv2d", arguments={"in_channels": 1, "out_channels": 2,
    ...                                            "kernel_size": 3})
    Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))
    """
    made = load_named(spec, what="network", example="my_nets:make_unet")
    if isinstance(made, nn.Module):
        if arguments:
            raise SettingError(
                f"network {spec!r}: is a network already, so {', '.join(arguments)} cannot be "
                "given to it (--network-args). Name the class or function that makes it."
            )
    else:
        made = make_named(made, spec, what="network", arguments=arguments)
    if not isinstance(made, nn.Module):
        raise SettingError(f"network {spec!r}: gave a {type(made).__name__}, no torch.nn.Module.")
    if weights is not None:
        _load_weights(made, weights)
    return made.eval()


def takes_volumes(net: nn.Module) -> bool:
    """Whether a network has 3-D convolutions."""
    return any(isinstance(module, nn.Conv3d) for module in net.modules())


def check_depth(net: nn.Module, depth: int | None) -> None:
    """Raise `SettingError` for slices given to a network of volumes, which would take a slice's
    channels for its depth."""
    if depth is None and takes_volumes(net):
        raise SettingError(
            f"{type(net).__name__} takes volumes (it has 3-D convolutions): give --depth N, the "
            "number of slices that each case is brought to."
        )


def _load_weights(net: nn.Module, path: Path) -> None:
    own = net.state_dict()
    tensors = by_names_of(read_weights(path), own, path=path)
    missing, spare = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    wrong = [
        f"{n} {tuple(tensors[n].shape)} for {tuple(own[n].shape)}"
        for n in own if n in tensors and tensors[n].shape != own[n].shape
    ]  # fmt: skip
    if missing or spare or wrong:
        lists = (("lacks", missing), ("has besides", spare), ("shapes differ:", wrong))
        said = [f"{words} {_first(names)}" for words, names in lists if names]
        raise DataError(f"{path}: does not fit {type(net).__name__}: {'; '.join(said)}.")
    net.load_state_dict(tensors)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return plain(", ".join(names[:3])) + more


def wanted_channels(net: nn.Module) -> int | None:
    """How many channels the first convolution takes, None without one."""
    kinds = (nn.Conv2d, nn.Conv3d)
    first = next((m for m in net.modules() if isinstance(m, kinds)), None)
    return None if first is None else int(first.in_channels)


def feeds(net: nn.Module, channels: int) -> list[list[int]]:
    """Which of so many channels of images feeds each input, for each time that an image goes in: as
    many as there are inputs go in as they are, at once; else each by itself, repeated."""
    inputs = wanted_channels(net) or channels
    if inputs == channels:
        return [list(range(channels))]
    return [[channel] * inputs for channel in range(channels)]


@torch.no_grad()
def list_layers(net: nn.Module, images: Tensor) -> pd.DataFrame:
    """Every layer that gives a tensor for a batch of `images`: layer, kind, shape (without the
    batch), parameters; in the order in which they come."""
    found: dict[str, tuple[Any, ...]] = {}

    def note(name: str, module: nn.Module, _: Any, output: Any) -> None:
        maps = _tensor(output)
        if maps is not None and name not in found:
            count = sum(p.numel() for p in module.parameters())
            found[name] = (name, type(module).__name__, tuple(maps.shape[1:]), count)

    with ExitStack() as hooks:
        for name, module in net.named_modules():
            if name:
                hooks.enter_context(module.register_forward_hook(partial(note, name)))
        _call(net, images)
    return pd.DataFrame(list(found.values()), columns=["layer", "kind", "shape", "parameters"])


class _Reached(Exception):  # noqa: N818, nothing has gone wrong
    """The layer has been computed; nothing behind it is needed."""


class Tap(nn.Module):
    """A network up to one of its layers: images in, that layer's output out, (n, …).

    The network is not changed; a layer that is used several times gives what it gave first. "" is
    the whole network.
    """

    def __init__(self, net: nn.Module, layer: str) -> None:
        super().__init__()
        names = [name for name, _ in net.named_modules() if name]
        if layer and layer not in names:
            raise SettingError(f"block {layer!r}: no such layer; {nearest(layer, names)}")
        self.net, self.layer = net, layer

    def forward(self, images: Tensor) -> Tensor:
        found: list[Tensor] = []

        def hook(module: nn.Module, _: Any, output: Any) -> None:
            maps = _tensor(output)
            if maps is None:
                raise SettingError(
                    f"block {self.layer!r}: gives a {type(output).__name__} without a tensor in it."
                )
            found.append(maps)
            raise _Reached

        layer = self.net.get_submodule(self.layer)
        with layer.register_forward_hook(hook), suppress(_Reached):
            _call(self.net, images)
        if not found:
            raise SettingError(f"block {self.layer!r}: the network never comes to it.")
        return found[0]


def pooled(maps: Tensor, masks: Tensor | None) -> Tensor:
    """Maps (n, c, …) averaged over space, (n, c); under `masks` (n, 1, …) of the images' size where
    there are any pixels in them, brought to the maps' size by averaging."""
    if masks is not None and masks.ndim != maps.ndim:
        raise SettingError(
            f"a mask cannot be laid over features of shape {tuple(maps.shape[1:])}. Take "
            "--pool mean, or a block that gives maps."
        )
    if maps.ndim < 3:
        return maps
    if maps.ndim == 3:  # tokens (n, places, c), as transformers give them
        return maps.float().mean(dim=1)
    if masks is None:
        return maps.float().mean(dim=tuple(range(2, maps.ndim)))
    return masked_mean(maps, masks)


def _call(net: nn.Module, images: Tensor) -> None:
    try:
        net(images)
    except RarecaseError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        raise DataError(
            f"the network failed on a batch of shape {tuple(images.shape)}: {error}. Channels, "
            "--slices.size and --depth must be what it expects."
        ) from error


def _tensor(output: Any) -> Tensor | None:
    """The first tensor with a batch axis in what a layer gave."""
    if isinstance(output, Tensor):
        return output if output.ndim >= 2 else None
    parts = output.values() if isinstance(output, Mapping) else output
    if not isinstance(output, Mapping | list | tuple):
        return None
    return next((t for each in parts if (t := _tensor(each)) is not None), None)
