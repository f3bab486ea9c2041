"""A case's slices at the network's size."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rarecase.cohort.load import CaseArrays
from rarecase.imaging.normalise import Scale, apply_scale, fit_scale
from rarecase.imaging.slices import centre, fit_square, fit_square_masks, unfit_square
from rarecase.shown import Brief

_log = logging.getLogger(__name__)

Normalise = Literal["tissue", "case", "none"]

# A slice in which fewer pixels than this rise above the background holds no tissue.
_EMPTY_SHARE = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class Fitted(Brief):
    """A case's slices at network size; rows: number, has_mask, tumour pixels of each."""

    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    rows: list[tuple[int, bool, int]]
    skipped: int


def fit_case(
    groups: Sequence[CaseArrays],
    size: int,
    *,
    name: str,
    normalise: Normalise,
    cut: bool = False,
    skip_empty: bool = False,
) -> Fitted:
    """All slices of a case at size x size, in the order of their numbers.

    normalise: 'tissue' or 'case' (by the foreground) as in `rarecase.imaging.fit_scale`; 'none'
    keeps raw values, less the background. cut: take the middle of each slice as it is, instead of
    resizing it to a square. skip_empty: leave out slices without tissue and without mask. `name` is
    the case's, to be said.
    """
    scales = case_scales(groups, tissue=normalise == "tissue")
    images, masks, numbers, has_mask = [], [], [], []
    skipped = 0
    for group in groups:
        keep = np.ones(len(group.images), dtype=bool)
        if skip_empty:
            keep = _with_tissue(group, scales)
            skipped += int((~keep).sum())
        scaled = _scaled(group.images[keep], scales, normalise)
        images.append(centre(scaled, size, size) if cut else fit_square(scaled, size))
        drawn = np.zeros((int(keep.sum()), size, size), dtype=np.uint8)
        if group.masks is not None:
            own = group.masks[keep]
            drawn = centre(own, size, size) if cut else fit_square_masks(own, size)
            if cut and drawn.sum() < own.sum():
                _log.warning(
                    "%s: %.0f %% of the tumour lies outside of the slices; choose more or larger "
                    "pixels", name, 100 * (1 - drawn.sum() / own.sum()),
                )  # fmt: skip
        masks.append(drawn)
        numbers.append(group.numbers[keep])
        has_mask.append(group.has_mask[keep])
    number = np.concatenate(numbers)
    order = np.argsort(number, kind="stable")
    all_masks = np.concatenate(masks)[order]
    tumour = all_masks.sum(axis=(1, 2), dtype=np.int64)
    there = np.concatenate(has_mask)[order]
    rows = [(int(n), bool(h), int(t)) for n, h, t in zip(number[order], there, tumour, strict=True)]
    return Fitted(np.concatenate(images)[order], all_masks, rows, skipped)


def case_scales(groups: Sequence[CaseArrays], *, tissue: bool) -> list[Scale]:
    """One scale per channel of a case, whatever sizes its pictures have."""
    return [
        fit_scale(np.concatenate([group.images[:, c].ravel() for group in groups]), tissue=tissue)
        for c in range(groups[0].images.shape[1])
    ]


def unfit(
    values: NDArray[np.float32], height: int, width: int, *, cut: bool
) -> NDArray[np.float32]:
    """Fitted slices (n, size, size) back at the size that they had (n, height, width)."""
    if cut:
        return np.asarray(centre(values, height, width), dtype=np.float32)
    return unfit_square(values, height, width)


def head_of(images: NDArray[np.float32], scales: Sequence[Scale]) -> NDArray[np.bool_]:
    """What of slices (n, c, h, w) is no background in some channel (n, h, w)."""
    above = [_above(images[:, c], scale) for c, scale in enumerate(scales)]
    return np.asarray(np.logical_or.reduce(above))


def _above(values: NDArray[np.float32], scale: Scale) -> NDArray[np.bool_]:
    """What rises from the background."""
    return np.asarray(np.abs(values - np.float32(scale.background)) > (scale.ramp or 0))


def pixel_of(groups: Sequence[CaseArrays], size: int, pixel: float | None) -> float | None:
    """Millimetres of a pixel of the fitted slices, None for pictures."""
    if pixel is not None or groups[0].spacing is None:
        return pixel
    return float(groups[0].spacing[0] * max(groups[0].images.shape[-2:]) / size)


def _scaled(
    images: NDArray[np.float32], scales: Sequence[Scale], normalise: Normalise
) -> NDArray[np.float32]:
    out = np.empty(images.shape, dtype=np.float32)
    for channel, scale in enumerate(scales):
        values = images[:, channel]
        if normalise == "none":
            out[:, channel] = values - np.float32(scale.background)
        else:
            out[:, channel] = apply_scale(values, scale)
    return out


def _with_tissue(group: CaseArrays, scales: Sequence[Scale]) -> NDArray[np.bool_]:
    keep = np.zeros(len(group.images), dtype=bool)
    for channel, scale in enumerate(scales):
        above = _above(group.images[:, channel], scale)
        keep |= above.mean(axis=(1, 2)) >= _EMPTY_SHARE
    if group.masks is not None:
        keep |= group.masks.any(axis=(1, 2))
    return keep
