"""From which probability on a pixel is called lesion."""

from __future__ import annotations

import pandas as pd

HALF, LEAST = 0.5, 0.25


def dice_threshold(history: pd.DataFrame, *, epoch: int) -> float:
    """Half of the Dice of the validation patients after `epoch` (see `train_segmenter`), but no
    less than a quarter; one half where none were scored.

    Where probabilities are right, the threshold that maximises a Dice is half of it (Lipton, Elkan,
    Naryanaswamy, ECML 2014, theorem 1): pixels of which the network is not sure are worth having.

    >>> rows = {"epoch": [1, 1], "part": ["train", "validation"], "dice": [0.9, 0.7]}
    >>> dice_threshold(pd.DataFrame(rows), epoch=1)
    0.35
    """
    mine = history[(history["part"] == "validation") & (history["epoch"] == epoch)]["dice"]
    return HALF if mine.empty else min(max(float(mine.iloc[0]) / 2, LEAST), HALF)
