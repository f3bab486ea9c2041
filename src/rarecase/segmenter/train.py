"""Training a U-Net: from random weights, or fine-tuning one that was trained elsewhere.

The paper: Adam, learning rate 1e-5, β1 0.9, batch 10, 30 epochs, soft-Dice loss. The paper's best
epoch was chosen on the test set; here it is chosen on a validation part of the training patients.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning_fabric
import numpy as np
import pandas as pd
import torch

from rarecase import progress
from rarecase.checkpoint import load_tensors, load_training, save_tensors, save_training
from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.seeds import torch_rng
from rarecase.segmenter.augment import Augmentation, apply, draw
from rarecase.segmenter.batches import Slices, in_order, shuffled
from rarecase.segmenter.losses import LOSSES, dice_loss
from rarecase.segmenter.metrics import hard_dice, iou
from rarecase.segmenter.model import Segmenter
from rarecase.segmenter.pooling import shrunk

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """How to train; the defaults are the paper's. `cosine` lets the rate fall to 0 at the end.

    The first of the epochs, this share of them (`coarse`), see slices at half their size, at a
    quarter of the cost (progressive resizing): most of what a network learns from random weights
    can be learnt there.
    """

    epochs: int = 30
    batch: int = 10
    learning_rate: float = 1e-5
    beta1: float = 0.9
    decay: Literal["constant", "cosine"] = "constant"
    loss: Literal["dice", "dice+bce"] = "dice"
    coarse: float = 0.0

    @property
    def coarse_epochs(self) -> int:
        """How many epochs see slices at half size."""
        return round(self.coarse * self.epochs)

    def rate(self, step: int, *, steps: int) -> float:
        """Learning rate of optimisation step `step` of `steps`."""
        if self.decay == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def train_segmenter(
    segmenter: Segmenter,
    slices: Slices,
    *,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    schedule: Schedule,
    augmentation: Augmentation | None,
    fabric: lightning_fabric.Fabric,
    seed: int,
    checkpoint: Path,
    name: str = "segmenter",
) -> pd.DataFrame:
    """Train in place and leave the weights of the best validation epoch in `segmenter`.

    `train_rows` and `validation_rows` index `slices`; without validation rows the last epoch is
    taken. After every epoch the state goes to `checkpoint`; a call that finds one there goes on
    from it and ends with the same bits. Returns the history: epoch, part, loss (soft-Dice loss),
    dice (hard), iou — each the mean over batches, as the paper reports — and seconds.
    """
    if not len(train_rows):
        raise DataError("No slice with a mask to train the segmenter on: are the masks missing?")
    if schedule.epochs < 1 or schedule.batch < 1:
        raise SettingError("Segmenter epochs and batch must be at least 1.")
    net = segmenter.net.channels_last()
    optimizer = torch.optim.Adam(
        net.parameters(), lr=schedule.learning_rate, betas=(schedule.beta1, 0.999)
    )
    wrapped, tuned = fabric.setup(net, optimizer)
    history: list[dict[str, Any]] = []
    best: dict[str, torch.Tensor] = {}
    done, best_epoch = 0, 0
    if checkpoint.exists():
        meta = load_training(checkpoint, modules={"net": net}, optimizers={"adam": optimizer})
        history, done, best_epoch = meta["history"], meta["epoch"], meta["best_epoch"]
        best = load_tensors(_best_file(checkpoint, best_epoch))[0]
        log.info("%s: going on after epoch %d", name, done)

    with progress.task(name, total=schedule.epochs) as bar:
        bar.advance(done)
        for epoch in range(done + 1, schedule.epochs + 1):
            start = time.perf_counter()
            scores = _train_epoch(
                wrapped, tuned, slices, rows=train_rows, segmenter=segmenter, schedule=schedule,
                augmentation=augmentation, fabric=fabric, seed=seed, epoch=epoch,
            )  # fmt: skip
            seconds = time.perf_counter() - start
            history.append({"epoch": epoch, "part": "train", **scores, "seconds": seconds})
            coarse = epoch <= schedule.coarse_epochs
            if len(validation_rows):
                scores = evaluate(
                    wrapped, slices, rows=validation_rows, segmenter=segmenter,
                    batch=schedule.batch, fabric=fabric, coarse=coarse,
                )  # fmt: skip
                if not math.isfinite(scores["loss"]):
                    raise _diverged(scores["loss"], schedule=schedule, epoch=epoch)
                history.append({"epoch": epoch, "part": "validation", **scores, "seconds": 0.0})
            # What was scored on slices of half the size does not compete with the full size.
            anew = not coarse and best_epoch <= schedule.coarse_epochs
            if not len(validation_rows) or anew or scores["loss"] <= _loss_at(history, best_epoch):
                best_epoch = epoch
                best = {key: value.detach().clone() for key, value in net.state_dict().items()}
                save_tensors(_best_file(checkpoint, epoch), best)
            save_training(
                checkpoint, modules={"net": net}, optimizers={"adam": optimizer},
                meta={"epoch": epoch, "best_epoch": best_epoch, "history": history},
            )  # fmt: skip
            for old in checkpoint.parent.glob("best-*.safetensors"):
                if old != _best_file(checkpoint, best_epoch):
                    old.unlink()
            bar.advance(note=f"Dice {scores['dice']:.2f}")
    net.load_state_dict(best)
    segmenter.best_epoch = best_epoch
    return pd.DataFrame(history)


def _best_file(checkpoint: Path, epoch: int) -> Path:
    """One file an epoch: a kill between this and the checkpoint leaves the one that it names."""
    return checkpoint.with_name(f"best-{epoch}.safetensors")


def _loss_at(history: list[dict[str, Any]], epoch: int) -> float:
    losses = [r["loss"] for r in history if r["epoch"] == epoch and r["part"] == "validation"]
    return losses[0] if losses else math.inf


def _train_epoch(
    net: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    slices: Slices,
    *,
    rows: np.ndarray,
    segmenter: Segmenter,
    schedule: Schedule,
    augmentation: Augmentation | None,
    fabric: lightning_fabric.Fabric,
    seed: int,
    epoch: int,
) -> dict[str, float]:
    net.train()
    batches = shuffled(rows, size=schedule.batch, seed=seed, epoch=epoch)
    generator = torch_rng(seed, "augmentation", epoch)
    loss_of = LOSSES[schedule.loss]
    scores = []
    read = slices.batches(batches, device=fabric.device)
    for number, (batch, (images, masks)) in enumerate(read):
        if augmentation is not None:
            drawn = draw(augmentation, len(batch), generator=generator)
            drawn = type(drawn)(**{k: fabric.to_device(v) for k, v in vars(drawn).items()})
            images, moved = apply(drawn, images, masks)
            masks = masks if moved is None else moved
        if epoch <= schedule.coarse_epochs:
            images, masks = halved(images, masks, step=2**segmenter.net.depth)
        step = (epoch - 1) * len(batches) + number
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step, steps=schedule.epochs * len(batches))
        logits = net(slices.ready(images, segmenter.normaliser)).float()
        loss = loss_of(logits, masks)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        scores.append(torch.cat([loss.detach().float()[None], _scores(logits.detach(), masks)]))
    # Asked once an epoch: with every question a CPU waits for its GPU.
    minimised, *means = _means(scores)
    if not math.isfinite(minimised):
        raise _diverged(minimised, schedule=schedule, epoch=epoch)
    return _named(means)


def halved(
    images: torch.Tensor, masks: torch.Tensor, *, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both at half the height and width, or next to it: the nearest sides that `step` divides.
    Means over the pixels that meet in one; masks are cut at one half. Volumes keep their planes."""
    height, width = (max(1, round(side / 2 / step)) * step for side in images.shape[-2:])
    size = (*images.shape[2:-2], height, width)
    return shrunk(images, size), (shrunk(masks, size) >= 0.5).to(masks.dtype)


def _diverged(loss: float, *, schedule: Schedule, epoch: int) -> RarecaseError:
    return RarecaseError(
        f"The segmenter's loss became {loss} in epoch {epoch}. Lower the learning rate (now "
        f"{schedule.learning_rate:g}), or look for extreme intensities with 'rarecase inspect'."
    )


@torch.no_grad()
def evaluate(
    net: torch.nn.Module,
    slices: Slices,
    *,
    rows: np.ndarray,
    segmenter: Segmenter,
    batch: int,
    fabric: lightning_fabric.Fabric,
    coarse: bool = False,
) -> dict[str, float]:
    """Soft-Dice loss, hard Dice and IoU, each the mean over consecutive batches (as the paper);
    `coarse`: on slices at half their size."""
    net.eval()
    scores = []
    for _, (images, masks) in slices.batches(in_order(rows, size=batch), device=fabric.device):
        if coarse:
            images, masks = halved(images, masks, step=2**segmenter.net.depth)
        logits = net(slices.ready(images, segmenter.normaliser)).float()
        scores.append(_scores(logits, masks))
    return _named(_means(scores))


def _scores(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Soft-Dice loss, hard Dice and IoU of a batch (3,), left on their device."""
    predicted = (logits > 0).float()
    return torch.stack(
        [dice_loss(logits, masks), hard_dice(predicted, masks), iou(predicted, masks)]
    )


def _means(scores: Sequence[torch.Tensor]) -> list[float]:
    """The mean over batches of each score."""
    found: list[float] = torch.stack(list(scores)).cpu().numpy().mean(0, dtype=np.float64).tolist()
    return found


def _named(scores: Sequence[float]) -> dict[str, float]:
    return dict(zip(("loss", "dice", "iou"), scores, strict=True))
