"""The same patients as another examination might have shown them: slices, masks and originals under
augmentations that change no class.

Geometry is the paper's (Table 1), the intensities' gamma, contrast, bias, blur and noise. Both are
drawn for a case and a copy of it: all slices of a case move alike, or a volume would come apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rarecase.arrays import Bools
from rarecase.cohort.fitting import case_scales
from rarecase.cohort.load import CaseArrays
from rarecase.features.sources.contract import SourceData
from rarecase.imaging.normalise import Scale, apply_scale
from rarecase.imaging.slices import centre
from rarecase.seeds import torch_rng
from rarecase.segmenter.augment import Augmentation, Drawn, apply, draw
from rarecase.segmenter.intensity import (
    DrawnIntensity,
    Intensity,
    apply_intensity,
    draw_intensity,
)
from rarecase.segmenter.predict import HeldMasks

Images = NDArray[np.float32]
Masks = NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """What happens to a case: how it moves, and what its intensities become."""

    geometry: Drawn
    intensity: DrawnIntensity

    @staticmethod
    def of(case: str, *, copy: int, seed: int, channels: int, strength: float) -> Change:
        """Drawn for a copy of a case."""
        generator = torch_rng(seed, "augmentation", case, copy)
        geometry = draw(Augmentation().scaled(strength), 1, generator=generator)
        intensity = draw_intensity(Intensity(), 1, channels, generator=generator)
        return Change(geometry, intensity)

    def moved(self, images: Images, masks: Masks) -> tuple[Images, Masks]:
        """Slices (n, c, h, h) and masks (k, n, h, h) of the case; from outside comes 0."""
        planes = torch.from_numpy(images).movedim(0, 1)[None]
        drawn = torch.from_numpy(np.asarray(masks, dtype=np.float32))[None]
        found, cut = apply(self.geometry, planes, drawn)
        return found[0].movedim(0, 1).numpy(), cut[0].numpy().astype(np.uint8)

    def shaded(self, images: Images, numbers: NDArray[np.int64]) -> Images:
        """Normalised slices (n, c, h, w) with other intensities; noise differs by slice."""
        each = [
            apply_intensity(
                replace(self.intensity, seed=self.intensity.seed + number), torch.from_numpy(one)
            )
            for one, number in zip(images[:, None], numbers.tolist(), strict=True)
        ]
        return torch.cat(each).numpy()


@dataclass(frozen=True)
class AugmentedData(SourceData):
    """`SourceData` of copy number `copy`; `base`: that of the patients as they are."""

    base: SourceData | None = None
    copy: int = 0
    seed: int = 0
    strength: float = 1.0
    held: dict[str, list[tuple[CaseArrays, Bools]]] = field(default_factory=dict)
    """The last case's: sources ask for its originals, and then for their masks."""

    @property
    def unchanged(self) -> SourceData:
        assert self.base is not None
        return self.base

    def change(self, case: str) -> Change:
        """What happens to a case."""
        return Change.of(
            case, copy=self.copy, seed=self.seed, channels=len(self.cache.channels),
            strength=self.strength,
        )  # fmt: skip

    def originals(self, case: str) -> Sequence[CaseArrays]:
        return [group for group, _ in self._originals(case)]

    def flat(self, case: str) -> bool:
        return self.unchanged.flat(case)

    def masks_on(self, case: str, groups: Sequence[CaseArrays]) -> list[Bools]:
        return [mask for _, mask in self._originals(case)]

    def _originals(self, case: str) -> list[tuple[CaseArrays, Bools]]:
        """A case's originals, padded to squares, and their masks."""
        found = self.held.get(case)  # one case is read ahead while another is used
        if found is None:
            groups, change = self.unchanged.originals(case), self.change(case)
            scales, found = case_scales(groups, tissue=True), []
            for group, mask in zip(groups, self.unchanged.masks_on(case, groups), strict=True):
                side = max(group.images.shape[-2:])
                # What is padded, and what comes in from outside, is the background.
                low = np.array([[[[scale.background]] for scale in scales]], dtype=np.float32)
                images = centre(shaded_originals(group, scales, change) - low, side, side)
                drawn = centre(mask.astype(np.uint8), side, side)
                images, moved = change.moved(np.ascontiguousarray(images), drawn[None])
                found.append((replace(group, images=images + low, masks=None), moved[0] > 0))
            self.held.clear()
            self.held[case] = found
        return found


def shaded_originals(group: CaseArrays, scales: Sequence[Scale], change: Change) -> Images:
    """Raw slices with other intensities: what normalised ones change by, on the raw scale. (The way
    back alone would flatten what normalising cuts off, in the dark and at the ceiling.)"""
    normal = np.stack(
        [apply_scale(group.images[:, c], scale) for c, scale in enumerate(scales)], axis=1
    )
    shaded = change.shaded(normal, group.numbers)
    found = group.images.copy()
    for c, scale in enumerate(scales):
        inside = normal[:, c] > 0
        raw = found[:, c] + 3 * scale.std * (shaded[:, c] - normal[:, c])
        if scale.ramp is not None:
            raw = raw.clip(min=scale.background)
        found[:, c][inside] = raw[inside]
    return found


def augmented(
    data: SourceData, *, copy: int, seed: int, strength: float, work: Path
) -> AugmentedData:
    """Copy number `copy` of everybody's slices and masks; images lie in the folder `work`."""
    cache = data.cache
    images = np.lib.format.open_memmap(
        work / f"copy-{copy}.npy", mode="w+", dtype=np.float32, shape=cache.images.shape
    )
    masks, predicted = np.zeros_like(cache.masks), np.zeros(cache.masks.shape, np.uint8)
    found = AugmentedData(
        **{**vars(data), "base": data, "copy": copy, "seed": seed, "strength": strength}
    )
    for case, rows in data.rows.groupby("case", sort=False):
        at, numbers = rows["row"].to_numpy(), rows["slice"].to_numpy(dtype=np.int64)
        change = found.change(str(case))
        shaded = change.shaded(np.asarray(cache.images[at]), numbers)
        both = np.stack([data.predicted.read(at), cache.masks[at]])
        images[at], (predicted[at], masks[at]) = change.moved(shaded, both)
    images.flush()
    return replace(
        found, cache=replace(cache, images=images, masks=masks), predicted=HeldMasks(predicted)
    )
