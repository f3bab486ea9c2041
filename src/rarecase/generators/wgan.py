"""A conditional Wasserstein GAN whose samples a classifier must recognise."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.arrays import Ints
from rarecase.generators.networks import Conditional
from rarecase.generators.neural import Fitting, Step
from rarecase.generators.perceptrons import Perceptrons


class WGAN(Perceptrons):
    """f-CLSWGAN (Xian et al. 2018, arXiv 1712.00981, equations 2 and 3): a Wasserstein GAN with
    gradient penalty, both networks told the class, and beside its loss that of a linear classifier
    fixed beforehand on the real training vectors.

    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat(["a", "b"], [30, 10])
    >>> WGAN(hidden=(16,), steps=10).fit(X, y).sample({"b": 7})[0].shape
    (7, 3)
    """

    SUMS: ClassVar[tuple[str, ...]] = ("critic_loss", "g_loss", "class_loss", "distance")
    LR: ClassVar[float] = 1e-3
    BETAS: ClassVar[tuple[float, float]] = (0.5, 0.9)
    CRITIC_STEPS: ClassVar[int] = 5  # of the critic for one of the generator
    # λ, of the critic's gradient: 10 for the source's 2,048 features. What the critic says grows as
    # distances do, with √d, and the penalty does not: in 2 dimensions 10 would leave it no say.
    PENALTY: ClassVar[float] = 10.0 / math.sqrt(2048)
    CLASS_WEIGHT: ClassVar[float] = 0.01  # β, of the classifier's loss

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        return {
            "generator": Conditional(self.noise, features, classes, hidden=self.hidden),
            "critic": Conditional(features, 1, classes, hidden=self.hidden),
        }

    def _step(self, fit: Fitting) -> Step:
        generator, critic = fit.players["generator"], fit.players["critic"]
        device = fit.fabric.device
        classify = linear_classifier(
            self._scaled(fit.samples), fit.label, classes=len(self.classes_)
        ).to(device)

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            real = values.flatten(1)
            fake = self._draw(generator.net, real_label, random).detach()
            apart = critic.net(real, real_label).mean() - critic.net(fake, real_label).mean()
            share = torch.rand(len(real), 1, generator=random).to(device)
            between = (share * real + (1 - share) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(
                critic.net(between, real_label).sum(), between, create_graph=True
            )
            penalty = (slope.norm(dim=1) - 1).square().mean()
            loss = -apart + self.PENALTY * math.sqrt(real.shape[1]) * penalty
            critic.step(loss)
            if (done + 1) % self.CRITIC_STEPS:
                none = loss.new_zeros(())
                return torch.stack([loss.detach(), none, none, apart.detach()])
            asked = torch.randint(len(self.classes_), (len(real),), generator=random).to(device)
            vectors = self._draw(generator.net, asked, random)
            right = F.cross_entropy(classify(vectors), asked)
            fooled = -critic.net(vectors, asked).mean()
            generator.step(fooled + self.CLASS_WEIGHT * right)
            # Once in so many steps, for as many: the history's mean is then a step's.
            return torch.stack(
                [loss.detach(), self.CRITIC_STEPS * fooled.detach(),
                 self.CRITIC_STEPS * right.detach(), apart.detach()]
            )  # fmt: skip

        return step


def linear_classifier(X: NDArray[np.float32], label: Ints, *, classes: int) -> nn.Linear:
    """Logistic regression on scaled vectors (n, d), as a layer whose weights are fixed."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=0.1, max_iter=500).fit(X, label)
    weight, bias = fitted.coef_, fitted.intercept_
    if classes == 2:  # one row says both
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    layer = nn.Linear(X.shape[1], classes).requires_grad_(False)
    layer.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
    layer.bias.copy_(torch.from_numpy(bias.astype(np.float32)))
    return layer
