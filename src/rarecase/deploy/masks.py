"""What was drawn on the network's slices, back on the grid of the file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rarecase.cohort.case import SliceFiles
from rarecase.cohort.load import from_axial
from rarecase.deploy.model import Found
from rarecase.imaging.grid import Grid, resample
from rarecase.imaging.slices import centre, unfit_square


def mask_on_file(found: Found) -> tuple[NDArray[np.uint8], Grid]:
    """The predicted mask (i, j, k) of a volume case, in the order of its first channel's file."""
    group = found.groups[0]
    assert group.grid is not None and group.source is not None
    number = {int(n): i for i, n in enumerate(group.numbers)}
    size = found.chances.shape[-1]
    whole = np.zeros((len(group.images), size, size), dtype=np.float32)
    whole[[number[n] for n, _, _ in found.fitted.rows]] = found.chances
    slices = _unfitted(whole, *group.images.shape[-2:], cut=found.cut)
    chances = resample(from_axial(slices), group.grid, group.source)
    return (chances > 0.5).astype(np.uint8), group.source


def masks_on_pictures(found: Found) -> Iterator[tuple[SliceFiles, NDArray[np.uint8]]]:
    """Each picture of a case with its predicted mask, at the picture's own size."""
    size = {int(n): g.images.shape[-2:] for g in found.groups for n in g.numbers}
    files = {each.number: each for each in found.case.slices}
    for (number, _, _), chance in zip(found.fitted.rows, found.chances, strict=True):
        drawn = _unfitted(chance[None], *size[number], cut=found.cut)[0]
        yield files[number], (drawn > 0.5).astype(np.uint8)


def _unfitted(
    values: NDArray[np.float32], height: int, width: int, *, cut: bool
) -> NDArray[np.float32]:
    if cut:
        return np.asarray(centre(values, height, width), dtype=np.float32)
    return unfit_square(values, height, width)
