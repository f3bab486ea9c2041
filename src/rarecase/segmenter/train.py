"""Training a U-Net: from random weights, or fine-tuning one that was trained elsewhere.

The paper: Adam, learning rate 1e-5, β1 0.9, batch 10, 30 epochs, soft-Dice loss. The paper's best
epoch was chosen on the test set; here it is chosen on a validation part of the training patients.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import lightning_fabric
import numpy as np
import pandas as pd
import torch

from rarecase.errors import DataError
from rarecase.numbers import plainly
from rarecase.seeds import torch_rng
from rarecase.segmenter.augment import Augmentation, Drawn, apply, draw
from rarecase.segmenter.batches import Slices, in_order, shrunk, shuffled
from rarecase.segmenter.losses import LOSSES, dice_loss
from rarecase.segmenter.metrics import hard_dice, iou
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.schedule import SegmenterSchedule
from rarecase.training import (
    Row,
    Training,
    make_adam,
    refuse_infinite,
    run_epochs,
    training_key,
)

Loss = Literal["dice", "dice+bce", "sample-dice+bce"]


def train_segmenter(
    segmenter: Segmenter,
    slices: Slices,
    *,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    schedule: SegmenterSchedule,
    augmentation: Augmentation | None,
    fabric: lightning_fabric.Fabric,
    seed: int,
    checkpoint: Path,
    loss: Loss = "dice",
    name: str = "segmenter",
) -> pd.DataFrame:
    """Train in place and leave the weights of the best validation epoch in `segmenter`.

    After every epoch the state goes to `checkpoint`; a call that finds one there goes on from it
    and ends with the same bits.

    Parameters
    ----------
    train_rows, validation_rows
        Samples of `slices`; without validation rows the last epoch is taken.
    loss
        What is minimised.

    Returns
    -------
    The history: epoch, part, loss (soft-Dice loss), dice (hard), iou, each the mean over batches,
    as the paper reports them, and seconds.
    """
    if not len(train_rows):
        raise DataError("No slice with a mask to train the segmenter on: are the masks missing?")
    net = segmenter.net.channels_last()
    stages = net.stages()
    optimizer = make_adam(stages, schedule)
    best = _Best(net, schedule)
    wrapped, tuned = fabric.setup(net, optimizer)
    shares = [schedule.layer_decay**behind for behind in reversed(range(len(stages)))]
    fitting = _Fitting(
        wrapped, tuned, segmenter, slices, schedule, augmentation, fabric, seed, loss, shares
    )
    key = training_key(
        seed, schedule, loss, augmentation,
        arrays=(train_rows, validation_rows), modules={"net": net},
    )  # fmt: skip
    training = Training(
        name, lambda number: {"part": "train"} | fitting.train(train_rows, number), {"net": net},
        {"adam": optimizer}, key, fitting.cure, beside={"best": best.weights}, kept=best.state,
        after=lambda number: fitting.validate(validation_rows, number, best), over=best.over,
    )  # fmt: skip
    history = run_epochs(training, epochs=schedule.epochs, checkpoint=checkpoint)
    net.load_state_dict(best.weights.state_dict())
    segmenter.best_epoch = int(best.state["epoch"])
    return pd.DataFrame(history)


class _Best:
    """The weights of the epoch with the lowest validation loss; the last one's without a loss."""

    def __init__(self, net: torch.nn.Module, schedule: SegmenterSchedule) -> None:
        self.net, self.schedule = net, schedule
        self.weights = copy.deepcopy(net).requires_grad_(False)
        self.state = {"epoch": 0, "loss": math.inf, "last": 0}

    def over(self) -> bool:
        """Whether so many epochs at the full size have passed without a better one."""
        patience = self.schedule.patience
        since = self.state["last"] - max(self.state["epoch"], self.schedule.coarse_epochs)
        return patience is not None and since >= patience

    def offer(self, epoch: int, loss: float | None) -> None:
        # What was scored on slices of half the size does not compete with the full size.
        anew = self.state["epoch"] <= self.schedule.coarse_epochs < epoch
        self.state["last"] = epoch
        if loss is None or anew or loss <= self.state["loss"]:
            self.state.update(epoch=epoch, loss=loss or 0.0)
            self.weights.load_state_dict(self.net.state_dict())


@dataclass(frozen=True)
class _Fitting:
    """An epoch of training or validation; `net` and `optimizer` as Fabric wraps them."""

    net: torch.nn.Module
    optimizer: torch.optim.Optimizer
    segmenter: Segmenter
    slices: Slices
    schedule: SegmenterSchedule
    augmentation: Augmentation | None
    fabric: lightning_fabric.Fabric
    seed: int
    loss: Loss
    shares: Sequence[float]  # of the learning rate, by group of weights

    @property
    def cure(self) -> str:
        """What helps a training whose loss is no longer finite."""
        return (
            f"lower the learning rate (now {plainly(self.schedule.lr)}), or look for extreme "
            "intensities with 'rarecase inspect'"
        )

    def train(self, rows: np.ndarray, epoch: int) -> dict[str, float]:
        """Train on samples `rows`; the scores are those of the network as it learns."""
        batches = shuffled(rows, size=self.schedule.batch, seed=self.seed, epoch=epoch)
        generator = torch_rng(self.seed, "augmentation", epoch)
        scores = []
        read = self.slices.batches(batches, device=self.fabric.device)
        for number, (batch, (images, masks)) in enumerate(read):
            if self.augmentation is not None:
                drawn = draw(self.augmentation, len(batch), generator=generator)
                drawn = Drawn(**{k: self.fabric.to_device(v) for k, v in vars(drawn).items()})
                images, masks = apply(drawn, images, masks)
            step = (epoch - 1) * len(batches) + number
            rate = self.schedule.rate(step, steps=self.schedule.epochs * len(batches))
            for group, share in zip(self.optimizer.param_groups, self.shares, strict=True):
                group["lr"] = rate * share
            logits, masks = self._logits(images, masks, epoch)
            found = LOSSES[self.loss](logits, masks)
            self.optimizer.zero_grad()
            self.fabric.backward(found)
            self.optimizer.step()
            scores.append(torch.cat([_scores(logits.detach(), masks), found.detach()[None]]))
        # Asked once an epoch: with every question a CPU waits for its GPU.
        means = _means(scores)
        refuse_infinite({"loss": means.pop("minimised")}, epoch=epoch, cure=self.cure)
        return means

    def validate(self, rows: np.ndarray, epoch: int, best: _Best) -> Row | None:
        """Offer the weights to `best`, with their score where there are samples to score."""
        if not len(rows):
            best.offer(epoch, None)
            return None
        scores = self.evaluate(rows, epoch)
        refuse_infinite(scores, epoch=epoch, cure=self.cure)
        best.offer(epoch, scores["loss"])
        return {"part": "validation"} | scores

    @torch.no_grad()
    def evaluate(self, rows: np.ndarray, epoch: int) -> dict[str, float]:
        """Scores of samples `rows` after `epoch`, each the mean over consecutive batches."""
        self.net.eval()
        parts = in_order(rows, size=self.schedule.batch)
        return _means(
            [
                _scores(*self._logits(images, masks, epoch))
                for _, (images, masks) in self.slices.batches(parts, device=self.fabric.device)
            ]
        )

    def _logits(
        self, images: torch.Tensor, masks: torch.Tensor, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of `images` with the masks that they are held against, at the epoch's size."""
        if epoch <= self.schedule.coarse_epochs:
            images, masks = halved(images, masks, step=2**self.segmenter.net.depth)
        ready = self.slices.ready(images, self.segmenter.normaliser)
        return self.net(ready).float(), masks


def halved(
    images: torch.Tensor, masks: torch.Tensor, *, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both at half the height and width, or next to it: the nearest sides that `step` divides.
    Means over the pixels that meet in one; masks are cut at one half. Volumes keep their planes."""
    height, width = (max(1, round(side / 2 / step)) * step for side in images.shape[-2:])
    size = (*images.shape[2:-2], height, width)
    return shrunk(images, size), (shrunk(masks, size) >= 0.5).to(masks.dtype)


def _scores(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Soft-Dice loss, hard Dice and IoU of a batch (3,), left on their device."""
    predicted = (logits > 0).float()
    return torch.stack(
        [dice_loss(logits, masks), hard_dice(predicted, masks), iou(predicted, masks)]
    )


def _means(scores: Sequence[torch.Tensor]) -> dict[str, float]:
    """The mean over batches of each score, by name."""
    found = torch.stack(list(scores)).cpu().numpy().mean(0, dtype=np.float64).tolist()
    return dict(zip(("loss", "dice", "iou", "minimised"), found, strict=False))
