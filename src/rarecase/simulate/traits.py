"""What a tumour is like: numbers drawn per patient, and how far the classes differ in them.

Each trait is normal on its own scale. With separability s, a class's mean and standard deviation
lie on the straight line from a distribution that both classes share (s = 0: the moments of the
even mixture of the two) to the class's own (s = 1). For normal distributions that line is the
shortest way between them (the 2-Wasserstein geodesic; Givens & Shortt 1984). At s = 0 a trait,
and with it the image, says nothing about the label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from rarecase.errors import SettingError, nearest

CLASSES = ("HGG", "LGG")
Scale = Literal["log", "logit"]


@dataclass(frozen=True)
class Spread:
    """A trait's distribution: median per class, and standard deviation on the scale."""

    scale: Scale
    hgg: tuple[float, float]
    lgg: tuple[float, float]

    def moments(self, label: str, separability: float) -> tuple[float, float]:
        """Mean and standard deviation on the scale, for a class at a separability."""
        own = self.hgg if label == "HGG" else self.lgg
        means = [_onto(self.scale, median) for median, _ in (self.hgg, self.lgg)]
        shared_mean = sum(means) / 2
        variance = (self.hgg[1] ** 2 + self.lgg[1] ** 2) / 2 + ((means[0] - means[1]) / 2) ** 2
        s = separability
        return (
            s * _onto(self.scale, own[0]) + (1 - s) * shared_mean,
            s * own[1] + (1 - s) * math.sqrt(variance),
        )

    def value(self, z: float, *, label: str, separability: float) -> float:
        """The trait of a patient `z` standard deviations from the mean."""
        mean, deviation = self.moments(label, separability)
        at = mean + deviation * z
        return math.exp(at) if self.scale == "log" else 1 / (1 + math.exp(-at))


def _onto(scale: Scale, value: float) -> float:
    return math.log(value) if scale == "log" else math.log(value / (1 - value))


@dataclass(frozen=True)
class Traits:
    """One patient's tumour."""

    core_ml: float
    """Volume of the tumour core (all but the oedema), ml."""
    oedema_ratio: float
    """Volume of the oedema over that of the core."""
    oedema_in_grey: float
    """Speed of oedema in grey matter over that in white: low gives fingers."""
    irregularity: float
    """Standard deviation of the log speed of growth."""
    margin_mm: float
    """Width over which the tumour fades into the brain, mm."""
    enhancing: float
    """Part of the core that takes up contrast agent, 0…1; under `LEAST_ENHANCING` none does."""
    enhancement: float
    """Brightness that contrast agent adds on T1, in units of white matter."""
    necrosis: float
    """How much the rest of the core is dead fluid (1) rather than solid tumour (0)."""
    heterogeneity: float
    """Standard deviation of the texture within the core, relative."""
    mass_effect: float
    """How far the core pushes the tissue at its surface, in radii."""

    @property
    def radius(self) -> float:
        """Of a ball of the core's volume, mm."""
        return float((self.core_ml * 1e3 * 3 / (4 * np.pi)) ** (1 / 3))


LEAST_ENHANCING = 0.04

SPREADS: dict[str, Spread] = {
    "core_ml": Spread("log", (26.0, 0.5), (48.0, 0.5)),
    "oedema_ratio": Spread("log", (2.2, 0.4), (0.4, 0.5)),
    "oedema_in_grey": Spread("log", (0.06, 0.3), (0.30, 0.3)),
    "irregularity": Spread("log", (0.90, 0.2), (0.35, 0.3)),
    "margin_mm": Spread("log", (1.5, 0.25), (5.0, 0.25)),
    "enhancing": Spread("logit", (0.45, 0.5), (0.008, 1.0)),
    "enhancement": Spread("log", (0.75, 0.25), (0.45, 0.3)),
    "necrosis": Spread("logit", (0.93, 0.8), (0.06, 0.8)),
    "heterogeneity": Spread("log", (0.15, 0.3), (0.04, 0.3)),
    "mass_effect": Spread("log", (0.28, 0.3), (0.16, 0.3)),
}


def check_label(label: str) -> None:
    """Refuse a class that is not simulated."""
    if label not in CLASSES:
        raise SettingError(f"label {label!r} is not simulated; {nearest(label, CLASSES)}")


def check_separability(separability: float) -> None:
    """Refuse anything outside 0…1."""
    if not 0 <= separability <= 1:
        raise SettingError(f"separability must lie in 0…1 (0: no difference), got {separability}.")


def draw_traits(rng: np.random.Generator, *, label: str, separability: float) -> Traits:
    """Draw one patient's traits. The same `rng` gives both classes the same normal draws, so
    that at separability 0 they get the same tumour.

    >>> both = [draw_traits(np.random.default_rng(1), label=c, separability=0) for c in CLASSES]
    >>> both[0] == both[1]
    True
    """
    check_label(label)
    check_separability(separability)
    # ±2.5 deviations: a tumour larger than the hemisphere teaches nothing
    draws = np.clip(rng.standard_normal(len(SPREADS)), -2.5, 2.5)
    names = [field.name for field in fields(Traits)]
    return Traits(
        *(
            SPREADS[name].value(float(z), label=label, separability=separability)
            for name, z in zip(names, draws, strict=True)
        )
    )
