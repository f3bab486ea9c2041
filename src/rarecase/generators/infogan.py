"""A GAN whose samples give back the codes that they were generated from."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarecase.generators.losses import slope_penalty, source_loss
from rarecase.generators.networks import Conditional, heads
from rarecase.generators.neural import Fitting, Step
from rarecase.generators.perceptrons import Perceptrons


class InfoGAN(Perceptrons):
    """InfoGAN (Chen et al. 2016, arXiv 1606.03657, equation 6) where the classes are known: both
    networks are told the class, and `CODES` continuous codes are found without labels.

    Were the class one of the codes, asked back by a classifier, samples would crowd where it is
    surest (Hou et al. 2022, arXiv 2107.10060). Q shares the discriminator's layers and says the
    mean of each code; the mutual information's lower bound, a Gaussian's of unit variance, is the
    squared error, weighted by λ. The discriminator must not rise steeply (`slope_penalty`).

    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat(["a", "b"], [30, 10])
    >>> InfoGAN(hidden=(16,), steps=10).fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    SUMS: ClassVar[tuple[str, ...]] = ("d_loss", "g_loss", "code_error")
    LR: ClassVar[float] = 1e-3
    CODES: ClassVar[int] = 2  # uniform on −1 to 1
    WEIGHT: ClassVar[float] = 0.1  # λ, of the codes

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        inputs, outputs = self.noise + self.CODES, 1 + self.CODES
        return {
            "generator": Conditional(inputs, features, classes, hidden=self.hidden),
            "discriminator": Conditional(features, outputs, classes, hidden=self.hidden),
        }

    def _step(self, fit: Fitting) -> Step:
        generator, discriminator = fit.players["generator"], fit.players["discriminator"]
        device, classes = fit.fabric.device, len(self.classes_)

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            real = values.flatten(1).requires_grad_()
            z = self._inputs(len(real), random).to(device)
            codes = z[:, : self.CODES]
            asked = torch.randint(classes, (len(real),), generator=random).to(device)
            fake = generator.net(z, asked)
            true, _ = heads(discriminator.net(real, real_label))
            made, said = heads(discriminator.net(fake.detach(), asked))
            source = source_loss(true, real=True) + source_loss(made, real=False)
            error = F.mse_loss(said, codes)
            discriminator.step(source + self.WEIGHT * error + slope_penalty(true, real))
            fooled, said = heads(discriminator.net(fake, asked))
            fooling = source_loss(fooled, real=True)
            generator.step(fooling + self.WEIGHT * F.mse_loss(said, codes))
            return torch.stack([source, fooling, error]).detach()

        return step

    def _inputs(self, count: int, random: torch.Generator) -> Tensor:
        codes = 2 * torch.rand(count, self.CODES, generator=random) - 1
        return torch.cat([codes, torch.randn(count, self.noise, generator=random)], dim=1)

    def _draw(self, net: nn.Module, label: Tensor, random: torch.Generator) -> Tensor:
        return cast("Tensor", net(self._inputs(len(label), random).to(label.device), label))
