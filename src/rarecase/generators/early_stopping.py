"""Which weights a network is sampled with: an average of the last ones, or those of the best
epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Average:
    """An exponential moving average of a network's weights; what the network is sampled with.

    The decay rises to `decay` over the first steps, so that the start is soon forgotten.
    """

    def __init__(self, net: nn.Module, *, decay: float) -> None:
        self.source, self.decay = net, decay
        self.net = copy.deepcopy(net).requires_grad_(False)

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Move towards the network after so many steps in all."""
        share = 1 - min(self.decay, (1 + steps) / (10 + steps))
        for weight, theirs in zip(self.net.parameters(), self.source.parameters(), strict=True):
            weight.lerp_(theirs.detach(), share)
        for buffer, other in zip(self.net.buffers(), self.source.buffers(), strict=True):
            buffer.copy_(other)


class Watch:
    """Keeps the weights of `net` from the epoch with the lowest `criterion`, computed every `every`
    epochs; `over` after `patience` of them without a lower one. `state` (lowest, epoch, since) is
    what a checkpoint keeps beside the weights."""

    def __init__(
        self, net: nn.Module, criterion: Callable[[], float], *, every: int, patience: int
    ) -> None:
        self.net, self.criterion, self.every, self.patience = net, criterion, every, patience
        self.best = copy.deepcopy(net).requires_grad_(False)
        self.state: dict[str, Any] = {"lowest": math.inf, "epoch": 0, "since": 0}

    def look(self, epoch: int) -> None:
        """After an epoch."""
        if epoch % self.every:
            return
        value = self.criterion()
        self.state["since"] += 1
        if value < self.state["lowest"]:
            self.state.update(lowest=value, epoch=epoch, since=0)
            self.best.load_state_dict(self.net.state_dict())

    @property
    def over(self) -> bool:
        return bool(self.state["since"] >= self.patience)
