"""A small diffusion model on vectors."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from rarecase.generators.networks import Conditional
from rarecase.generators.neural import Fitting, Step
from rarecase.generators.perceptrons import Perceptrons, class_weight


class Diffusion(Perceptrons):
    """Denoising diffusion (Ho et al. 2020, arXiv 2006.11239) of vectors, told the class.

    At a time t of the cosine schedule (Nichol and Dhariwal 2021, arXiv 2102.09672) the network
    learns the velocity √ᾱ noise − √(1 − ᾱ) vector (Salimans and Ho 2022, arXiv 2202.00512), from
    which noise and vector follow alike at either end; samples are drawn with the deterministic
    steps of DDIM (Song et al. 2021, arXiv 2010.02502, equation 12 with σ = 0). Classes weigh the
    same in the loss.

    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat(["a", "b"], [30, 10])
    >>> Diffusion(hidden=(16,), steps=10).fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    SAMPLED: ClassVar[str] = "denoiser"
    SUMS: ClassVar[tuple[str, ...]] = ("loss",)
    LR: ClassVar[float] = 1e-3
    BETAS: ClassVar[tuple[float, float]] = (0.9, 0.999)
    DRAWING_STEPS: ClassVar[int] = 50

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        return {"denoiser": Denoiser(features, classes, hidden=self.hidden)}

    def _step(self, fit: Fitting) -> Step:
        denoiser = fit.players["denoiser"]
        device = fit.fabric.device
        weight = class_weight(fit.label, classes=len(self.classes_)).to(device)

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            real = values.flatten(1)
            time = torch.rand(len(real), 1, generator=random).to(device)
            noise = torch.randn(real.shape, generator=random).to(device)
            kept = signal(time)
            noisy = kept.sqrt() * real + (1 - kept).sqrt() * noise
            velocity = kept.sqrt() * noise - (1 - kept).sqrt() * real
            error = (denoiser.net(noisy, time, real_label) - velocity).square().mean(dim=1)
            loss: Tensor = (weight[real_label] * error).mean()
            denoiser.step(loss)
            return loss.detach().reshape(1)

        return step

    def _draw(self, net: nn.Module, label: Tensor, random: torch.Generator) -> Tensor:
        features = math.prod(self.shape_)
        x: Tensor = torch.randn(len(label), features, generator=random).to(label.device)
        for now, then in pairwise(torch.linspace(1.0, 0.0, self.DRAWING_STEPS + 1)):
            time = torch.full((len(label), 1), float(now), device=label.device)
            velocity = net(x, time, label)
            kept, later = signal(now), signal(then)
            clean = kept.sqrt() * x - (1 - kept).sqrt() * velocity
            noise = kept.sqrt() * velocity + (1 - kept).sqrt() * x
            x = later.sqrt() * clean + (1 - later).sqrt() * noise
        return x


class Denoiser(nn.Module):
    """Noisy vectors (n, d), times (n, 1) from 0 to 1 and classes to their velocity (n, d)."""

    WAVES: ClassVar[int] = 8  # sines and cosines of the time that the network is told

    def __init__(self, features: int, classes: int, *, hidden: tuple[int, ...]):
        super().__init__()
        self.net = Conditional(features + 2 * self.WAVES, features, classes, hidden=hidden)

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        turns = time * (torch.arange(self.WAVES, device=x.device) + 1) * math.pi / 2
        told = torch.cat([x, turns.sin(), turns.cos()], dim=1)
        return cast("Tensor", self.net(told, label))


def signal(time: Tensor) -> Tensor:
    """ᾱ, the share of the signal's variance left at `time` (0 to 1), falling as cos² (Nichol and
    Dhariwal, their offset 0.008)."""
    offset = 0.008

    def curve(t: Tensor | float) -> Tensor:
        return torch.cos((torch.as_tensor(t) + offset) / (1 + offset) * math.pi / 2).square()

    return (curve(time) / curve(0.0)).clamp(1e-4, 1 - 1e-5)
