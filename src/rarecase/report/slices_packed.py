"""Slices and masks so small that a page can hold thousands of them, to be decoded on demand.

An image is a WebP of 8-bit grey: at two kilobytes it is 3 to 6 dB nearer to the slice than a JPEG,
and every browser since 2020 reads it. Its quality falls, then its size, until it fits. A mask is
its run lengths, exact, of a hundred bytes; one that is all specks is made coarser.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rarecase.ahead import ahead, readers
from rarecase.arrays import Ints
from rarecase.imaging.drawing import grey_range

LIMIT = 3 * 1024
"""Characters that a slice takes in the page, its masks with it."""
BUDGET = 15_000_000
"""Characters that all of them take."""
FEWEST = 12  # slices of a case, before other cases are left out
_QUALITIES = (80, 65, 50, 35, 20)
_SPEED = 2  # of the encoder, 0 to 6: the slower ones gain little
_AT_ONCE = 8  # cases; the encoder leaves the others the interpreter
_SMALLEST = 8  # pixels
_ROOMY = 0.7  # the part of its room that is left by a slice whose neighbour may have more quality
_MASKS = LIMIT // 3  # characters of both masks
_SAMPLE, _EACH = 16, FEWEST  # cases, and slices of each, by which it is judged how many fit
_FROM, _TO = 0.05, 99.95  # percentiles of tissue that are black and white in the file

Pixels = NDArray[np.float32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Stack:
    """A case's slices, to be packed.

    Parameters
    ----------
    patient
        The row of the table of patients that it belongs to.
    words
        What is said of it beside its slices.
    numbers, areas
        (n,): of each slice its number in the case, and the pixels of the larger mask.
    read
        Positions (k,) → images (k, h, w), true and predicted masks (k, h, w) of 0 and 1, each None
        where there is none.
    """

    case: str
    patient: int
    words: str
    numbers: Ints
    areas: Ints
    read: Callable[[Ints], tuple[Pixels, Mask | None, Mask | None]]


@dataclass(frozen=True)
class Packed:
    """What fits into a page: `cases` as JSON takes them; the most slices that each case shows
    (None: all), and how many cases are left out."""

    cases: Sequence[dict[str, Any]]
    most: int | None
    left_out: int


def pack_stacks(stacks: Sequence[Stack], *, budget: int = BUDGET, limit: int = LIMIT) -> Packed:
    """Every case, with fewer slices of each where they would be larger than `budget` in all, and at
    last without the cases at the end. `limit`: characters of a slice."""
    counts = np.array([len(stack.numbers) for stack in stacks], dtype=np.int64)
    most = _most(stacks, counts, budget=budget, limit=limit)
    cases, used = [], 0
    pack = partial(pack_stack, most=most, limit=limit)
    for _, case in ahead(pack, stacks, workers=readers(_AT_ONCE)):
        used += len(json.dumps(case))
        if used > budget:
            break
        cases.append(case)
    thinned = most is not None and any(counts[: len(cases)] > most)
    return Packed(cases, most if thinned else None, len(stacks) - len(cases))


def _most(stacks: Sequence[Stack], counts: Ints, *, budget: int, limit: int) -> int | None:
    """How many slices of a case there is room for, at least `FEWEST`; None: for all of them."""
    if counts.sum() * limit <= budget:
        return None
    tried = [stacks[i] for i in np.unique(np.linspace(0, len(stacks) - 1, _SAMPLE).astype(int))]
    packed = [pack_stack(stack, most=_EACH, limit=limit)["slices"] for stack in tried]
    sizes = [len(json.dumps(each)) for slices in packed for each in slices]
    room = budget / (1.05 * np.mean(sizes))
    if counts.sum() <= room:
        return None
    fits = [n for n in range(FEWEST, int(counts.max())) if np.minimum(counts, n).sum() <= room]
    return max(fits, default=FEWEST)


def pack_stack(stack: Stack, *, most: int | None = None, limit: int = LIMIT) -> dict[str, Any]:
    """A case as JSON takes it, `most` of its slices: evenly spaced ones, and that of the largest
    tumour."""
    chosen = spread(stack.areas, len(stack.areas) if most is None else most)
    images, true, predicted = stack.read(chosen)
    side = images.shape[-1]
    few = images[..., ::2, ::2]  # enough to judge by
    low, high = grey_range(few, between=(_FROM, _TO))
    unit = 255 / (high - low)
    grey = np.clip((images - low) * unit, 0, 255).round().astype(np.uint8)
    window = [round(float(np.clip((v - low) * unit, 0, 255)), 1) for v in grey_range(few)]
    slices, start = [], 0
    for i, number in enumerate(stack.numbers[chosen].tolist()):
        masks = {
            name: each[i]
            for name, each in (("true", true), ("predicted", predicted)) if each is not None
        }  # fmt: skip
        packed, coarse = pack_masks(masks)
        room = limit - len(json.dumps({"n": number, "coarse": coarse, "image": "", **packed}))
        image, start = pack_image(grey[i], most=room * 3 // 4 - 2, start=start)
        slices.append({"n": number, "coarse": coarse, "image": _text(image), **packed})
    return {
        "case": stack.case, "patient": stack.patient, "words": stack.words, "side": side,
        "of": len(stack.areas), "values": [float(low), float(high)], "window": window,
        "slices": slices,
    }  # fmt: skip


def spread(areas: Ints, most: int) -> Ints:
    """Positions of `most` slices, evenly spaced, one of them that with the largest area.

    >>> spread(np.array([0, 0, 5, 0, 0, 0, 0]), 3).tolist()
    [0, 2, 6]
    """
    if len(areas) <= most:
        return np.arange(len(areas))
    chosen = np.linspace(0, len(areas) - 1, most).round().astype(np.int64)
    largest = int(np.argmax(areas))
    chosen[int(np.argmin(np.abs(chosen - largest)))] = largest
    return chosen


def pack_image(grey: NDArray[np.uint8], *, most: int, start: int = 0) -> tuple[bytes, int]:
    """A WebP of at most `most` bytes, and with which quality to begin at the slice after it, which
    is like it; `start`: what the slice before said."""
    quality, image = start, Image.fromarray(grey)
    while True:
        stream = io.BytesIO()
        image.save(stream, format="WEBP", quality=_QUALITIES[quality], method=_SPEED)
        size = stream.tell()
        if size <= most or min(image.size) <= _SMALLEST:
            return stream.getvalue(), max(0, quality - (size < _ROOMY * most))
        if quality + 1 < len(_QUALITIES):
            quality += 1
        else:
            width, height = (side * 3 // 4 for side in image.size)
            image = Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)


def pack_masks(masks: dict[str, Mask], *, most: int = _MASKS) -> tuple[dict[str, str], int]:
    """Run lengths of each mask (h, w) by its name, and how many pixels wide theirs are: 1, unless
    they would be longer than `most` together."""
    coarse = 1
    while True:
        packed = {n: _text(run_lengths(coarser(mask, coarse))) for n, mask in masks.items()}
        if sum(map(len, packed.values())) <= most:
            return packed, coarse
        coarse *= 2


def coarser(mask: Mask, by: int) -> Mask:
    """A mask in blocks of `by` × `by` pixels, those at least half of which are in it.

    >>> coarser(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.uint8), 2).tolist()
    [[1, 0], [0, 0]]
    """
    if by == 1:
        return mask
    height, width = (-(-n // by) * by for n in mask.shape)
    whole = np.zeros((height, width), dtype=np.float32)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    share = whole.reshape(height // by, by, width // by, by).mean(axis=(1, 3))
    return np.asarray(share >= 0.5, dtype=np.uint8)


def run_lengths(mask: Mask) -> bytes:
    """How many pixels are 0, then 1, then 0 …, row by row, each as LEB128: seven bits a byte, the
    lowest first, the eighth where more follow. What is 0 to the end is left out.

    >>> list(run_lengths(np.array([[0, 0, 1], [1, 1, 0]], dtype=np.uint8)))
    [2, 3]
    """
    flat = np.concatenate([[0], mask.ravel() != 0, [0]])
    turns = np.flatnonzero(np.diff(flat))
    out = bytearray()
    for run in np.diff(turns, prepend=0).tolist():
        while run > 127:
            out.append(run & 127 | 128)
            run >>= 7
        out.append(run)
    return bytes(out)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
