"""U-Nets that were trained with other software: TensorLayer's lists of arrays, PyTorch state dicts.

The paper's U-Net was trained with TensorLayer, which saves the parameters in the order of the
layers. TensorFlow lays a convolution out as (height, width, in, out), a transposed one as (height,
width, out, in), and TensorLayer's example network joins the upsampled maps *before* the skip's,
where ours has the skip first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rarecase.errors import DataError, SettingError, closest, plain
from rarecase.restricted import read_npz
from rarecase.segmenter.unet import Norm, UNet
from rarecase.weights import by_names_of, read_weights, under_one_name, without_counts

Joins = Literal["skip-first", "up-first"]
Names = Mapping[str, str]
Tensors = dict[str, torch.Tensor]
FIRST = "encoders.0.0.weight"
DEEPEST = 10  # poolings: 1,024 pixels become one


def parts_in_order(depth: int) -> list[str]:
    """Our parts of the network in the order in which the data flow.

    >>> parts_in_order(1)
    ['encoders.0', 'bottleneck', 'upsamplings.0', 'decoders.0', 'head']
    """
    up = [
        f"{part}.{level}"
        for level in reversed(range(depth))
        for part in ("upsamplings", "decoders")
    ]
    return [*(f"encoders.{level}" for level in range(depth)), "bottleneck", *up, "head"]


def layer_names(depth: int) -> list[str]:
    """Our convolutions in the order in which TensorLayer's network is built.

    >>> layer_names(1)
    ['encoders.0.0', 'encoders.0.2', 'bottleneck.0', 'bottleneck.2', 'upsamplings.0', \
'decoders.0.0', 'decoders.0.2', 'head']
    """
    single = ("upsamplings", "head")
    return [
        name
        for part in parts_in_order(depth)
        for name in ([part] if part.startswith(single) else [f"{part}.0", f"{part}.2"])
    ]


def read_tensorlayer(path: Path) -> UNet:
    """A U-Net from an `.npz` of TensorLayer: `save_npz` (a list) or `save_npz_dict` (0, 1, 2 …).

    Width, depth and channels are read off the arrays. Raises `DataError` naming the layer whose
    array is missing or has another shape than the paper's architecture gives it.
    """
    arrays = _in_order(path)
    depth, rest = divmod(len(arrays) - 6, 10)  # 4 a block going down, 6 going up, 4 + 2 besides
    if rest or depth < 1:
        raise DataError(
            f"{path}: {len(arrays)} arrays; the paper's U-Net has 10 for each of its depths and 6 "
            "besides (46 with four poolings): a weight and a bias for each convolution."
        )
    first = arrays[0]
    if first.ndim != 4:
        raise DataError(
            f"{path}: array 0 has shape {first.shape}; expected the first convolution, (3, 3, "
            "channels, width)."
        )
    wanted = _sizes(in_channels=first.shape[2], width=first.shape[3], depth=depth)
    state = {}
    for at, name in enumerate(layer_names(depth)):
        for kind, array in zip(("weight", "bias"), arrays[2 * at : 2 * at + 2], strict=True):
            key = f"{name}.{kind}"
            place = f"{path}: array {2 * at + (kind == 'bias')}, the {kind} of layer {name}"
            state[key] = _fitted(array, wanted[key], kind=kind, place=place)
    net = UNet(in_channels=first.shape[2], width=first.shape[3], depth=depth)
    net.load_state_dict(_skip_first(state, depth=depth))
    return net


def _sizes(*, in_channels: int, width: int, depth: int, norm: Norm = "none") -> Tensors:
    """The tensors of a U-Net without their values: a file may ask for one of any size."""
    with torch.device("meta"):
        net = UNet(in_channels=in_channels, width=width, depth=depth, norm=norm)
    return net.state_dict()


def _in_order(path: Path) -> list[np.ndarray]:
    members = read_npz(path)
    if set(members) == {"params"}:
        found: Any = members["params"]
    elif members and all(name.isdigit() for name in members):
        found = [members[name] for name in sorted(members, key=int)]
    else:
        raise DataError(
            f"{path}: holds {', '.join(sorted(members)) or 'nothing'}; expected TensorLayer's "
            "'params', or arrays named 0, 1, 2 …"
        )
    for at, array in enumerate(found):
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            what = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(f"{path}: array {at} is {what}; expected floating-point numbers.")
    return list(found)


def _fitted(array: np.ndarray, like: torch.Tensor, *, kind: str, place: str) -> torch.Tensor:
    """TensorFlow's array in PyTorch's layout; both kinds of convolution turn around the same way:
    (height, width, a, b) becomes (b, a, height, width)."""
    turned = array.transpose(3, 2, 0, 1) if kind == "weight" and array.ndim == 4 else array
    if turned.shape != tuple(like.shape):
        theirs = like.permute(2, 3, 1, 0).shape if like.ndim == 4 else like.shape
        raise DataError(f"{place}, has shape {array.shape}; expected {tuple(theirs)}.")
    return torch.from_numpy(np.array(turned, dtype=np.float32, order="C"))


def _skip_first(state: Tensors, *, depth: int) -> Tensors:
    """Weights that expect the upsampled maps first, reordered for the skip first."""
    keys = [f"decoders.{level}.0.weight" for level in range(depth)]
    return state | {key: torch.cat(state[key].chunk(2, dim=1)[::-1], dim=1) for key in keys}


def read_pytorch(
    path: Path,
    *,
    names: Names | Literal["in-order"] | None = None,
    joins: Joins = "skip-first",
    norm: Norm = "none",
) -> UNet:
    """A U-Net from a PyTorch state dict. `names` maps our names of tensors to the file's.

    Names that are ours already need no map, nor does what wrappers add to them (`module.`);
    `in-order` pairs the tensors one after another, which the shapes must allow. `joins` says what
    the file's decoders expect first. Width, depth and channels are read off the tensors. Raises
    `DataError` that lists our names and shapes beside the file's where they differ.
    """
    if joins not in ("skip-first", "up-first"):
        raise SettingError(f"joins={joins!r}: expected skip-first or up-first.")
    tensors = read_weights(path)
    if isinstance(names, str):
        tensors = _renamed_in_order(tensors, norm=norm)
    elif names is not None:
        tensors = _renamed(tensors, names, path=path)
    sized = under_one_name(tensors, FIRST, path=path)
    first = sized.get(FIRST)
    depth = len({name.split(".")[1] for name in sized if name.startswith("upsamplings.")})
    if first is None or first.ndim != 4 or not 0 < depth <= DEEPEST:
        raise DataError(_unlike(path, tensors, _sizes(in_channels=4, width=64, depth=4, norm=norm)))
    inputs, width = first.shape[1], first.shape[0]
    wanted = _sizes(in_channels=inputs, width=width, depth=depth, norm=norm)
    tensors = by_names_of(tensors, wanted, path=path)
    if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in wanted.items()}:
        raise DataError(_unlike(path, tensors, wanted))
    net = UNet(in_channels=inputs, width=width, depth=depth, norm=norm)
    net.load_state_dict(_skip_first(tensors, depth=depth) if joins == "up-first" else tensors)
    return net


def _renamed(tensors: Tensors, names: Names, *, path: Path) -> Tensors:
    unknown = sorted(set(names.values()) - set(tensors))
    if unknown:
        close = closest(unknown[0], tensors)
        hint = f" (did you mean {close!r}?)" if close else ""
        raise DataError(f"{path}: holds no tensor {unknown[0]!r}{hint}, which the names ask for.")
    return {ours: tensors[theirs] for ours, theirs in names.items()}


def _renamed_in_order(tensors: Tensors, *, norm: Norm) -> Tensors:
    """Our names one after another, for a network as deep as the number of kernels says."""
    kernels = [tensor for tensor in tensors.values() if tensor.ndim == 4]
    depth = min(max(1, (len(kernels) - 3) // 5), DEEPEST)
    inputs, width = (kernels[0].shape[1], kernels[0].shape[0]) if kernels else (1, 1)
    names = without_counts(_sizes(in_channels=inputs, width=width, depth=depth, norm=norm))
    counted_out = [tensor for tensor in tensors.values() if tensor.ndim]
    # As the data flow, which is how layers are usually defined; ours lists all the upsamplings
    # before the decoders, and both from the top.
    parts = parts_in_order(depth)
    flow = sorted(names, key=lambda name: next(i for i, p in enumerate(parts) if f"{p}." in name))
    return dict(zip(flow, counted_out, strict=False))


def _unlike(path: Path, tensors: Tensors, wanted: Tensors) -> str:
    """Both lists, shortened to what differs, so that a map of names can be written from it."""

    def listed(ones: Tensors, others: Tensors) -> str:
        odd = [
            f"{plain(name)} {tuple(tensor.shape)}"
            for name, tensor in ones.items()
            if name not in others or others[name].shape != tensor.shape
        ]
        return ", ".join(odd[:6]) + (f" and {len(odd) - 6} more" if len(odd) > 6 else "")

    return (
        f"{path}: its tensors are not those of this U-Net. Expected: {listed(wanted, tensors)}. "
        f"The file has: {listed(tensors, wanted) or 'nothing else'}. Give a YAML file with --names "
        "whose lines say 'our name: name in the file', or take another norm."
    )
