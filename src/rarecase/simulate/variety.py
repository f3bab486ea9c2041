"""How a varied patient is examined: contrasts, field of view, planes, and what goes wrong.

Training on images whose contrast and quality are drawn far beyond what scanners do makes a network
that is told by shape and place instead of by grey values (domain randomisation: Billot et al.,
SynthSeg, Medical Image Analysis 86, 2023).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.simulate.contrast import CHANNELS, RANGES, Look, Scanner
from rarecase.simulate.head import AIR, BONE, DURA, EYE, FAT, FLUID, KINDS, MARROW, MUCOSA, MUSCLE

RANDOM = 0.25
"""How often a channel's contrast is anything at all."""
SEEN = 0.2
"""The least difference between tumour and healthy tissue, in a channel of random contrast."""

# Outside of the brain: kind → ranges of brightness per channel, white matter being 1.
_AROUND: dict[int, dict[str, tuple[float, float]]] = {
    FLUID: {"t1": (0.2, 0.4), "t1ce": (0.2, 0.5), "t2": (2.0, 3.0), "flair": (0.1, 0.4)},
    DURA: {"t1": (0.3, 0.7), "t1ce": (0.4, 1.8), "t2": (0.2, 0.7), "flair": (0.3, 0.9)},
    BONE: {"t1": (0.05, 0.25), "t1ce": (0.05, 0.25), "t2": (0.05, 0.25), "flair": (0.05, 0.25)},
    MARROW: {"t1": (0.5, 1.6), "t1ce": (0.5, 1.7), "t2": (0.4, 1.3), "flair": (0.3, 1.1)},
    FAT: {"t1": (0.6, 2.6), "t1ce": (0.4, 2.4), "t2": (0.5, 2.2), "flair": (0.3, 2.0)},
    MUSCLE: {"t1": (0.5, 0.9), "t1ce": (0.6, 1.1), "t2": (0.4, 0.9), "flair": (0.4, 1.0)},
    EYE: {"t1": (0.2, 0.4), "t1ce": (0.2, 0.4), "t2": (2.2, 3.2), "flair": (0.1, 0.5)},
    AIR: dict.fromkeys(CHANNELS, (0.0, 0.08)),
    MUCOSA: {"t1": (0.5, 0.9), "t1ce": (0.9, 2.0), "t2": (1.2, 2.6), "flair": (0.8, 1.8)},
}


@dataclass(frozen=True)
class Examination:
    """Everything about a varied patient's images but the patient.

    `around`: per channel the brightness of each kind of the head (KINDS,); `stripped`: only the
    brain is left; `spacing`: mm between slices, `thickness` of each; `gamma`, `coarse` (times the
    voxel's side), `ghost` (share), `motion` (mm) per channel; `vessels`: what contrast agent adds;
    `spots`: how much of the white matter has bright spots that are no tumour; `air`: noise of the
    background.
    """

    plane: str
    tilt: tuple[float, float, float]
    field_of_view: float
    coverage: float
    thickness: float
    stripped: bool
    scanner: Scanner
    around: dict[str, NDArray[np.float32]]
    gamma: dict[str, float]
    coarse: dict[str, float]
    ghost: dict[str, float]
    motion: dict[str, float]
    vessels: float
    spots: float
    air: bool

    def as_json(self) -> dict[str, Any]:
        """What was drawn."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        scanner = {e.name: getattr(self.scanner, e.name) for e in fields(Scanner)}
        scanner["looks"] = {name: vars(look) for name, look in self.scanner.looks.items()}
        around = {name: np.round(v, 3).tolist() for name, v in self.around.items()}
        return found | {"tilt": list(self.tilt), "scanner": scanner, "around": around}


def draw_examination(rng: np.random.Generator) -> Examination:
    """Draw one, whoever the patient is."""
    plane = str(rng.choice(["axial", "coronal", "sagittal"], p=[0.6, 0.2, 0.2]))
    tilt = np.deg2rad(rng.normal(0, 6, 3))
    looks = {channel: _look(rng, channel) for channel in CHANNELS}
    around = {channel: _around(rng, channel) for channel in CHANNELS}

    def sometimes(chance: float, low: float, high: float, *, otherwise: float) -> dict[str, float]:
        return {
            c: float(rng.uniform(low, high)) if rng.random() < chance else otherwise
            for c in CHANNELS
        }

    return Examination(
        plane=plane,
        tilt=(float(tilt[0]), float(tilt[1]), float(tilt[2])),
        field_of_view=float(rng.uniform(200, 270)),
        coverage=float(rng.uniform(110, 170)),
        thickness=float(rng.uniform(1, 8)),
        stripped=bool(rng.random() < 0.45),
        scanner=_scanner(rng, looks),
        around=around,
        gamma={c: float(np.exp(rng.normal(0, 0.18))) for c in CHANNELS},
        coarse=sometimes(0.4, 1.2, 3.0, otherwise=1.0),
        ghost=sometimes(0.12, 0.03, 0.2, otherwise=0.0),
        motion=sometimes(0.12, 0.5, 4.0, otherwise=0.0),
        vessels=float(rng.uniform(0, 1.5)),
        spots=float(rng.uniform(0, 0.06)) if rng.random() < 0.4 else 0.0,
        air=bool(rng.random() < 0.6),
    )


def _scanner(rng: np.random.Generator, looks: dict[str, Look]) -> Scanner:
    """Noise and bias from hardly any to what still shows a tumour."""
    level = float(np.exp(rng.uniform(np.log(0.008), np.log(0.09))))
    return Scanner(
        tesla=0.0,
        looks=looks,
        gain={c: float(np.exp(rng.uniform(np.log(100), np.log(1500)))) for c in CHANNELS},
        noise={c: level * float(rng.uniform(0.6, 1.6)) for c in CHANNELS},
        blur_mm=float(rng.uniform(0.8, 3.0)),
        bias=float(rng.uniform(0.02, 0.25)),
    )


def _look(rng: np.random.Generator, channel: str) -> Look:
    """A clinical contrast, stretched; or any in which a tumour can be seen."""
    if rng.random() < RANDOM:
        return _any_look(rng)
    drawn = []
    for low, high in RANGES[channel]:
        middle, half = (low + high) / 2, (high - low) / 2
        reach = 1.6 * half + 0.04 * abs(middle)
        drawn.append(float(rng.uniform(middle - reach, middle + reach)))
    return Look(*drawn)


def _any_look(rng: np.random.Generator) -> Look:
    while True:
        grey, csf, oedema, solid, fluid, enhancing = rng.uniform(0.1, 2.2, 6)
        healthy = np.array([1.0, grey])
        least = min(np.abs(healthy - each).min() for each in (oedema, solid, enhancing))
        if least > SEEN and abs(1 - grey) > 0.06:
            halo, detail = rng.uniform(-0.4, 0.6), rng.uniform(-1, 1)
            return Look(*map(float, (grey, csf, oedema, solid, fluid, enhancing, halo, detail)))


def _around(rng: np.random.Generator, channel: str) -> NDArray[np.float32]:
    found = np.zeros(KINDS, np.float32)
    anything = rng.random() < RANDOM
    for kind, ranges in _AROUND.items():
        low, high = (0.0, 2.2) if anything and kind != AIR else ranges[channel]
        found[kind] = rng.uniform(low, high)
    return found
