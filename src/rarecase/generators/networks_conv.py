"""The convolutional pair for maps (c, h, w): DCGAN-like, three hidden layers each.

Mehra and Sahoo (arXiv 2209.14097), section 3; weights and layers after Radford et al. 2016
(arXiv 1511.06434). Any (h, w) of at least 1: the stages' sides are successive ceil(side / 2).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU
FIRST_BIAS = 0.1  # of the last layer: every output starts above 0, where the ReLU has a gradient


def stage_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Sides of the input and of the three hidden stages, largest first.

    >>> stage_sizes(15, 15)
    [(15, 15), (8, 8), (4, 4), (2, 2)]
    """
    sizes = [(height, width)]
    for _ in range(3):
        height, width = (height + 1) // 2, (width + 1) // 2
        sizes.append((height, width))
    return sizes


def init_weights(module: nn.Module) -> None:
    """N(0, 0.02) for weights, N(1, 0.02) for batch norm's scale, 0 for biases (DCGAN)."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


class ConvGenerator(nn.Module):
    """Noise and class to maps: (n, noise), class indices (n,) → (n, c, h, w).

    Widths 4·width, 2·width, width, then c channels; batch norm and leaky ReLU in between. The
    output is ReLU when `nonnegative`, else linear. `activations`: values held a sample in training.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        width: int = 64,
        noise: int = 100,
        nonnegative: bool = True,
    ):
        super().__init__()
        channels, height, across = shape
        self.classes, self.noise, self.nonnegative = classes, noise, nonnegative
        self._sizes = stage_sizes(height, across)
        widths = (4 * width, 2 * width, width)
        stages = zip(widths, self._sizes[:0:-1], strict=True)
        hidden = sum(2 * w * h * v for w, (h, v) in stages)  # before and behind each batch norm
        self.activations = hidden + 2 * channels * height * across
        self.project = nn.ConvTranspose2d(noise + classes, widths[0], self._sizes[3], bias=False)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False)
            for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in widths)
        self.last = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)
        init_weights(self)
        nn.init.constant_(self.last.bias, FIRST_BIAS if nonnegative else 0.0)  # type: ignore[arg-type]

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        x = torch.cat([noise, F.one_hot(label, self.classes).to(noise.dtype)], 1)[:, :, None, None]
        # In place: batch norm keeps its input for the gradient, not its output.
        x = F.leaky_relu(self.norms[0](self.project(x)), SLOPE, inplace=True)
        for up, norm, size in zip(self.up, self.norms[1:], self._sizes[2:0:-1], strict=True):
            x = F.leaky_relu(norm(_crop(up(x), size)), SLOPE, inplace=True)
        x = _crop(self.last(x), self._sizes[0])
        return F.relu(x) if self.nonnegative else x


class ConvDiscriminator(nn.Module):
    """Maps (n, c, h, w) to a source logit (n,) (above 0: real) and class logits (n, classes).

    The generator's mirror: strided convolutions of width, 2·width, 4·width with leaky ReLU. No
    batch norm: what it says of a sample must not hang on the samples beside it. `activations`:
    values held a sample in training.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, *, width: int = 64):
        super().__init__()
        channels, height, across = shape
        self._sizes = stage_sizes(height, across)
        widths = (channels, width, 2 * width, 4 * width)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths)
        )
        self.activations = sum(w * h * v for w, (h, v) in zip(widths, self._sizes, strict=True))
        last_height, last_width = self._sizes[3]
        self.heads = nn.Linear(4 * width * last_height * last_width, 1 + classes)
        init_weights(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for down, (height, width) in zip(self.down, self._sizes[:3], strict=True):
            if height % 2 or width % 2:  # one more row on the far side: it becomes ceil(side / 2)
                x = F.pad(x, (0, width % 2, 0, height % 2))
            x = F.leaky_relu(down(x), SLOPE, inplace=True)
        heads = self.heads(x.flatten(1))
        return heads[:, 0], heads[:, 1:]


def _crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    return x[:, :, : size[0], : size[1]]
