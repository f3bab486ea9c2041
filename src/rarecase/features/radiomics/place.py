"""Where in the head a mask lies, and how much of it."""

from __future__ import annotations

import numpy as np

from rarecase.arrays import Bools
from rarecase.features.radiomics.region import Spacing

AXES = ("z", "y", "x")


def place_features(mask: Bools, head: Bools, spacing: Spacing) -> dict[str, float]:
    """Features of a mask (z, y, x) relative to the tissue around it, as shares of the tissue's box:
    0 in its middle, −1 and 1 at its ends. Side is the distance from the middle along x, since left
    and right are alike but for the hand that draws; NaN without any tissue.

    >>> head, mask = np.ones((1, 5, 5), bool), np.zeros((1, 5, 5), bool)
    >>> mask[0, 2, 4] = True
    >>> found = place_features(mask, head, (1, 1, 1))
    >>> found["place_y"], found["place_x"], found["place_share"]
    (0.0, 1.0, 0.04)
    """
    names = [*(f"place_{axis}" for axis in AXES), "place_side", "place_from_middle", "place_share"]
    if not head.any():
        return dict.fromkeys(names, float("nan"))
    inside = np.argwhere(head)
    low, high = inside.min(axis=0), inside.max(axis=0)
    half = np.maximum((high - low) / 2, 0.5)
    centre = np.argwhere(mask).mean(axis=0)
    at = (centre - (low + high) / 2) / half
    reach = half * np.array(spacing)
    far = np.linalg.norm(at * reach) / np.linalg.norm(reach)
    share = mask.sum() / head.sum()
    return dict(
        zip(names, [*at.tolist(), abs(float(at[2])), float(far), float(share)], strict=True)
    )
