"""The threshold of a mask: half of the Dice, and what that rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from rarecase.compute import make_fabric
from rarecase.segmenter import Segmenter, UNet, load_segmenter, predict_masks
from rarecase.segmenter.batches import Slices
from rarecase.segmenter.threshold import dice_threshold


def history(*dice: float) -> pd.DataFrame:
    epochs = range(1, len(dice) + 1)
    parts = [pd.DataFrame({"epoch": epochs, "part": p, "dice": d})
             for p, d in (("train", 0.9), ("validation", dice))]  # fmt: skip
    return pd.concat(parts)


def test_it_is_half_of_the_dice_of_the_epoch_that_is_taken():
    found = history(0.6, 0.8, 0.7)
    assert dice_threshold(found, epoch=2) == pytest.approx(0.4)
    assert dice_threshold(found, epoch=3) == pytest.approx(0.35)
    assert dice_threshold(history(0.2), epoch=1) == 0.25  # what knows little is not believed more
    assert dice_threshold(found[found["part"] == "train"], epoch=2) == 0.5


def test_half_of_the_dice_maximises_it_where_probabilities_are_right():
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 1.0, size=200_000)
    true = rng.random(p.size) < p

    def dice(threshold: float) -> float:
        found = p > threshold
        return 2 * (found & true).sum() / (found.sum() + true.sum())

    grid = np.linspace(0.1, 0.7, 61)
    best = grid[np.argmax([dice(t) for t in grid])]
    assert best == pytest.approx(dice(best) / 2, abs=0.03)
    assert dice(best) > dice(0.5) + 0.01


def test_masks_are_cut_at_the_segmenters_own_and_it_travels(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        segmenter = Segmenter(UNet(in_channels=1, width=4, depth=2), ("flair",), threshold=0.3)
    segmenter.save(tmp_path)
    loaded = load_segmenter(tmp_path)
    assert loaded.threshold == 0.3
    images = np.random.default_rng(0).normal(size=(2, 1, 16, 16)).astype(np.float32)
    slices = Slices(images, np.zeros((2, 16, 16), np.uint8), range(1))
    fabric = make_fabric(device="cpu", precision="32-true")

    def pixels(threshold: float) -> int:
        mine = replace(loaded, threshold=threshold)
        parts = predict_masks(mine, slices, rows=np.arange(2), fabric=fabric)
        return sum(int(masks.sum()) for _, masks in parts)

    assert pixels(0.0) == 2 * 16 * 16 > pixels(0.5) >= pixels(0.99)
