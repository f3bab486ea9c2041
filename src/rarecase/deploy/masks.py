"""Masks of the network's slices, back on the grid of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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


def write_picture_masks(found: Found, folder: Path) -> None:
    """The predicted mask of each picture of a case, at the picture's own size, 0 and 255."""
    folder.mkdir(exist_ok=True)
    size = {int(n): g.images.shape[-2:] for g in found.groups for n in g.numbers}
    files = {each.number: each for each in found.case.slices}
    for (number, _, _), chance in zip(found.fitted.rows, found.chances, strict=True):
        drawn = _unfitted(chance[None], *size[number], cut=found.cut)[0]
        stem = f"{number:04d}_{files[number].image.stem}"
        Image.fromarray((drawn > 0.5).astype(np.uint8) * 255).save(folder / f"{stem}_mask.png")


def _unfitted(
    values: NDArray[np.float32], height: int, width: int, *, cut: bool
) -> NDArray[np.float32]:
    if cut:
        return np.asarray(centre(values, height, width), dtype=np.float32)
    return unfit_square(values, height, width)
