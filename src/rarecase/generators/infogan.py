"""A GAN whose samples say what was asked for: their class, and a few codes besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.generators.loop import Step
from rarecase.generators.losses import class_loss, source_loss
from rarecase.generators.networks_mlp import Conditional, Perceptron
from rarecase.generators.neural import Neural, Player


class InfoGAN(Neural):
    """InfoGAN (Chen et al. 2016, arXiv 1606.03657, equation 6) with the class as categorical code.

    The real samples teach that code; `CODES` continuous ones are found without labels.

    Q shares the discriminator's layers and says the mean of each code; the mutual information's
    lower bound, a Gaussian's of unit variance, is the squared error, weighted by λ.

    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat(["a", "b"], [30, 10])
    >>> InfoGAN(hidden=(16,), steps=10).fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    SUMS: ClassVar[tuple[str, ...]] = ("d_loss", "g_loss", "class_loss", "code_error")
    CODES: ClassVar[int] = 2  # uniform on −1 to 1
    WEIGHT: ClassVar[float] = 0.1  # λ, of the continuous codes

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        inputs = self.noise + self.CODES
        outputs = 1 + classes + self.CODES
        return {
            "generator": Conditional(inputs, features, classes, hidden=self.hidden),
            "discriminator": Perceptron(features, outputs, hidden=self.hidden),
        }

    def _step(
        self, players: Mapping[str, Player], X: NDArray[np.float32], label: NDArray[np.int64]
    ) -> Step:
        generator, discriminator = players["generator"], players["discriminator"]
        device, classes = generator.fabric.device, len(self.classes_)

        def heads(vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            found = discriminator.net(vectors)
            return found[:, 0], found[:, 1 : 1 + classes], found[:, 1 + classes :]

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            real = values.flatten(1)
            z = self._inputs(len(real), random).to(device)
            codes = z[:, : self.CODES]
            asked = torch.randint(classes, (len(real),), generator=random).to(device)
            fake = generator.net(z, asked)
            (true, true_class, _), (made, made_class, said) = heads(real), heads(fake.detach())
            source = source_loss(true, real=True) + source_loss(made, real=False)
            named = class_loss(true_class, real_label) + class_loss(made_class, asked)
            error = F.mse_loss(said, codes)
            discriminator.step(source + named + self.WEIGHT * error)
            fooled, fooled_class, said = heads(fake)
            fooling = source_loss(fooled, real=True)
            told = class_loss(fooled_class, asked) + self.WEIGHT * F.mse_loss(said, codes)
            generator.step(fooling + told)
            return torch.stack([source, fooling, named, error]).detach()

        return step

    def _inputs(self, count: int, random: torch.Generator) -> Tensor:
        codes = 2 * torch.rand(count, self.CODES, generator=random) - 1
        return torch.cat([codes, torch.randn(count, self.noise, generator=random)], dim=1)

    def _draw(self, net: nn.Module, label: Tensor, random: torch.Generator) -> Tensor:
        made: Tensor = net(self._inputs(len(label), random).to(label.device), label)
        return made
