"""The networks of the trained generators.

The convolutional pair for maps (c, h, w) or (c, d, h, w) is DCGAN-like, with three hidden layers
each: Mehra and Sahoo (arXiv 2209.14097), section 3; weights and layers after Radford et al. 2016
(arXiv 1511.06434). Any sides of at least 1: the stages' sides are successive ceil(side / 2). The
pair for vectors (d,) has one hidden layer each, after Xian et al. 2018 (arXiv 1712.00981).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarecase.segmenter.unet import BATCH_NORM, CONVOLUTION

SLOPE = 0.2  # of the leaky ReLU
FEW = 4  # values a map up to which a convolution is done as a matrix product
MANY = 2**22  # weights from which that is faster
FIRST_BIAS = 0.1  # of the last layer: every output starts above 0, where the ReLU has a gradient
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def stage_sizes(*sides: int) -> list[tuple[int, ...]]:
    """Sides of the input and of the three hidden stages, largest first.

    >>> stage_sizes(15, 15)
    [(15, 15), (8, 8), (4, 4), (2, 2)]
    """
    sizes = [sides]
    for _ in range(3):
        sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))
    return sizes


def init_weights(module: nn.Module) -> None:
    """N(0, 0.02) for weights, N(1, 0.02) for batch norm's scale, 0 for biases (DCGAN)."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.modules.conv._ConvNd):
            nn.init.normal_(part.weight, 0.0, 0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


def heads(said: Tensor) -> tuple[Tensor, Tensor]:
    """What a discriminator says (n, 1 + k): the source's logit (n,), and the rest (n, k)."""
    return said[:, 0], said[:, 1:]


class ConvGenerator(nn.Module):
    """Noise and class to maps: (n, noise), class indices (n,) → (n, c, h, w) or (n, c, d, h, w).

    Widths 4·width, 2·width, width, then c channels; batch norm and leaky ReLU in between. The
    output is ReLU when `nonnegative`, else linear. `activations`: values held a sample in training.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        *,
        width: int = 64,
        noise: int = 100,
        nonnegative: bool = True,
    ):
        super().__init__()
        channels, *sides = shape
        transposed, norm = TRANSPOSED[len(sides)], BATCH_NORM[len(sides)]
        self.classes, self.noise, self.nonnegative = classes, noise, nonnegative
        self._sizes = stage_sizes(*sides)
        widths = (4 * width, 2 * width, width)
        stages = zip(widths, self._sizes[:0:-1], strict=True)
        hidden = sum(2 * w * math.prod(size) for w, size in stages)  # before and behind batch norm
        self.activations = hidden + 2 * math.prod(shape)
        kernel: Any = self._sizes[3]
        self.project = transposed(noise + classes, widths[0], kernel, bias=False)
        self.up = nn.ModuleList(
            transposed(a, b, 4, stride=2, padding=1, bias=False) for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(norm(w) for w in widths)
        self.last = transposed(width, channels, 4, stride=2, padding=1)
        init_weights(self)
        nn.init.constant_(self.last.bias, FIRST_BIAS if nonnegative else 0.0)  # type: ignore[arg-type]

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        x = torch.cat([noise, F.one_hot(label, self.classes).to(noise.dtype)], 1)
        x = x.reshape(*x.shape, *(1,) * len(self._sizes[0]))
        # In place: batch norm keeps its input for the gradient, not its output.
        x = F.leaky_relu(self.norms[0](self.project(x)), SLOPE, inplace=True)
        for up, norm, size in zip(self.up, self.norms[1:], self._sizes[2:0:-1], strict=True):
            x = F.leaky_relu(norm(_crop(_doubled(up, x), size)), SLOPE, inplace=True)
        x = _crop(_doubled(self.last, x), self._sizes[0])
        return F.relu(x) if self.nonnegative else x


class ConvDiscriminator(nn.Module):
    """Maps (n, c, h, w) or (n, c, d, h, w) to a source logit (n,) (above 0: real) and class logits
    (n, classes).

    The generator's mirror: strided convolutions of width, 2·width, 4·width with leaky ReLU. No
    batch norm: what it says of a sample must not hang on the samples beside it. `activations`:
    values held a sample in training.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, *, width: int = 64):
        super().__init__()
        channels, *sides = shape
        self._sizes = stage_sizes(*sides)
        widths = (channels, width, 2 * width, 4 * width)
        convolution = CONVOLUTION[len(sides)]
        self.down = nn.ModuleList(
            convolution(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths)
        )
        pairs = zip(widths, self._sizes, strict=True)
        self.activations = sum(w * math.prod(size) for w, size in pairs)
        self.heads = nn.Linear(4 * width * math.prod(self._sizes[3]), 1 + classes)
        init_weights(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for down, size in zip(self.down, self._sizes[:3], strict=True):
            odd = [side % 2 for side in size]
            if any(odd):  # one more row on the far side: it becomes ceil(side / 2)
                x = F.pad(x, [part for more in reversed(odd) for part in (0, more)])
            x = F.leaky_relu(_halved(down, x), SLOPE, inplace=True)
        return heads(self.heads(x.flatten(1)))


def _halved(layer: Any, x: Tensor) -> Tensor:
    """A convolution 4×4 of stride 2 and padding 1: sides (h, w) to (h / 2, w / 2)."""
    height, width = (side // 2 for side in x.shape[-2:])
    if not _as_product(layer, x, height * width):
        return cast("Tensor", layer(x))
    with torch.autocast("cpu", enabled=False):  # to bring the weights to bfloat16 takes longer
        parts = F.unfold(x.to(layer.weight.dtype), 4, padding=1, stride=2).transpose(1, 2)
        made = F.linear(parts, layer.weight.flatten(1), layer.bias).transpose(1, 2)
    return made.reshape(*made.shape[:2], height, width)


def _doubled(layer: Any, x: Tensor) -> Tensor:
    """A transposed convolution 4×4 of stride 2 and padding 1: sides (h, w) to (2 h, 2 w)."""
    height, width = x.shape[-2:]
    if not _as_product(layer, x, height * width):
        return cast("Tensor", layer(x))
    with torch.autocast("cpu", enabled=False):
        flat = x.to(layer.weight.dtype).flatten(2).transpose(1, 2)
        parts = (flat @ layer.weight.flatten(1)).transpose(1, 2)
        made = F.fold(parts, (2 * height, 2 * width), 4, padding=1, stride=2)
    return made if layer.bias is None else made + layer.bias[:, None, None]


def _as_product(layer: Any, x: Tensor, coarse: int) -> bool:
    """Whether one matrix product is faster than a convolution between maps of which the coarse ones
    have so many values a channel: on a CPU, with many weights for a handful of values."""
    handful = coarse <= FEW and layer.weight.numel() >= MANY
    return x.ndim == 4 and x.device.type == "cpu" and handful


def _crop(x: Tensor, size: Sequence[int]) -> Tensor:
    return x[(slice(None), slice(None), *(slice(side) for side in size))]


class MLPGenerator(nn.Module):
    """Noise and class to vectors: (n, noise), class indices (n,) → (n, d).

    The first entries of the noise are overwritten by the one-hot class. Hidden 4096 with leaky
    ReLU; the output is ReLU when `nonnegative`, else linear.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        *,
        hidden: int = 4096,
        noise: int = 312,
        nonnegative: bool = True,
    ):
        super().__init__()
        self.classes, self.noise, self.nonnegative = classes, noise, nonnegative
        self.hidden = nn.Linear(noise, hidden)
        self.last = nn.Linear(hidden, features)
        init_weights(self)
        nn.init.constant_(self.last.bias, FIRST_BIAS if nonnegative else 0.0)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        one_hot = F.one_hot(label, self.classes).to(noise.dtype)
        x = torch.cat([one_hot, noise[:, self.classes :]], 1)
        x = self.last(F.leaky_relu(self.hidden(x), SLOPE))
        return F.relu(x) if self.nonnegative else x


class MLPDiscriminator(nn.Module):
    """Vectors (n, d) to a source logit (n,) (above 0: real) and class logits (n, classes)."""

    def __init__(self, features: int, classes: int, *, hidden: int = 1024):
        super().__init__()
        self.hidden = nn.Linear(features, hidden)
        self.heads = nn.Linear(hidden, 1 + classes)
        init_weights(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return heads(self.heads(F.leaky_relu(self.hidden(x), SLOPE)))


class Perceptron(nn.Module):
    """Vectors, and whatever is joined to them, through layers of `hidden` widths with leaky ReLU:
    (n, inputs) to (n, outputs)."""

    def __init__(self, inputs: int, outputs: int, *, hidden: tuple[int, ...]):
        super().__init__()
        widths = (inputs, *hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))

    def forward(self, *parts: Tensor) -> Tensor:
        return cast("Tensor", self.layers(torch.cat(parts, dim=1)))


class Conditional(nn.Module):
    """A perceptron that is also told the class, as one entry per class beside its input."""

    def __init__(self, inputs: int, outputs: int, classes: int, *, hidden: tuple[int, ...]):
        super().__init__()
        self.classes = classes
        self.net = Perceptron(inputs + classes, outputs, hidden=hidden)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return cast("Tensor", self.net(x, F.one_hot(label, self.classes).to(x.dtype)))
