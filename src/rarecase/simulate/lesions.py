"""Lesions of many kinds, for a network that is to outline what it has never seen.

Infiltrating ones grow (`tumour.grow_tumour`); compact ones are blobs whose distance to the surface
is known: metastases, cysts, meningiomas at the surface of the brain, tumours of the sella.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rarecase.simulate.anatomy import Anatomy, Tissue, rotation
from rarecase.simulate.lattice import Array, Axes, axis, smooth_noise
from rarecase.simulate.traits import Traits
from rarecase.simulate.tumour import (
    STEP,
    Parts,
    Region,
    Tumour,
    deep_white,
    enhancing_field,
    place,
)

LESIONS = ("glioma", "metastases", "meningioma", "sella", "cyst", "none")
"""What a varied patient may have."""
SHARES = (0.42, 0.12, 0.16, 0.10, 0.08, 0.12)
"""How often."""


def shared_out(patients: int) -> dict[str, int]:
    """So many patients by kind of lesion.

    >>> shared_out(20)
    {'glioma': 9, 'metastases': 2, 'meningioma': 3, 'sella': 2, 'cyst': 2, 'none': 2}
    """
    counts = np.floor(patients * np.array(SHARES)).astype(int)
    rest = np.argsort(counts - patients * np.array(SHARES), kind="stable")
    counts[rest[: patients - counts.sum()]] += 1
    return {name: int(n) for name, n in zip(LESIONS, counts, strict=True)}


@dataclass(frozen=True)
class Blob:
    """Ranges of compact lesions: (low, high), uniform; volumes and ratios uniform in their log."""

    core_ml: tuple[float, float]
    oedema_ratio: tuple[float, float]
    enhancing: tuple[float, float]
    enhancement: tuple[float, float]
    necrosis: tuple[float, float]
    irregularity: tuple[float, float]
    margin_mm: tuple[float, float]
    heterogeneity: tuple[float, float]
    mass_effect: tuple[float, float]
    where: Region
    most: int = 1
    outwards: tuple[float, float] = (0.0, 0.0)
    """How far the middle is moved away from the brain, in radii."""


def _anywhere(tissue: Tissue, depth: Array, x: Array, y: Array, z: Array) -> NDArray[np.bool_]:
    return np.asarray((depth > 6) & (tissue.csf < 0.5))


def _surface(tissue: Tissue, depth: Array, x: Array, y: Array, z: Array) -> NDArray[np.bool_]:
    return np.asarray((depth > 0) & (depth < 7) & (z > -45))


def _sella(tissue: Tissue, depth: Array, x: Array, y: Array, z: Array) -> NDArray[np.bool_]:
    return np.asarray((np.abs(x) < 6) & (np.abs(y - 3) < 9) & (np.abs(z + 31) < 7))


BLOBS = {
    "metastases": Blob(
        (0.05, 15), (0.05, 8), (0.15, 0.97), (0.3, 1.3), (0.2, 1), (0.05, 0.4), (0.7, 2.5),
        (0.02, 0.25), (0, 0.25), _anywhere, most=6,
    ),
    "meningioma": Blob(
        (0.5, 70), (0.02, 1.5), (0.9, 0.98), (0.3, 1.3), (0, 0.4), (0.05, 0.3), (0.6, 1.5),
        (0.02, 0.15), (0.1, 0.4), _surface, outwards=(-0.2, 0.5),
    ),
    "sella": Blob(
        (0.2, 20), (0.02, 0.05), (0.7, 0.98), (0.15, 1.0), (0, 0.9), (0.05, 0.3), (0.6, 1.5),
        (0.02, 0.2), (0.05, 0.3), _sella,
    ),
    "cyst": Blob(
        (0.5, 60), (0.02, 1), (0.0, 0.5), (0.2, 1.0), (0.7, 1), (0.05, 0.3), (0.6, 2),
        (0.02, 0.1), (0.05, 0.35), deep_white,
    ),
}  # fmt: skip


def draw_blob(rng: np.random.Generator, kind: str) -> Traits:
    """The traits of a compact lesion."""
    spec = BLOBS[kind]

    def log(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return Traits(
        core_ml=log(*spec.core_ml),
        oedema_ratio=log(*spec.oedema_ratio),
        oedema_in_grey=0.1,
        **{
            name: float(rng.uniform(*getattr(spec, name)))
            for name in (
                "irregularity", "margin_mm", "enhancing", "enhancement", "necrosis",
                "heterogeneity", "mass_effect",
            )
        },
    )  # fmt: skip


def place_blob(rng: np.random.Generator, anatomy: Anatomy, kind: str, radius: float) -> Array:
    """Where the middle of a compact lesion is, patient mm."""
    spec, side = BLOBS[kind], axis(-104, 104, 4)
    spot = place(rng, anatomy, where=spec.where, grid=(side, side, side))
    away = spot / max(float(np.linalg.norm(spot)), 1.0)
    return np.asarray(spot + radius * rng.uniform(*spec.outwards) * away, np.float32)


def grow_blob(
    rng: np.random.Generator, anatomy: Anatomy, *, centre: Array, traits: Traits
) -> Tumour:
    """An uneven ellipsoid with oedema in the white matter around it."""
    radius = traits.radius
    reach = 1.8 * radius + 30
    step = min(STEP, max(1.0, radius / 3))
    axes = tuple(axis(c - reach, c + reach, step) for c in centre.tolist())
    box: Axes = (axes[0], axes[1], axes[2])
    shape = (len(box[0]), len(box[1]), len(box[2]))
    rough, fine, spots, texture = (
        smooth_noise(rng, shape, step=step, length=length)
        for length in (0.5 * radius + 2, 0.2 * radius + 2, 5.0, 4.0)
    )
    sides = np.exp(rng.normal(0, 0.2, 3))
    matrix = rotation(rng.uniform(-np.pi, np.pi, 3)) / (sides / np.prod(sides) ** (1 / 3))
    offset = np.meshgrid(*(a - c for a, c in zip(box, centre, strict=True)), indexing="ij")
    turned = np.tensordot(matrix.astype(np.float32), np.stack(offset), axes=1)
    distance = np.sqrt((turned**2).sum(0))
    core = radius * (1 + traits.irregularity * (0.5 * rough + 0.25 * fine)) - distance
    width = radius * ((1 + traits.oedema_ratio) ** (1 / 3) - 1) * 1.6
    tissue = anatomy.tissue(box)
    halo = core + width * (0.1 + tissue.white) * np.exp(0.4 * rough)
    whole = np.where(width > 1.5, np.maximum(halo, core), core)
    core, whole = (np.clip(each, -12, None).astype(np.float32) for each in (core, whole))
    return Tumour(box, core, whole, enhancing_field(core, fine, spots, traits), texture, traits)


def both(first: Parts | None, second: Parts) -> Parts:
    """Two lesions on one box: where they meet, the second."""
    if first is None:
        return second
    rest = 1 - second.whole
    return replace(
        second,
        oedema=first.oedema * rest + second.oedema,
        enhancing=first.enhancing * rest + second.enhancing,
        inner=first.inner * rest + second.inner,
        whole=first.whole * rest + second.whole,
    )
