"""Soft-Dice loss as TensorLayer computes it, which the paper trains with."""

from __future__ import annotations

import torch
from torch.nn import functional

EPSILON = 1e-5


def soft_dice(probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Soft Dice over the whole batch with squared terms in the denominator (0 … 1).

    TensorLayer's `dice_coe(loss_type="jaccard")`, ε = 1e-5, all samples together. Any equal shapes.

    >>> soft_dice(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])).item()
    1.0
    """
    probabilities, target = probabilities.float(), target.float()
    overlap = (probabilities * target).sum()
    total = probabilities.square().sum() + target.square().sum()
    return (2 * overlap + EPSILON) / (total + EPSILON)


def dice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 − soft Dice of the sigmoid of `logits` (n, 1, h, w) against a 0/1 `target`."""
    return 1 - soft_dice(logits.float().sigmoid(), target)


def dice_and_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Soft-Dice loss plus binary cross-entropy: steadier from random weights (not the paper's)."""
    entropy = functional.binary_cross_entropy_with_logits(logits.float(), target.float())
    return dice_loss(logits, target) + entropy


LOSSES = {"dice": dice_loss, "dice+bce": dice_and_cross_entropy}
