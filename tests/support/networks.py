"""A tiny network as a user has one: a module of his own with a function that makes it."""

import torch
from torch import nn

from rarecase.features.sources.networks import Network

NETWORKS = {"tiny": Network(make="support.networks:tiny", size=32)}


class Tiny(nn.Module):
    """Images (n, inputs, h, w), or volumes, to vectors (n, 6)."""

    def __init__(self, inputs: int, dims: int) -> None:
        super().__init__()
        kind = nn.Conv2d if dims == 2 else nn.Conv3d
        self.stem = kind(inputs, 4, 3, stride=2, padding=1)
        self.last = kind(4, 6, 3, stride=2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.stem(images).relu()).relu().flatten(2).mean(2)


def tiny(inputs: int = 3, dims: int = 2) -> nn.Module:
    return Tiny(inputs, dims)
