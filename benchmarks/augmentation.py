"""Seven augmentations in one resampling, against the paper's way and a library.

    python benchmarks/augmentation.py

Slices of 240×240 with four channels and a mask, batches of 10, two threads. Peers in the
same run: SciPy, one transform after another on each channel (the paper's way), and MONAI's with the
same ranges (one elastic-and-affine resampling a slice). Prints slices a second and ratios.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai.transforms import Rand2DElastic
from scipy import ndimage

from rarecase.segmenter.augment import Augmentation, apply, draw

SIZE, CHANNELS, BATCH = 240, 4, 10
SECONDS = 6.0


def rate(once: Callable[[], int]) -> float:
    """Slices a second, after one call to warm up; the median of three parts."""
    once()
    rates = []
    for _ in range(3):
        start, slices = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS / 3:
            slices += once()
        rates.append(slices / (time.perf_counter() - start))
    return float(np.median(rates))


def ours(images: torch.Tensor, masks: torch.Tensor) -> Callable[[], int]:
    generator = torch.Generator().manual_seed(0)

    def once() -> int:
        apply(draw(Augmentation(), len(images), generator=generator), images, masks)
        return len(images)

    return once


def one_after_another(images: torch.Tensor, masks: torch.Tensor) -> Callable[[], int]:
    stack = torch.cat([images[:1], masks[:1]], dim=1)[0].numpy()
    rng = np.random.default_rng(0)

    def elastic(values: np.ndarray) -> np.ndarray:
        shift = [ndimage.gaussian_filter(rng.uniform(-1, 1, (SIZE, SIZE)), 24) * 720 for _ in "xy"]
        y, x = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
        where = [y + shift[0], x + shift[1]]
        return np.stack([ndimage.map_coordinates(v, where, order=1) for v in values])

    def affine(values: np.ndarray, matrix: np.ndarray, offset: np.ndarray) -> np.ndarray:
        return np.stack([ndimage.affine_transform(v, matrix, offset, order=1) for v in values])

    def centred(values: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
        linear, centre = np.array(matrix), np.full(2, SIZE / 2 - 0.5)
        return affine(values, linear, centre - linear @ centre)

    def once() -> int:
        values = stack[:, :, ::-1] if rng.random() < 0.5 else stack
        values = values[:, ::-1] if rng.random() < 0.5 else values
        values = elastic(values)
        a = np.deg2rad(rng.uniform(-20, 20))
        values = centred(values, [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        values = affine(values, np.eye(2), rng.uniform(-0.1, 0.1, 2) * SIZE)
        values = centred(values, [[1, 0], [rng.uniform(-0.05, 0.05), 1]])
        zoom = rng.uniform(0.9, 1.1, 2)
        values = centred(values, [[zoom[0], 0], [0, zoom[1]]])
        return len(values[:1])

    return once


def monai(images: torch.Tensor, masks: torch.Tensor) -> Callable[[], int]:
    stack = torch.cat([images[:1], masks[:1]], dim=1)[0]
    elastic = Rand2DElastic(
        spacing=(12, 12), magnitude_range=(4.9, 4.9), prob=1.0, rotate_range=np.deg2rad(20),
        shear_range=0.05, translate_range=0.1 * SIZE, scale_range=0.1, padding_mode="zeros",
    ).set_random_state(0)  # fmt: skip

    def once() -> int:
        elastic(stack)
        return 1

    return once


def main() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)
    images = torch.rand(BATCH, CHANNELS, SIZE, SIZE)
    masks = (torch.rand(BATCH, 1, SIZE, SIZE) > 0.9).float()
    rates = {
        "rarecase, one batched resampling": rate(ours(images, masks)),
        "SciPy, one after another": rate(one_after_another(images, masks)),
        "MONAI Rand2DElastic, slice by slice": rate(monai(images, masks)),
    }
    mine = next(iter(rates.values()))
    result = {
        "what": "augmentation of 240×240×4 slices with masks, slices a second, 2 threads",
        "rates": {name: round(value, 1) for name, value in rates.items()},
        "ratio_of_rarecase": {name: round(mine / value, 1) for name, value in rates.items()},
    }
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    Path(__file__).with_name("results").joinpath("augmentation.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
