"""A variational autoencoder that is told the class."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from rarecase.generators.networks import Conditional
from rarecase.generators.neural import Fitting, Step
from rarecase.generators.perceptrons import Perceptrons, class_weight

# Of the log of the spread. From 0, a whole deviation, the decoder may never begin to listen to the
# latent space: everything is noise to it, and what is generated is a Gaussian per class.
START = -1.0


class CVAE(Perceptrons):
    """A conditional VAE (Kingma and Welling 2014, arXiv 1312.6114; Sohn et al. 2015), with a spread
    of its own for each feature that is learnt (Rybkin et al. 2021, arXiv 2006.13202) and drawn from
    when it samples: without it samples are means, and vary too little. The prior is a mixture of
    Gaussians per class, learnt with the rest (as in Tomczak and Welling 2018, arXiv 1705.07120):
    where a class lies along a curve, one Gaussian would be drawn from where there is nothing.

    `noise` is the size of the latent space. Classes weigh the same in the loss.

    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat(["a", "b"], [30, 10])
    >>> CVAE(hidden=(16,), steps=10).fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    SAMPLED: ClassVar[str] = "decoder"
    SUMS: ClassVar[tuple[str, ...]] = ("loss", "divergence")
    LR: ClassVar[float] = 1e-3
    BETAS: ClassVar[tuple[float, float]] = (0.9, 0.999)

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        return {
            "encoder": Conditional(features, 2 * self.noise, classes, hidden=self.hidden),
            "decoder": Decoder(self.noise, features, classes, hidden=self.hidden),
        }

    def _step(self, fit: Fitting) -> Step:
        encoder, decoder = fit.players["encoder"], fit.players["decoder"]
        device = fit.fabric.device
        weight = class_weight(fit.label, classes=len(self.classes_)).to(device)

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            real = values.flatten(1)
            mean, log_variance = encoder.net(real, real_label).chunk(2, dim=1)
            noise = torch.randn(mean.shape, generator=random).to(device)
            latent = mean + noise * (log_variance / 2).exp()
            made, log_spread, expected = decoder.net(latent, real_label)
            error = (((real - made) / log_spread.exp()).square() / 2 + log_spread).sum(dim=1)
            own = -(noise.square() + log_variance).sum(dim=1) / 2
            apart = own - expected  # by one draw
            loss = (weight[real_label] * (error + apart)).mean() / real.shape[1]
            # One loss for both: its gradients must be there before either moves.
            for player in (encoder, decoder):
                player.optimizer.zero_grad()
            decoder.fabric.backward(loss)
            for player in (encoder, decoder):
                player.move()
            return torch.stack([loss, apart.mean()]).detach()

        return step

    def _draw(self, net: nn.Module, label: Tensor, random: torch.Generator) -> Tensor:
        assert isinstance(net, Decoder)
        made, log_spread, _ = net(net.prior.draw(label, random), label)
        noise = torch.randn(made.shape, generator=random).to(label.device)
        return cast("Tensor", made + noise * log_spread.exp())


class Decoder(nn.Module):
    """Latent (n, k) and class to the mean of each feature (n, d), the log of its spread (d,), and
    the log density of the latent under the class's prior (n,), less its constant."""

    def __init__(self, inputs: int, features: int, classes: int, *, hidden: tuple[int, ...]):
        super().__init__()
        self.mean = Conditional(inputs, features, classes, hidden=hidden)
        self.prior = Prior(inputs, classes)
        self.log_spread = nn.Parameter(torch.full((features,), START))

    def forward(self, z: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.mean(z, label), self.log_spread.clamp(min=-4.0), self.prior(z, label)


class Prior(nn.Module):
    """`PARTS` Gaussians per class over the latent space (n, k), and how likely each is."""

    PARTS: ClassVar[int] = 16

    def __init__(self, latent: int, classes: int):
        super().__init__()
        self.means = nn.Parameter(torch.randn(classes, self.PARTS, latent))
        self.log_spread = nn.Parameter(torch.zeros(classes, self.PARTS, latent))
        self.weight = nn.Parameter(torch.zeros(classes, self.PARTS))  # before a softmax

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """Log density of latents (n, k) of classes (n,), less its constant: (n,)."""
        spread = self.log_spread[label]
        away = (z[:, None] - self.means[label]) / spread.exp()
        each = -(away.square() / 2 + spread).sum(dim=2)
        return (each + self.weight[label].log_softmax(dim=1)).logsumexp(dim=1)

    def draw(self, label: Tensor, random: torch.Generator) -> Tensor:
        """Latents (n, k) of classes (n,)."""
        chance = self.weight[label].softmax(dim=1).cpu()
        part = chance.multinomial(1, generator=random)[:, 0].to(label.device)
        means = self.means[label, part]
        noise = torch.randn(means.shape, generator=random).to(label.device)
        return means + self.log_spread[label, part].exp() * noise
