"""One simulated patient: anatomy, tumour and scanner put together on an image grid."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import SettingError, nearest
from rarecase.seeds import numpy_rng
from rarecase.shown import Brief
from rarecase.simulate.anatomy import Tissue, draw_anatomy
from rarecase.simulate.contrast import CHANNELS, Scanner, draw_scanner, paint, scan
from rarecase.simulate.lattice import Array, Axes
from rarecase.simulate.traits import Traits, draw_traits
from rarecase.simulate.tumour import Parts, grow_tumour, label_parts, place, tumour_parts

FIELD_OF_VIEW = 240.0
COVERAGE = 140.0
THICKEST = 24.0


@dataclass(frozen=True, repr=False)
class Simulated(Brief):
    """Images and their mask.

    The first axis runs to the patient's left, the second to the back, the third up (LPS, as in
    BraTS); `affine` maps voxel indices to mm as NIfTI has it (x right, y front, z up).
    """

    label: str
    images: dict[str, Array]
    """Channel -> (h, w, d) float32, grey values from 1 in the brain, 0 outside."""
    mask: NDArray[np.uint8]
    """(h, w, d): 0, 1 necrotic or non-enhancing core, 2 oedema, 4 enhancing."""
    affine: NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        """What was drawn, without the images."""
        return {"label": self.label}


@dataclass(frozen=True, repr=False)
class SimulatedPatient(Simulated):
    """A glioma patient, and what is behind the images."""

    traits: Traits
    scanner: Scanner
    centre_mm: tuple[float, float, float]
    """Where the tumour started."""

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "centre_mm": list(self.centre_mm),
            "tumour": asdict(self.traits),
            "scanner": asdict(self.scanner),
        }


def check_grid(*, size: int, slices: int, field_of_view: float, coverage: float) -> None:
    """Refuse grids on which a brain or its tumour may not be seen."""
    if size < 16:
        raise SettingError(f"size must be at least 16 pixels, got {size}.")
    if not (field_of_view >= 200 and coverage >= 100):
        raise SettingError(
            "field_of_view must be at least 200 mm (a head) and coverage at least 100 mm (most of "
            f"a brain), got field_of_view={field_of_view}, coverage={coverage}."
        )
    if slices < 1 or coverage / slices > THICKEST:
        least = int(np.ceil(coverage / THICKEST))
        raise SettingError(
            f"slices must be at least {least} over {coverage:g} mm, got {slices}: in slices "
            f"thicker than {THICKEST:g} mm a small tumour fills no voxel by half."
        )


def check_channels(channels: tuple[str, ...]) -> None:
    """Refuse channels that are not simulated, none, or one twice."""
    for channel in channels:
        if channel not in CHANNELS:
            raise SettingError(
                f"channel {channel!r} is not simulated; {nearest(channel, CHANNELS)}"
            )
    if not channels or len(set(channels)) < len(channels):
        raise SettingError(f"channels must be different and at least one, got {channels!r}.")


def simulate_patient(
    *,
    label: str,
    seed: int,
    size: int = 240,
    slices: int = 50,
    field_of_view: float = FIELD_OF_VIEW,
    coverage: float = COVERAGE,
    channels: tuple[str, ...] = CHANNELS,
    separability: float = 1.0,
) -> SimulatedPatient:
    """Simulate one glioma patient.

    `label` is "HGG" or "LGG". Slices are axial, `size` × `size` pixels over `field_of_view` mm,
    `slices` of them over `coverage` mm. `separability` 1 makes the classes as different as they
    are in life, 0 draws both tumours from one distribution. The same seed gives the same head,
    tumour and contrast at every size and for every choice of channels.

    Raises SettingError for an unknown label or channel, or an impossible grid.

    >>> patient = simulate_patient(label="LGG", seed=3, size=48, slices=8, channels=("flair",))
    >>> patient.images["flair"].shape, patient.mask.dtype.name
    ((48, 48, 8), 'uint8')
    """
    check_grid(size=size, slices=slices, field_of_view=field_of_view, coverage=coverage)
    check_channels(channels)
    traits = draw_traits(numpy_rng(seed, "traits"), label=label, separability=separability)
    scanner = draw_scanner(numpy_rng(seed, "scanner"))

    plain = draw_anatomy(numpy_rng(seed, "anatomy"))
    rng = numpy_rng(seed, "tumour")
    centre = place(rng, plain)
    anatomy = plain.pushed(centre, radius=traits.radius, strength=traits.mass_effect)
    tumour = grow_tumour(rng, anatomy, seed=centre, traits=traits)

    grid = image_axes(size=size, slices=slices, field_of_view=field_of_view, coverage=coverage)
    box = crop(grid, anatomy.bounds())
    inner: Axes = (grid[0][box[0]], grid[1][box[1]], grid[2][box[2]])
    tissue = anatomy.tissue(inner)
    parts = tumour_parts(tumour, inner, within=tissue.brain)
    shape = (size, size, slices)
    images = {}
    for channel in channels:
        image = np.zeros(shape, np.float32)
        rendered = _render(seed, channel, tissue, parts, traits, scanner, inner)
        image[box] = rendered
        images[channel] = image
    mask = np.zeros(shape, np.uint8)
    mask[box] = label_parts(parts)
    x, y, z = (float(v) for v in centre)
    return SimulatedPatient(label, images, mask, affine_of(grid), traits, scanner, (x, y, z))


def image_axes(*, size: int, slices: int, field_of_view: float, coverage: float) -> Axes:
    """Voxel centres in patient mm: x from right to left, y from front to back, z upwards."""
    across = field_of_view / size * ((size - 1) / 2 - np.arange(size))
    up = coverage / slices * (np.arange(slices) - (slices - 1) / 2)
    plane = across.astype(np.float32)
    return plane, plane, up.astype(np.float32)


def _render(
    seed: int,
    channel: str,
    tissue: Tissue,
    parts: Parts,
    traits: Traits,
    scanner: Scanner,
    target: Axes,
) -> Array:
    clean = paint(
        tissue,
        parts,
        scanner.looks[channel],
        necrosis=traits.necrosis,
        enhancement=traits.enhancement if channel == "t1ce" else 0.0,
        heterogeneity=traits.heterogeneity,
    )
    rng = numpy_rng(seed, "scan", channel)
    return scan(rng, clean, scanner, channel=channel, inside=tissue.brain, target=target)


def crop(grid: Axes, bounds: list[tuple[float, float]]) -> tuple[slice, slice, slice]:
    """The part of the grid that can hold brain: most of an image is background."""
    spans = []
    for points, (low, high) in zip(grid, bounds, strict=True):
        within = np.flatnonzero((points >= low) & (points <= high))
        # two points at least: a spacing is needed
        first = min(int(within[0]), len(points) - 2)
        spans.append(slice(first, max(int(within[-1]) + 1, first + 2)))
    return spans[0], spans[1], spans[2]


def affine_of(grid: Axes) -> NDArray[np.float64]:
    affine = np.eye(4)
    for i, points in enumerate(grid):
        affine[i, i] = round(float(points[-1] - points[0]) / (len(points) - 1), 6)
        affine[i, 3] = round(float(points[0]), 6)
    return affine
