"""The one rule for what a mask's values mean, in every format: anything above 0 is tumour, unless
values are chosen; values near whole numbers are those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.numbers import plainly

MOST_LABELS = 32
"""More different values of a volume than these are taken for an image, unless they are the numbers
of lesions."""

_NEAR = 0.01  # of a whole number; what scaling and resampling leave of a label
# What JPEG makes of an empty mask stays below this (of 255); of a mask with anything in it, far
# above.
_JPEG_NOISE = 32
# A picture of fewer different values holds labels (0, 1, 2, 4), whatever lies beside them.
_FEW = 8
_MOST_OF_8_BITS = 250
_LEVEL = 8  # values of one level of a compressed mask lie this near to one another
_ENOUGH = 4  # pixels that a level needs

INVERTED = "its tags say that 0 is white; it is inverted, so that white is high"


def as_stored(
    data: NDArray, notes: Sequence[str], *, white: float | None
) -> tuple[NDArray, list[str]]:
    """A mask's numbers as its file stores them, and what is to be said of it; `white`: what 0
    became where a tag says that it is white. That tag is of how a mask looks, as a palette is: what
    is drawn is stored above 0, by ImageJ and by tifffile alike."""
    if white is None:
        return data, list(notes)
    said = "its tags say that 0 is white; of a mask the numbers count, as they are stored"
    return white - data, [note.replace(INVERTED, said) for note in notes]


@dataclass(frozen=True, eq=False)
class Drawn:
    """inside: where the tumour is, bool of the mask's shape. values: whole numbers above 0 that the
    mask holds, and in how many voxels. said: what is odd, and what was done."""

    inside: NDArray[np.bool_]
    values: Mapping[int, int]
    said: tuple[str, ...] = ()


def drawn(data: NDArray, name: str, *, chosen: Sequence[int] = ()) -> Drawn:
    """What a mask says. data: its values, of any shape; name: its file's, for what is said.

    >>> drawn(np.array([0, 0.9999, 2, 1e-9]), "m").inside.tolist()
    [False, True, True, False]
    >>> drawn(np.array([0, 0.9999, 2]), "m", chosen=[1]).inside.tolist()
    [False, True, False]
    """
    # Sorting all the zeros would take long.
    found, counts = np.unique(data[data != 0], return_counts=True)
    whole = np.round(found)
    near = np.abs(found - whole) < _NEAR
    rounded = np.where(near, whole, found)
    above = rounded > 0
    values: dict[int, int] = {}
    for value, count in zip(rounded[near & above].tolist(), counts[near & above], strict=True):
        values[int(value)] = values.get(int(value), 0) + int(count)
    tumour = np.isin(rounded, chosen) if len(chosen) else above
    said = _said(name, found, counts, rounded, chosen)
    if (tumour == (found > 0)).all():
        inside = data > 0
    else:
        inside = np.isin(data, found[tumour])
    return Drawn(inside, dict(list(values.items())[:MOST_LABELS]), said)


def union(
    layers: NDArray[np.float32], name: str, *, chosen: Sequence[int] = ()
) -> tuple[NDArray[np.float32], str]:
    """Layers (x, y, z, c) of a segmentation as one mask (x, y, z), and what was done: the largest
    value of any layer, of those `chosen` where some are. Layers of which every voxel is in exactly
    one hold the background too, as the largest; it is left out."""
    count = layers.shape[3]
    inside = np.stack([drawn(layers[..., i], name, chosen=chosen).inside for i in range(count)], -1)
    said = f"{name} holds {count} layers; their union is taken"
    if count > 1 and not chosen and (inside.sum(axis=-1) == 1).all():
        background = int(inside.sum(axis=(0, 1, 2)).argmax())
        inside[..., background] = False
        said = (
            f"{name} holds {count} layers, one of which is in every voxel; the union is taken of "
            f"all but the largest, number {background + 1}, as the background"
        )
    return np.where(inside, layers, 0).max(axis=-1).astype(np.float32), said


def _said(
    name: str, found: NDArray, counts: NDArray, rounded: NDArray, chosen: Sequence[int]
) -> tuple[str, ...]:
    said = []
    lost = counts[(found > 0) & (rounded == 0)].sum()
    if lost:
        said.append(f"{name}: {int(lost):,} values between 0 and {plainly(_NEAR)} count as 0")
    kept = rounded[rounded != 0]
    labels = np.unique(kept[kept > 0])
    odd = (kept % 1 != 0).any() or (len(labels) > MOST_LABELS and not _numbers(labels))
    if odd:
        done = f"those that are {', '.join(map(str, chosen))}" if len(chosen) else "all above 0"
        said.append(
            f"{name} holds {len(np.unique(kept)):,} different values from {plainly(kept.min())} to "
            f"{plainly(kept.max())}, as an image or a map of probabilities does; {done} are taken "
            "as tumour"
        )
    if len(kept) and not len(labels):
        said.append(
            f"{name} holds no value above 0 but {plainly(kept[0])}; the mask counts as empty"
        )
    elif len(chosen) and len(labels) and not np.isin(labels, chosen).any():
        whole = [int(v) for v in labels if v % 1 == 0]
        listed = ", ".join(
            f"{v} ({int(counts[rounded == v].sum()):,} voxels)" for v in whole[:MOST_LABELS]
        )
        said.append(
            f"{name} holds none of the values that are tumour (cohort.tumour: "
            f"{', '.join(map(str, chosen))}) but {listed or 'no whole number'}; its mask counts "
            "as empty"
        )
    return tuple(said)


def _numbers(labels: NDArray) -> bool:
    """Whether labels are the numbers of lesions: whole, and hardly one of them left out."""
    return bool((labels % 1 == 0).all() and labels[-1] <= 2 * len(labels))


def levels(
    values: NDArray[np.float32], *, lossy: bool, chosen: Sequence[int] = ()
) -> tuple[NDArray[np.float32], str | None]:
    """A mask picture (h, w) with every pixel brought to the level that it was drawn with, and what
    is to be said; itself where its values are labels.

    JPEG, and smoothing, put other values between and around the levels. A level is what pixels hold
    that differ little from their neighbours, or the value of `chosen` that lies as near to it. With
    `lossy` (JPEG) a mask that never rises above compression noise is empty.
    """
    top = float(values.max(initial=0))
    if not lossy and _are_labels(values):
        return values, None
    if lossy and top < _JPEG_NOISE:
        empty = (
            f"nothing in it rises above what JPEG adds (up to {plainly(top)}); it counts as empty"
        )
        return np.zeros_like(values), empty if top > 0 else None
    scale = 1.0 if lossy else top / 255
    flat = np.sort(values[_flat(values, _LEVEL * scale / 2) & (values >= _JPEG_NOISE * scale)])
    groups = np.split(flat, np.flatnonzero(np.diff(flat) > _LEVEL * scale) + 1)
    # A level's highest value: of a smooth slope, which is one group, that is its top.
    tops = {float(group[-1]) for group in groups if len(group) >= _ENOUGH} or {top}
    each = np.array([0.0, *sorted(tops)], dtype=np.float32)
    middle = (each[1:] + each[:-1]) / 2
    for value in chosen:
        near = np.abs(each - value).argmin()
        each[near] = value if near and abs(each[near] - value) <= _LEVEL * scale else each[near]
    brought = each[np.searchsorted(middle, values, side="left")]
    if lossy:
        return brought, None
    shown = ", ".join(f"{plainly(value)}" for value in each)
    return brought, (
        f"holds {len(np.unique(values))} different values, as soft edges and JPEG leave them; each "
        f"is taken as the nearest of its levels ({shown})"
    )


def _flat(values: NDArray[np.float32], most: float) -> NDArray[np.bool_]:
    """Pixels that differ from the four next to them by so much at most; none at the border."""
    down, right = (np.abs(np.diff(values, axis=axis)) <= most for axis in (0, 1))
    flat = np.zeros(values.shape, dtype=bool)
    flat[1:-1, 1:-1] = down[:-1, 1:-1] & down[1:, 1:-1] & right[1:-1, :-1] & right[1:-1, 1:]
    return flat


def _are_labels(values: NDArray[np.float32]) -> bool:
    """Few different values, the numbers from 1 on, or values most of which fill regions: soft edges
    and the noise of JPEG lie between other values."""
    found = np.unique(values[values > 0])
    if len(found) < _FEW or _counted(found):
        return True
    same, steps = np.zeros((2, len(found)))
    for one, other in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        both = (one > 0) & (other > 0)
        pairs = np.searchsorted(found, one[both]), np.searchsorted(found, other[both])
        alike = pairs[0] == pairs[1]
        same += np.bincount(pairs[0][alike], minlength=len(found))
        for each in pairs:
            steps += np.bincount(each[~alike], minlength=len(found))
    return bool((steps <= same).mean() >= 0.5)


def _counted(found: NDArray[np.float32]) -> bool:
    """Whether values are 1, 2, 3 … without a gap, and not all that 8 bits can hold."""
    return bool((found % 1 == 0).all() and found[-1] == len(found) < _MOST_OF_8_BITS)


def single(values: NDArray[np.float32], path: object, chosen: Sequence[int]) -> NDArray[np.float32]:
    """A mask picture of several planes (h, w, c) as one: grey, or the brightest of its colours.
    DataError where values are chosen, which colours do not have."""
    grey = bool((np.ptp(values, axis=-1) <= _LEVEL).all())
    if chosen and not grey:
        raise DataError(
            f"{path}: its labels are colours, and cohort.tumour "
            f"({', '.join(map(str, chosen))}) chooses numbers. Save it with a number a label."
        )
    return np.asarray(values.max(axis=-1))
