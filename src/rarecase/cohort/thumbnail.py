"""A small picture of a case: the slice that shows most of the tumour, and its outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rarecase.cohort.load import CaseArrays
from rarecase.imaging.normalise import fit_scale
from rarecase.imaging.shown import shown_channel
from rarecase.imaging.slices import fit_square, fit_square_masks
from rarecase.shown import Brief

SIDE = 144  # pixels


@dataclass(frozen=True, eq=False, repr=False)
class Thumbnail(Brief):
    """image (SIDE, SIDE) uint8; outline (SIDE, SIDE) bool, None without a mask; the slice and the
    channel shown; whether a header says how it lies in space."""

    image: NDArray[np.uint8]
    outline: NDArray[np.bool_] | None
    slice: int
    placed: bool
    channel: str


def thumbnail(groups: Sequence[CaseArrays], channels: Sequence[str]) -> Thumbnail:
    """The slice with the largest mask, or the middle one without any, in the channel of
    `shown_channel`."""
    group, at = _chosen(groups)
    channel = shown_channel(channels, drawn_on=group.drawn_on)
    plane = group.images[at, channel]
    scale = fit_scale(plane)
    low, high = scale.background, float(np.percentile(plane, 99.5))
    grey = np.clip((plane - low) / (high - low if high > low else 1.0), 0, 1).astype(np.float32)
    small = fit_square(grey[None, None], SIDE)[0, 0]
    outline = None
    if group.masks is not None and group.has_mask[at]:
        mask = fit_square_masks(group.masks[at : at + 1], SIDE)[0].astype(bool)
        outline = mask & ~ndimage.binary_erosion(mask)
    shown = (small * 255).round().astype(np.uint8)
    number = int(group.numbers[at])
    return Thumbnail(shown, outline, number, group.placed, channels[channel])


def _chosen(groups: Sequence[CaseArrays]) -> tuple[CaseArrays, int]:
    best, most = None, 0
    for group in groups:
        if group.masks is None:
            continue
        area = group.masks.sum(axis=(1, 2), dtype=np.int64)
        if area.max(initial=0) > most:
            best, most = (group, int(area.argmax())), int(area.max())
    if best is not None:
        return best
    largest = max(groups, key=lambda group: len(group.images))
    return largest, len(largest.images) // 2
