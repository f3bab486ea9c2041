"""A varied patient: any lesion, any contrast, any plane; what a network is pre-trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.seeds import numpy_rng
from rarecase.simulate.anatomy import Anatomy, Tissue, draw_anatomy, rotation
from rarecase.simulate.artefacts import coarser, ghosted, moved
from rarecase.simulate.contrast import CHANNELS, paint, scan
from rarecase.simulate.head import FLUID, Head, draw_head
from rarecase.simulate.lattice import Array, Axes, axis, smooth_noise
from rarecase.simulate.lesions import (
    BLOBS,
    LESIONS,
    SHARES,
    both,
    draw_blob,
    grow_blob,
    place_blob,
)
from rarecase.simulate.patient import Simulated, affine_of, crop, image_axes
from rarecase.simulate.traits import CLASSES, Traits, draw_traits
from rarecase.simulate.tumour import (
    Parts,
    Tumour,
    grow_tumour,
    label_parts,
    place,
    tumour_parts,
)
from rarecase.simulate.variety import Examination, draw_examination

DETAIL = 1.8
"""mm that the template is low-passed for, whatever the grid."""
FINEST = 2.5
"""mm between the cuts that make up a slice."""
EVERYWHERE: Axes = (axis(-104, 104, 4), axis(-104, 104, 4), axis(-104, 104, 4))
"""A grid that holds a brain however it lies."""
_UPRIGHT = {
    "axial": np.eye(3),
    "coronal": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
}
"""From image axes (to the right, to the bottom's far side, along the slices) to an upright head."""


@dataclass(frozen=True, repr=False)
class VariedPatient(Simulated):
    """`label`: the kind of lesion; `traits`: of each lesion."""

    traits: tuple[Traits, ...]
    examination: Examination

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "tumours": [asdict(each) for each in self.traits],
            "examination": self.examination.as_json(),
        }


def draw_kind(seed: int) -> str:
    """What a varied patient has."""
    return str(numpy_rng(seed, "kind").choice(LESIONS, p=SHARES))


def simulate_varied(
    *,
    label: str,
    seed: int,
    size: int = 128,
    slices: int = 16,
    channels: tuple[str, ...] = CHANNELS,
) -> VariedPatient:
    """Simulate a patient with the lesion `label` (one of `LESIONS`), `slices` of `size` × `size`
    pixels in any plane. The same seed gives the same patient."""
    seen = draw_examination(numpy_rng(seed, "examination"))
    turn = rotation(np.array(seen.tilt)) @ _UPRIGHT[seen.plane]
    plain = draw_anatomy(numpy_rng(seed, "anatomy"), spread=1.6, turn=turn, detail=DETAIL)
    anatomy, tumours = _lesions(numpy_rng(seed, "tumour"), plain, label)
    grid = image_axes(
        size=size, slices=slices, field_of_view=seen.field_of_view, coverage=seen.coverage
    )
    box = crop(grid, anatomy.bounds()) if seen.stripped else (slice(None), slice(None))
    inner: Axes = (grid[0][box[0]], grid[1][box[1]], grid[2])
    cuts = max(1, round(min(seen.thickness, abs(grid[2][1] - grid[2][0])) / FINEST))
    fine = _cut(inner, thickness=seen.thickness, cuts=cuts)
    tissue = anatomy.tissue(fine)
    head = draw_head(numpy_rng(seed, "head"), anatomy, fine, brain=tissue.brain)
    parts = _parts(tumours, fine, tissue=tissue, head=head, label=label)
    tissue = replace(tissue, halo=_spotted(numpy_rng(seed, "spots"), tissue, seen.spots))
    # what strips a skull leaves a tumour of the brain's surface in place
    kept = tissue.brain | (parts.whole > 0.5) if seen.stripped else head.skin > 0
    inside = _averaged(kept, cuts) > 0.5
    images = {}
    for channel in channels:
        rng = numpy_rng(seed, "scan", channel)
        clean = _clean(rng, channel, tissue, parts, head, tumours, seen)
        image = np.zeros((size, size, slices), np.float32)
        image[box[0], box[1]] = _examined(rng, _averaged(clean, cuts), seen, channel, inside, inner)
        images[channel] = image
    thick = Parts(**{name: _averaged(values, cuts) for name, values in vars(parts).items()})
    mask = np.zeros((size, size, slices), np.uint8)
    mask[box[0], box[1]] = label_parts(thick) * inside
    traits = tuple(each.traits for each in tumours)
    affine = affine_of(grid)
    affine[:3] = _UPRIGHT[seen.plane] @ affine[:3]
    return VariedPatient(label, images, mask, affine, traits, seen)


def _lesions(rng: np.random.Generator, plain: Anatomy, label: str) -> tuple[Anatomy, list[Tumour]]:
    """The brain as the lesions have pushed it, and the lesions."""
    if label == "none":
        return plain, []
    if label == "glioma":
        traits = draw_traits(rng, label=str(rng.choice(CLASSES)), separability=1.0)
        traits = replace(traits, core_ml=traits.core_ml * float(np.exp(rng.uniform(-2.5, 0.3))))
        centre = place(rng, plain, grid=EVERYWHERE)
        brain = plain.pushed(centre, radius=traits.radius, strength=traits.mass_effect)
        return brain, [grow_tumour(rng, brain, seed=centre, traits=traits)]
    brain, found, first = plain, [], draw_blob(rng, label)
    for number in range(int(rng.integers(1, BLOBS[label].most + 1))):
        drawn = draw_blob(rng, label)
        mine = replace(first, core_ml=drawn.core_ml, oedema_ratio=drawn.oedema_ratio)
        traits = mine if number else first
        radius = traits.radius
        centre = place_blob(rng, plain, label, radius)
        brain = brain.pushed(centre, radius=radius, strength=traits.mass_effect)
        found.append(grow_blob(rng, brain, centre=centre, traits=traits))
    return brain, found


def _cut(target: Axes, *, thickness: float, cuts: int) -> Axes:
    """The grid with every slice cut into so many thin ones."""
    offsets = ((np.arange(cuts) + 0.5) / cuts - 0.5) * thickness
    fine = (target[2][:, None] + offsets).astype(np.float32).ravel()
    return target[0], target[1], fine


def _averaged(values: NDArray[Any], cuts: int) -> Array:
    """Thin slices (x, y, z · cuts) as thick ones (x, y, z)."""
    return np.asarray(values.reshape(*values.shape[:2], -1, cuts).mean(axis=3), np.float32)


def _parts(tumours: list[Tumour], target: Axes, *, tissue: Tissue, head: Head, label: str) -> Parts:
    allowed = tissue.brain
    if label == "meningioma":
        allowed = allowed | (head.kind == FLUID) | ((head.depth < 3) & (head.skin > 5))
    elif label == "sella":
        allowed = allowed | (head.skin > 8)
    found = None
    for each in tumours:
        found = both(found, tumour_parts(each, target, within=allowed, thick=False))
    if found is None:
        none = np.zeros(tissue.brain.shape, np.float32)
        found = Parts(none, none, none, none, none)
    return found


def _spotted(rng: np.random.Generator, tissue: Tissue, share: float) -> Array:
    """The halo, and small bright spots in this share of the white matter."""
    if share <= 0:
        return tissue.halo
    noise = smooth_noise(rng, tissue.halo.shape, step=1.0, length=1.6)
    level = np.quantile(noise, 1 - share)
    spots = tissue.white * np.clip(3 * (noise - level), 0, 2)
    return np.asarray(np.maximum(tissue.halo, spots), np.float32)


def _vessels(rng: np.random.Generator, tissue: Tissue, head: Head) -> Array:
    """Where contrast agent runs outside of tumours: bent tubes in the fluid and at the surface."""
    shape = tissue.brain.shape
    one, other = (smooth_noise(rng, shape, step=1.0, length=5.0) for _ in range(2))
    tube = np.exp(-((one / 0.15) ** 2) - (other / 0.15) ** 2)
    near = np.clip(tissue.csf * tissue.brain + (np.abs(head.depth) < 4), 0, 1)
    return np.asarray(tube * near, np.float32)


def _clean(
    rng: np.random.Generator,
    channel: str,
    tissue: Tissue,
    parts: Parts,
    head: Head,
    tumours: list[Tumour],
    seen: Examination,
) -> Array:
    """A channel before the scanner."""
    around = seen.around[channel][head.kind]
    agent = channel == "t1ce"
    if agent:
        around = around + seen.vessels * _vessels(rng, tissue, head)
    traits = tumours[0].traits if tumours else None
    return paint(
        tissue, parts, seen.scanner.looks[channel],
        necrosis=traits.necrosis if traits else 0.0,
        enhancement=traits.enhancement if traits and agent else 0.0,
        heterogeneity=traits.heterogeneity if traits else 0.0,
        around=around,
    )  # fmt: skip


def _examined(
    rng: np.random.Generator,
    clean: Array,
    seen: Examination,
    channel: str,
    inside: NDArray[np.bool_],
    target: Axes,
) -> Array:
    """What the examination makes of a clean channel."""
    bent = np.asarray(np.maximum(clean, 0) ** seen.gamma[channel], np.float32)
    image = coarser(bent, seen.coarse[channel])
    image = moved(rng, image, seen.motion[channel])
    image = ghosted(rng, image, seen.ghost[channel])
    if seen.air and not seen.stripped:
        inside = np.ones_like(inside)
    return scan(rng, image, seen.scanner, channel=channel, inside=inside, target=target)
