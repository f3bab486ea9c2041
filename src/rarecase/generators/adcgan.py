"""An ACGAN whose classifier also tells real from synthetic, class by class."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarecase.generators.losses import slope_penalty, source_loss
from rarecase.generators.networks import Conditional, Perceptron, heads
from rarecase.generators.neural import Fitting, Step
from rarecase.generators.perceptrons import Perceptrons


class ADCGAN(Perceptrons):
    """ADC-GAN (Hou et al. 2022, arXiv 2107.10060, equations 7 and 8): the auxiliary classifier has
    two outputs per class, real and synthetic. The generator is drawn to the real one and away from
    the synthetic one, so that where classes overlap it need not leave the overlap empty, as an
    ACGAN's does to please its classifier. Both heads are kept from rising steeply
    (`slope_penalty`).

    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat(["a", "b"], [30, 10])
    >>> ADCGAN(hidden=(16,), steps=10).fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    SUMS: ClassVar[tuple[str, ...]] = ("d_loss", "g_loss", "d_class_loss", "g_class_loss")
    LR: ClassVar[float] = 1e-3
    CLASS_WEIGHT: ClassVar[float] = 1.0  # λ, of the classifier's losses

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        return {
            "generator": Conditional(self.noise, features, classes, hidden=self.hidden),
            "discriminator": Perceptron(features, 1 + 2 * classes, hidden=self.hidden),
        }

    def _step(self, fit: Fitting) -> Step:
        generator, discriminator = fit.players["generator"], fit.players["discriminator"]
        device, classes = fit.fabric.device, len(self.classes_)

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            real = values.flatten(1).requires_grad_()
            z = torch.randn(len(real), self.noise, generator=random).to(device)
            asked = torch.randint(classes, (len(real),), generator=random).to(device)
            fake = generator.net(z, asked)
            true, true_class = heads(discriminator.net(real))
            made, made_class = heads(discriminator.net(fake.detach()))
            source = source_loss(true, real=True) + source_loss(made, real=False)
            missed = F.cross_entropy(true_class, real_label, reduction="none")
            named = missed.mean() + F.cross_entropy(made_class, classes + asked)
            steep = slope_penalty(true - missed, real)
            discriminator.step(source + self.CLASS_WEIGHT * named + steep)
            fooled, fooled_class = heads(discriminator.net(fake))
            fooling = source_loss(fooled, real=True)
            drawn = F.cross_entropy(fooled_class, asked)
            drawn = drawn - F.cross_entropy(fooled_class, classes + asked)
            generator.step(fooling + self.CLASS_WEIGHT * drawn)
            return torch.stack([source, fooling, named, drawn]).detach()

        return step
