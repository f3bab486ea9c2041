"""Hard Dice and IoU as the paper computes them, and Dice per volume as it should be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from rarecase.segmenter.losses import EPSILON


def hard_dice(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Dice of two 0/1 masks over the whole batch (TensorLayer's `dice_hard_coe`, ε = 1e-5)."""
    overlap = (predicted * target).sum()
    return (2 * overlap + EPSILON) / (predicted.sum() + target.sum() + EPSILON)


def iou(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Intersection over union of two 0/1 masks over the whole batch (TensorLayer's `iou_coe`)."""
    overlap = (predicted * target).sum()
    union = ((predicted + target) > 0).sum()
    return (overlap + EPSILON) / (union + EPSILON)


def volume_dice(
    predicted: np.ndarray, target: np.ndarray, cases: np.ndarray | pd.Series
) -> pd.DataFrame:
    """Dice and IoU of every case over all of its slices together.

    `predicted` and `target` are 0/1 masks (n, h, w); `cases` (n,) says whose slice each is. Where
    neither holds a pixel both scores are 1 (nothing to find, nothing found). Returns a table with
    columns case, dice, iou, slices, in the order of first appearance.

    >>> a = np.array([[[1, 1]], [[0, 0]]]); b = np.array([[[1, 0]], [[0, 1]]])
    >>> volume_dice(a, b, np.array(["p", "p"]))["dice"].item()
    0.5
    """
    pixels = pd.DataFrame(
        {
            "case": np.asarray(cases),
            "overlap": np.logical_and(predicted, target).sum(axis=(1, 2)),
            "predicted": (predicted > 0).sum(axis=(1, 2)),
            "target": (target > 0).sum(axis=(1, 2)),
            "slices": 1,
        }
    )
    sums = pixels.groupby("case", sort=False, as_index=False).sum()
    both = sums["predicted"] + sums["target"]
    union = both - sums["overlap"]
    dice = np.where(both > 0, 2 * sums["overlap"] / both.clip(lower=1), 1.0)
    ratio = np.where(both > 0, sums["overlap"] / union.clip(lower=1), 1.0)
    return pd.DataFrame(
        {"case": sums["case"], "dice": dice, "iou": ratio, "slices": sums["slices"]}
    )
