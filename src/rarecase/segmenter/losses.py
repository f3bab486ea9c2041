"""Soft-Dice loss as TensorLayer computes it, which the paper trains with, and others."""

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


def sample_dice_and_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """As `dice_and_cross_entropy`, but one half of the Dice is the mean of each sample's own, over
    those that show a lesion.

    Over a batch together large lesions decide, and small ones may be missed at no cost: a patient's
    Dice, by which outlines are judged, does not forgive it. Each sample's alone (MONAI's
    `DiceCELoss` without `batch`) knows nothing of what is outlined where nothing is.
    """
    truth = target.float()
    inside = tuple(range(1, truth.ndim))
    shown = truth.sum(inside) > 0
    if not shown.any():
        return dice_and_cross_entropy(logits, target)
    chances, mine = logits[shown].float().sigmoid(), truth[shown]
    total = chances.square().sum(inside) + mine.square().sum(inside)
    each = 1 - (2 * (chances * mine).sum(inside) + EPSILON) / (total + EPSILON)
    entropy = functional.binary_cross_entropy_with_logits(logits.float(), truth)
    return (dice_loss(logits, target) + each.mean()) / 2 + entropy


LOSSES = {
    "dice": dice_loss,
    "dice+bce": dice_and_cross_entropy,
    "sample-dice+bce": sample_dice_and_cross_entropy,
}
