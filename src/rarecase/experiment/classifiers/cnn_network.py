"""The paper's convolutional classifier of feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from rarecase.segmenter.unet import BATCH_NORM, CONVOLUTION


class FeatureNet(nn.Module):
    """Maps (n, c, h, w) or (n, c, d, h, w) to logits: (n,) for two classes (above 0: the second),
    else (n, classes).

    Mehra and Sahoo (arXiv 2209.14097), section 3: blocks of 3×3 convolution, batch norm, ReLU and
    2×2 max pooling (two in the paper, three of 64, 128, 128 channels in the notebook); two fully
    connected layers, dropout before and after the first. Sides of 1 are not pooled.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        *,
        channels: Sequence[int] = (64, 128),
        dense: int = 2048,
        dropout: float = 0.5,
    ):
        super().__init__()
        before, *sides = shape
        volumes = len(sides) == 3
        convolution, norm = CONVOLUTION[len(sides)], BATCH_NORM[len(sides)]
        pool = nn.MaxPool3d if volumes else nn.MaxPool2d
        layers: list[nn.Module] = []
        for after in channels:
            # Batch norm has the bias; the convolution needs none.
            layers += [convolution(before, after, 3, padding=1, bias=False)]
            layers += [norm(after), nn.ReLU()]
            before = after
            # All sides of a map or none, as ever; a volume's planes may be few.
            halved = tuple(2 if side > 1 else 1 for side in sides)
            if volumes or min(sides) > 1:
                layers.append(pool(halved if volumes else 2))
                sides = [side // by for side, by in zip(sides, halved, strict=True)]
        self.blocks = nn.Sequential(*layers)
        self.first = nn.Linear(before * math.prod(sides), dense)
        self.second = nn.Linear(dense, 1 if classes == 2 else classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(self.blocks(x).flatten(1))
        x = self.dropout(F.relu(self.first(x)))
        x = self.second(x)
        return x[:, 0] if x.shape[1] == 1 else x


def classification_loss(logits: Tensor, label: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy for logits (n,), cross-entropy for (n, classes): the mean over samples,
    each weighted (`weight` (n,), on average 1 over a training)."""
    reduction = "mean" if weight is None else "none"
    if logits.ndim == 1:
        target = label.to(logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction=reduction)
    else:
        loss = F.cross_entropy(logits, label, reduction=reduction)
    return loss if weight is None else (loss * weight).mean()


def predicted_class(logits: Tensor) -> Tensor:
    """Class indices (n,)."""
    return (logits > 0).long() if logits.ndim == 1 else logits.argmax(1)
