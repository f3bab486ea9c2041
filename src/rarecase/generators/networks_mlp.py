"""The pair for vectors (d,): one hidden layer each, after Xian et al. 2018 (arXiv 1712.00981)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarecase.generators.networks_conv import FIRST_BIAS, SLOPE, init_weights


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
        heads = self.heads(F.leaky_relu(self.hidden(x), SLOPE))
        return heads[:, 0], heads[:, 1:]


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
        joined: Tensor = self.layers(torch.cat(parts, dim=1))
        return joined


class Conditional(nn.Module):
    """A perceptron that is also told the class, as one entry per class beside its input."""

    def __init__(self, inputs: int, outputs: int, classes: int, *, hidden: tuple[int, ...]):
        super().__init__()
        self.classes = classes
        self.net = Perceptron(inputs + classes, outputs, hidden=hidden)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        found: Tensor = self.net(x, F.one_hot(label, self.classes).to(x.dtype))
        return found
