"""The ACGAN's losses (Odena et al. 2017, arXiv 1610.09585, equations 2 and 3).

L_S is the log likelihood of the right source, L_C that of the right class; the discriminator
maximises L_S + L_C, the generator L_C − L_S. All return a mean over samples, to be minimised.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

STEEP = 0.15  # γ for a feature


def source_loss(logits: Tensor, *, real: bool) -> Tensor:
    """Binary cross-entropy of source logits (n,) against "all real" or "all synthetic"."""
    return F.softplus(-logits if real else logits).mean()


def class_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Negative log likelihood of class indices (n,) under a log-softmax of logits (n, classes)."""
    return F.nll_loss(F.log_softmax(logits, dim=1), label)


def discriminator_loss(
    real: tuple[Tensor, Tensor], real_label: Tensor, fake: tuple[Tensor, Tensor], fake_label: Tensor
) -> Tensor:
    """−(L_S + L_C), over real and synthetic samples; `real`, `fake` are the two heads' logits."""
    sources = source_loss(real[0], real=True) + source_loss(fake[0], real=False)
    return sources + class_loss(real[1], real_label) + class_loss(fake[1], fake_label)


def generator_loss(fake: tuple[Tensor, Tensor], fake_label: Tensor) -> Tensor:
    """−(L_C − L_S) in the non-saturating form: the synthetic samples' source against "real".

    Minimising log(1 − D) has no gradient while the discriminator wins (Goodfellow et al. 2014,
    arXiv 1406.2661, section 3); maximising log D has the same fixed point.
    """
    return source_loss(fake[0], real=True) + class_loss(fake[1], fake_label)


def slope_penalty(said: Tensor, real: Tensor) -> Tensor:
    """How steeply a discriminator's logits (n,) rise at the real vectors (n, d) they are said of.

    R1: γ / 2 times the mean squared gradient (Mescheder et al. 2018, arXiv 1801.04406, equation 9).

    With a few hundred samples a discriminator learns them by heart, and so does every head of it
    that looks at them. γ grows with d: standardised vectors lie √d apart, so that the same rise
    between two of them has a squared slope of 1 / d. `real` must require its gradient.
    """
    (slope,) = torch.autograd.grad(said.sum(), real, create_graph=True)
    return STEEP * real.shape[1] / 2 * slope.square().sum(dim=1).mean()
